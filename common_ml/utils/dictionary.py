"""Dictionaries of dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def nested_update(original: dict[Any, Any], updates: Mapping[Any, Any]) -> dict[Any, Any]:
    """Update a dictionary in place, and the dictionaries in it likewise.

    Where both hold a dictionary under a key, the one is updated by the other; everything else
    that `updates` holds replaces what was there. `updates` is not changed, then or later.

    Returns:
        `original`.
    """
    for key, value in updates.items():
        if isinstance(value, dict):
            known = original.get(key)
            original[key] = nested_update(known if isinstance(known, dict) else {}, value)
        else:
            original[key] = value
    return original


def dict_to_str(data: Mapping[Any, Any]) -> str:
    """Write a dictionary on one line, for a log: `fps=1, model={name=small, size=3}`."""
    return ", ".join(
        f"{key}={{{dict_to_str(value)}}}" if isinstance(value, dict) else f"{key}={value}"
        for key, value in data.items()
    )
