"""Read and write XML files: parsed without entities, written with indentation."""

from __future__ import annotations

import codecs
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from common_ml.data.formats.shared.encodings import encoding_of
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from common_ml.data.formats.shared.items import Item
    from common_ml.types import StrPath


_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""")


_KNOWN = re.compile(
    r"utf-?(?:8|16|32)|(?:us-)?ascii|iso-?8859|latin|windows-|cp\d|gb|big5|euc|shift|koi8|mac",
    re.IGNORECASE,
)
"""Names of encodings that documents are written in; Python knows some that are none for text."""


def load_xml(path: StrPath) -> ET.Element:
    """Return the root of an XML file; namespaces are left out.

    Raises:
        FormatError: not valid XML, or with a document type, which could hold entities.
        OSError: it cannot be read.
    """
    shown = os.fspath(path)
    data = Path(path).read_bytes()
    raise_if_packed(data, shown)
    try:
        text = _decoded(data)
    except (ValueError, LookupError) as error:
        raise FormatError(
            f"{shown}: not valid XML ({len(data)} bytes): {error}", path=shown
        ) from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError(
            f"{shown}: has a document type, which annotations do not need", path=shown
        )
    try:
        root = ET.fromstring(text)  # noqa: S314 - no entities, see above
    except (ET.ParseError, ValueError, LookupError) as error:
        line = getattr(error, "position", (1, 0))[0]
        reason = str(error).partition(":")[0]
        raise FormatError(
            f"{shown}: line {line}: not valid XML ({len(data)} bytes): {reason}",
            path=shown,
            place=f"line {line}",
        ) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _decoded(data: bytes) -> str:
    """Return the text: by its byte order mark, its declaration, or as UTF-8.

    Raises:
        ValueError: bytes that are not of that encoding.
        LookupError: an encoding that Python does not know.
    """
    encoding = encoding_of(data)
    if encoding != "utf-8-sig":
        return data.decode(encoding)
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig")
    declared = _ENCODING.match(data)
    name = "utf-8" if declared is None else declared[1].decode()
    if not _KNOWN.match(name):
        raise LookupError(f"unknown encoding: {name}")
    # what can be read so far is not UTF-16, though some programs declare it
    return data.decode("utf-8" if name.lower().startswith(("utf-16", "utf-32")) else name)


def write_xml(root: ET.Element, file: BinaryIO) -> None:
    """Write a document."""
    ET.indent(root)
    file.write(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def add(parent: ET.Element, tag: str, text: object = None, **attributes: object) -> ET.Element:
    """Add an element with a text and attributes."""
    made = ET.SubElement(parent, tag, {key: shown(one) for key, one in attributes.items()})
    if text is not None:
        made.text = shown(text)
    return made


def shown(value: object) -> str:
    """Convert a value to XML text; what XML 1.0 cannot hold is replaced.

    Numbers have at most 6 decimals.
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "".join(one if is_allowed(one) else "\ufffd" for one in str(value))


def is_allowed(character: str) -> bool:
    """Whether XML 1.0 can hold a character, and returns it unchanged."""
    return character in {"\n", "\t"} or (
        character >= " "
        and not "\ud800" <= character <= "\udfff"
        and character not in "\ufffe\uffff"
    )


def texts(element: ET.Element) -> dict[str, str]:
    """Return the texts of an element's leaf children, by tag; the first of each."""
    found: dict[str, str] = {}
    for child in element:
        if len(child) == 0 and child.text is not None:
            found.setdefault(child.tag, child.text.strip())
    return found


def child_texts(element: ET.Element, tag: str) -> dict[str, str]:
    """Return the texts of a child's leaf children; empty where it is missing."""
    child = element.find(tag)
    return {} if child is None else texts(child)


def number_or_text(text: str) -> float | str:
    """Return the number that a text is, whole ones as int; 007 is a name, and stays a text."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value) or text.strip() != text or "_" in text:
        return text
    digits = text.removeprefix("-")
    if not digits.isdecimal():
        return value
    return text if len(digits) > 1 and digits[0] == "0" else int(text)


def corners(text: str, item: Item, field: str) -> Iterator[tuple[float, float]]:
    """Parse the points of `x,y;x,y;...`."""
    for part in text.rstrip("; ").split(";"):
        x, _, y = part.partition(",")
        try:
            yield float(x), float(y)
        except ValueError as error:
            raise item.error(f"must be x,y;x,y;..., got {text!r:.80}", field=field) from error
