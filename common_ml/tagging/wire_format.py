"""One message <-> one line of JSON, without any file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from common_ml.errors import MessageError
from common_ml.tagging import wire_values
from common_ml.tagging.messages import Error, Message, Progress, ProgressRatio, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

    _Documenter = Callable[[Any], dict[str, Any]]

WIRE_NAMES: dict[type[Message], str] = {
    Tag: "tag",
    Progress: "progress",
    ProgressRatio: "progress_ratio",
    Error: "error",
}
OPTIONS = wire_values.OPTIONS | orjson.OPT_APPEND_NEWLINE


def encode(message: Message) -> bytes:
    r"""Returns the line of a message: UTF-8, ending in b"\n", without another newline in it.

    An `Error` can always be written: what is not Unicode in it is escaped.

    Raises:
        MessageError: a value cannot be written; says which field of which tag.
    """
    document: _Documenter = _DOCUMENTS.get(type(message), _other)
    try:
        return orjson.dumps(document(message), wire_values.simplify, OPTIONS)
    except TypeError:
        return _encode_slowly(message)


def decode(line: bytes) -> Message:
    """Returns the message of a line.

    Raises:
        ValueError: the line is no message; says what, got and expected.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}, got {_excerpt(line)}") from error
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


def _wire_type(message: Message) -> type[Message]:
    """Returns the type by which a subclass's instance travels."""
    for base in type(message).__mro__:
        if base in WIRE_NAMES:
            return base
    names = ", ".join(kind.__name__ for kind in WIRE_NAMES)
    got = f"{type(message).__name__} {message!r:.80}"
    raise MessageError(f"a message must be one of {names}, got {got}", field="type")


def _tag(tag: Tag) -> dict[str, Any]:
    # the fields of a tag stand in the order of the wire, `vector` only where there is one; to
    # build them anew would cost a third of the encoding
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
"""Message -> what orjson writes, for the one type that is nearly all that is ever written."""
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
    """Returns the line of a message that orjson refuses as it is, or raises what is wrong."""
    if isinstance(message, Error):
        message = _writable_error(message)
    documenter: _Documenter = _DOCUMENTS.get(type(message), _other)
    document = documenter(message)
    try:
        document["data"] = wire_values.plain(document["data"], "")
    except MessageError as error:
        raise MessageError(f"{error}; {_name(message)}", field=error.field) from error
    return orjson.dumps(document, option=OPTIONS)


def _writable_error(error: Error) -> Error:
    """Returns the error with everything escaped that is not Unicode."""
    message, source_media = _escaped(error.message), error.source_media
    if source_media is not None and _escaped(source_media) != source_media:
        # a name that the runtime cannot have sent: it would fail the job on it
        message, source_media = f"{message} (file: {_escaped(source_media)})", None
    return Error(message, source_media)


def _escaped(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _name(message: Message) -> str:
    """Returns the words by which an author finds the message at fault."""
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
    """Checks what a `Tag` would put right, and restores what JSON cannot say."""
    for key in ("start_time", "end_time"):
        if type(data[key]) is not int:
            raise ValueError(f"must have an int as {key}, got {data[key]!r}")
    if type(data.get("vector")) is list and None in data["vector"]:
        data["vector"] = [float("nan") if number is None else number for number in data["vector"]]


def _excerpt(line: bytes) -> str:
    """Returns the start of a line, as it stands in a message."""
    start = line[:80].decode(errors="backslashreplace").rstrip("\n")
    return f"{start}..." if len(line) > 80 else start or "an empty line"
