"""Encoding of a text file, by its byte order mark or the zeros between its first characters."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZEROS: dict[tuple[bool, ...], str] = {
    (True, False, False, False): "utf-32-le",
    (False, False, False, True): "utf-32-be",
    (True, False, True, False): "utf-16-le",
    (False, True, False, True): "utf-16-be",
}
"""Which of the first four bytes are not zero in a text that begins with two ASCII characters."""


def encoding_of(head: bytes) -> str:
    """Return the codec of a text; it skips a byte order mark. UTF-8 where nothing says otherwise.

    Args:
        head: At least the first four bytes of the file.
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    return _ZEROS.get(tuple(byte != 0 for byte in head[:4]), "utf-8-sig")


def as_utf8(head: bytes) -> bytes:
    """Return a text file, or its beginning, in UTF-8; what cannot be decoded becomes U+FFFD.

    A text that is UTF-8 already is returned as it is, with its byte order mark.
    """
    encoding = encoding_of(head)
    return head if encoding == "utf-8-sig" else head.decode(encoding, "replace").encode()
