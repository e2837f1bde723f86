"""Encode and decode messages as lines of JSON; no I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.errors import MessageError
from common_ml.tagging.messages import Error, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.tags_file import json_values

if TYPE_CHECKING:
    from collections.abc import Callable

    _Documenter = Callable[[Any], dict[str, Any]]

WIRE_NAMES: dict[type[Message], str] = {
    Tag: "tag",
    Progress: "progress",
    ProgressRatio: "progress_ratio",
    Error: "error",
}
OPTIONS = json_values.OPTIONS | orjson.OPT_APPEND_NEWLINE
PAGE_BYTES = 4096
"""A file grows page by page, also within one write: a reader may see only the first pages."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def encode(message: Message) -> bytes:
    r"""Encode a message as one line of UTF-8 that ends in b"\n".

    A line of more than `PAGE_BYTES` is ASCII, with other characters as `\uXXXX`: a reader may see
    only its first pages, and many readers fail on a truncated UTF-8 sequence.

    An `Error` can always be encoded: lone surrogates in it are escaped.

    Raises:
        MessageError: a value cannot be encoded; the message names the field and the tag.
    """
    document: _Documenter = _DOCUMENTS.get(type(message), _other)
    try:
        line = orjson.dumps(document(message), json_values.simplify, OPTIONS)
    except TypeError:
        line = _encode_slowly(message)
    return line if len(line) <= PAGE_BYTES or line.isascii() else _as_ascii(line)


def padded(line: bytes, offset: int) -> bytes:
    """Return a line as it is written at an offset: spaces before it, if it would cross a page.

    A line of more than `PAGE_BYTES` crosses one wherever it begins, and is left as it is.
    """
    room = -offset % PAGE_BYTES
    return b" " * room + line if 0 < room < len(line) <= PAGE_BYTES else line


def decode(line: bytes) -> Message:
    """Decode the message of a line.

    Raises:
        ValueError: the line is not a message; the text has what, got and expected.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: {error}, got {_excerpt(line)}") from error
    if type(document) is not dict or document.keys() != {"type", "data"}:
        expected = 'must be {"type": ..., "data": {...}}'
        raise ValueError(f"{expected}, got {_excerpt(line)}")
    kind, data = _TYPES.get(str(document["type"])), document["data"]
    if kind is None:
        expected = ", ".join(_TYPES)
        raise ValueError(f"has the unknown type {document['type']!r}: expected one of {expected}")
    if type(data) is not dict:
        raise ValueError(f"must have an object as data, got {_excerpt(line)}")
    _check_keys(kind, data)
    if kind is Tag:
        _check_tag(data)
    return kind(**data)


def _as_ascii(line: bytes) -> bytes:
    """Escape all non-ASCII characters of JSON text; they occur only within strings."""
    text = line.decode()
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


def _wire_type(message: Message) -> type[Message]:
    """Return the message type whose wire name an instance of a subclass gets."""
    for base in type(message).__mro__:
        if base in WIRE_NAMES:
            return base
    names = ", ".join(kind.__name__ for kind in WIRE_NAMES)
    got = f"{type(message).__name__} {message!r:.80}"
    raise MessageError(f"a message must be one of {names}, got {got}", field="type")


def _tag(tag: Tag) -> dict[str, Any]:
    # the fields of a tag are in wire order already, with `vector` only if there is one; building a
    # new dict would take a third of the encoding time
    data, frame_info = tag.__dict__, tag.frame_info
    if frame_info is not None:
        data = {**data, "frame_info": frame_info.__dict__}
    return {"type": "tag", "data": data}


def _other(message: Message) -> dict[str, Any]:
    kind = _wire_type(message)
    data = {name: getattr(message, name) for name in kind.__dataclass_fields__}
    if kind is Tag and data["vector"] is None:
        del data["vector"]
    return {"type": WIRE_NAMES[kind], "data": data}


_DOCUMENTS: dict[type[Message], _Documenter] = {Tag: _tag}
"""Message -> value for orjson, for the by far most frequent type."""
_TYPES = {name: kind for kind, name in WIRE_NAMES.items()}
_REQUIRED: dict[type[Message], frozenset[str]] = {
    Tag: frozenset({"start_time", "end_time", "tag", "source_media"}),
    Progress: frozenset({"source_media"}),
    ProgressRatio: frozenset({"progress"}),
    Error: frozenset({"message"}),
}
_KNOWN: dict[type[Message], frozenset[str]] = {
    kind: frozenset(kind.__dataclass_fields__) for kind in WIRE_NAMES
}


def _encode_slowly(message: Message) -> bytes:
    """Encode a message that orjson rejects unchanged, or raise the problem."""
    if isinstance(message, Error):
        message = _writable_error(message)
    documenter: _Documenter = _DOCUMENTS.get(type(message), _other)
    document = documenter(message)
    try:
        document["data"] = json_values.plain(document["data"], "")
    except MessageError as error:
        raise MessageError(f"{error}; {_name(message)}", field=error.field) from error
    return orjson.dumps(document, option=OPTIONS)


def _writable_error(error: Error) -> Error:
    """Return the error with lone surrogates escaped."""
    message, source_media = _escaped(error.message), error.source_media
    if source_media is not None and _escaped(source_media) != source_media:
        # the runtime cannot have sent this name, and would fail the job because of it
        message, source_media = f"{message} (file: {_escaped(source_media)})", None
    return Error(message, source_media)


def _escaped(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _name(message: Message) -> str:
    """Return the description of an invalid message for its author."""
    if not isinstance(message, Tag):
        return f"in {type(message).__name__}"
    frame = message.frame_info
    at = "" if frame is None else f", frame {frame.frame_idx}"
    times = f"{message.start_time}..{message.end_time} ms{at}"
    return f"in the tag {message.tag!r:.80} at {times} of {message.source_media!r}"


def _check_keys(kind: type[Message], data: dict[str, Any]) -> None:
    missing = sorted(_REQUIRED[kind] - data.keys())
    if missing:
        raise ValueError(f"has no {missing[0]}: expected in data of {WIRE_NAMES[kind]}")
    unknown = sorted(data.keys() - _KNOWN[kind])
    if unknown:
        expected = ", ".join(sorted(_KNOWN[kind]))
        raise ValueError(f"has the unknown key {unknown[0]!r} in data: expected {expected}")


def _check_tag(data: dict[str, Any]) -> None:
    """Check values that `Tag` would convert, and restore values that JSON cannot express."""
    for key in ("start_time", "end_time"):
        if type(data[key]) is not int:
            raise ValueError(f"must have an int as {key}, got {data[key]!r}")
    if type(data.get("vector")) is list and None in data["vector"]:
        data["vector"] = [float("nan") if number is None else number for number in data["vector"]]


def _excerpt(line: bytes) -> str:
    """Return the start of a line, for a message."""
    start = line[:80].decode(errors="backslashreplace").rstrip("\n")
    return f"{start}..." if len(line) > 80 else start or "an empty line"
