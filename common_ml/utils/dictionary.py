"""Merge nested dictionaries, and write them as JSON with text values."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def nested_update(original: Mapping[Any, Any], updates: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a dictionary with updates, merged recursively.

    Where both have a dictionary under a key, they are merged; any other value of `updates` replaces
    the old one. Neither argument is changed, and the result shares no dictionary with them.
    """
    updated = copy.deepcopy(dict(original))
    for key, value in updates.items():
        known = updated.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            updated[key] = nested_update(known, value)
        else:
            updated[key] = copy.deepcopy(value)
    return updated


def dict_to_str(data: Mapping[Any, Any]) -> str:
    """Write a dictionary as a JSON object whose values are texts: `{"fps": "1", "name": "a"}`."""
    return json.dumps({str(key): str(value) for key, value in data.items()}, ensure_ascii=False)
