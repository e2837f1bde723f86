"""Messages about invalid keys and values of `--params`, each with its path."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_LENGTH = 60  # characters of a value quoted in a message


def key_path(path: str, key: str) -> str:
    """Return the path of a key in the object at `path`: `$.a`, or `$["a b"]`."""
    if re.fullmatch(r"[^\W\d]\w*", key):
        return f"{path}.{key}"
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def child_path(path: str, part: Any) -> str:
    """Return the path of a key or an element of the value at `path`."""
    return f"{path}[{part}]" if isinstance(part, int) else key_path(path, str(part))


def missing_key(path: str, key: str) -> str:
    """Return the message about a missing required key."""
    return f'the key "{key}" is missing @ {key_path(path, key)}'


def unknown_key(path: str, key: str, known: Iterable[str]) -> str:
    """Return the message about an unknown key, with the closest known one.

    Args:
        path: Path of the object with the key.
        key: The unknown key.
        known: The known keys; one in another object has dots, as in `common_ml.strict`.
    """
    names = sorted(set(known))
    same = [name for name in names if name.endswith(f".{key}") or name.lower() == key.lower()]
    close = same or difflib.get_close_matches(key, names, n=1)
    here = [name for name in names if "." not in name]
    expected = f"use one of {', '.join(here)}" if here else "leave it out"
    hint = f'did you mean "{close[0]}"?' if close else expected
    return f'unknown key "{key}"; hint: {hint} @ {key_path(path, key)}'


def wrong_value(path: str, expected: str, got: Any) -> str:
    """Return the message about an invalid value."""
    return f"{last_name(path)} must be {expected}, got {shown(got)} @ {path}"


def last_name(path: str) -> str:
    """Return the name of the value at `path`: its key, with its index in a list."""
    return re.sub(r"^.*\.(?=[^.]+$)|^\$\.?", "", path) or "--params"


def shown(value: Any) -> str:
    """Return a value as sent, with its JSON type: `"high" (a string)`."""
    written = json.dumps(value, ensure_ascii=False, default=repr)
    if len(written) > SHOWN_LENGTH:
        written = written[: SHOWN_LENGTH - 3] + "..."
    return f"{written} ({JSON_NAMES[type(value)]})" if type(value) in JSON_NAMES else written


JSON_NAMES: dict[type[Any], str] = {str: "a string", list: "an array", dict: "an object"}
