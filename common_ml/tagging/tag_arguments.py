"""Check that what an author hands to a function of the SDK is tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.tagging.messages import Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

_FROM_FILE = "common_ml.tagging.wire.read_messages(path) gives those of a tags file"
_HINTS = {
    "FrameTag": "a FrameTag has no time yet: tag_files(model, files) gives tags that have one",
    "str": _FROM_FILE,
    "PosixPath": _FROM_FILE,
    "dict": _FROM_FILE,
    "Progress": "keep those messages that are a Tag",
    "Error": "keep those messages that are a Tag",
}
"""Name of a type -> what to do about it."""


def checked_tags(tags: Iterable[Any], function: str) -> list[Tag]:
    """Return tags as a list.

    Args:
        tags: What an author handed over.
        function: Name of the function that takes them.

    Raises:
        TypeError: it is not an iterable, or something in it is no `Tag`.
    """
    if isinstance(tags, (str, bytes, dict, Tag)) or not hasattr(tags, "__iter__"):
        raise TypeError(_message(tags, "", function))
    found = list(tags)
    for place, tag in enumerate(found):
        if not isinstance(tag, Tag):
            raise TypeError(_message(tag, f" at [{place}]", function))
    return found


def _message(got: object, place: str, function: str) -> str:
    kind = type(got).__name__
    hint = f"; hint: {_HINTS[kind]}" if kind in _HINTS else ""
    return f"{function} takes a list of Tag, got {kind}{place}{hint}"
