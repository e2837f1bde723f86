"""Read JSON files leniently: integers of any size, NaN, byte order marks, surrogates."""

from __future__ import annotations

import codecs
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from common_ml.data.formats.shared.encodings import as_utf8, encoding_of
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from common_ml.types import StrPath

_LARGE_INT = re.compile(rb"(?<![\d.eE+\-])-?\d{19,}(?![\d.eE])")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CHUNK_BYTES = 1 << 20
_OVERLAP = 64


def load_json(path: StrPath) -> Any:
    """Read a JSON file.

    Whole numbers are exact whatever their size; NaN and Infinity are None; a byte order mark is
    skipped; a lone surrogate becomes U+FFFD.

    Raises:
        FormatError: it is not valid JSON or not UTF-8; with line and column.
        OSError: it cannot be read.
    """
    return parse_json(Path(path).read_bytes(), os.fspath(path))


def load_json_or_lines(path: StrPath) -> Any:
    """Read a JSON file, as `load_json`; JSON Lines, one value a line, become a list.

    Raises:
        FormatError: as `load_json`; the line of JSON Lines that is not valid.
        OSError: it cannot be read.
    """
    content, name = Path(path).read_bytes(), os.fspath(path)
    try:
        return parse_json(content, name)
    except FormatError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError) or cause.msg != "Extra data":
            raise
        lines = as_utf8(content).removeprefix(codecs.BOM_UTF8).split(b"\n")
        if not _is_json(lines[0]):
            raise
    return [
        parse_json(line, name, line_number=number)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line, "")
    except FormatError:
        return False
    return True


def parse_json(content: bytes, name: str, *, line_number: int = 1) -> Any:
    """Parse JSON that is in memory, as `load_json` does.

    Args:
        content: The file, or some lines of it.
        name: Name of the file in errors.
        line_number: Number of the first line in the file, for errors.

    Raises:
        FormatError: as above.
    """
    raise_if_packed(content, name)
    encoding = encoding_of(content)
    if encoding != "utf-8-sig":
        content = _decoded(content, encoding, name, line_number).encode("utf-8", "surrogatepass")
    content = content.removeprefix(codecs.BOM_UTF8)
    if not _has_large_int(content):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass  # the slower parser handles NaN and surrogates, and locates errors
    return _slow(content, name, line_number)


def _slow(content: bytes, name: str, first: int) -> Any:
    text = _decoded(content, "utf-8", name, first)
    if not text.strip():
        raise _error(name, "the file is empty", first, 1)
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        line = first + error.lineno - 1
        raise _error(name, f"invalid JSON: {error.msg}", line, error.colno) from error
    except (RecursionError, ValueError) as error:  # or a number of more digits than Python converts
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        where = name if first == 1 else f"{name}: line {first}"
        raise FormatError(f"{where}: invalid JSON: {reason}", path=name) from error
    return _without_surrogates(value) if re.search(r"\\u[dD][89a-fA-F]", text) else value


def _decoded(content: bytes, encoding: str, name: str, first: int) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line, column = place_of(error.object, error.start)
        raise _error(
            name,
            f"not {encoding.upper()}: byte 0x{error.object[error.start]:02x} cannot be decoded in"
            " these bytes; hint: convert the file to UTF-8",
            first + line - 1,
            column,
        ) from error


def place_of(content: bytes, position: int) -> tuple[int, int]:
    """Return line and column, counted from 1, of a byte offset in UTF-8 text."""
    head = content[:position]
    start = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    lines = head.count(b"\n") + head.count(b"\r") - head.count(b"\r\n")
    return lines + 1, len(head[start:].decode("utf-8", "replace")) + 1


def _error(name: str, problem: str, line: int, column: int) -> FormatError:
    place = f"line {line}"
    return FormatError(f"{name}: {place}, column {column}: {problem}", path=name, place=place)


def _has_large_int(content: bytes) -> bool:
    """Whether there is an integer of 19 digits or more, which orjson may round."""
    step = _CHUNK_BYTES
    for start in range(0, len(content), step):
        chunk = content[start : start + step + _OVERLAP]
        digits = (np.frombuffer(chunk, np.uint8) - np.uint8(48)) < 10  # wraps below "0"
        for shift in (1, 2, 4, 8, 3):  # runs of 2, 4, 8, 16, 19 digits
            digits = digits[:-shift] & digits[shift:]
        if digits.any() and _LARGE_INT.search(chunk):
            return True
    return False


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(one) for key, one in value.items()}
    return value
