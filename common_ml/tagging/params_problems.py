"""How a problem with a key of `--params` is told."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_LENGTH = 60  # characters of a value that stand in a message


def key_path(path: str, key: str) -> str:
    """Returns the path of a key in the object at `path`: `$.a`, or `$["a b"]`."""
    if re.fullmatch(r"[^\W\d]\w*", key):
        return f"{path}.{key}"
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def missing_key(path: str, key: str) -> str:
    """Returns the problem of a key that must be given."""
    return f'the key "{key}" is missing @ {key_path(path, key)}'


def unknown_key(path: str, key: str, known: Iterable[str]) -> str:
    """Returns the problem of a key that nobody reads, and the one that may be meant."""
    names = sorted(set(known))
    close = difflib.get_close_matches(key, names, n=1)
    expected = f"expected one of {', '.join(names)}" if names else "there is none here"
    way_out = f'did you mean "{close[0]}"?' if close else expected
    return f'unknown key "{key}": {way_out} @ {key_path(path, key)}'


def wrong_value(path: str, expected: str, got: Any) -> str:
    """Returns the problem of a value that is not what it must be."""
    return f"{last_name(path)} must be {expected}, got {shown(got)} @ {path}"


def last_name(path: str) -> str:
    """Returns the words for the value at `path`: its key, with its place in a list."""
    return re.sub(r"^.*\.(?=[^.]+$)|^\$\.?", "", path) or "--params"


def shown(value: Any) -> str:
    """Returns a value as it was sent, and what it is: `"high" (a string)`."""
    written = json.dumps(value, ensure_ascii=False, default=repr)
    if len(written) > SHOWN_LENGTH:
        written = written[: SHOWN_LENGTH - 3] + "..."
    return f"{written} ({JSON_NAMES[type(value)]})" if type(value) in JSON_NAMES else written


JSON_NAMES: dict[type[Any], str] = {str: "a string", list: "an array", dict: "an object"}
