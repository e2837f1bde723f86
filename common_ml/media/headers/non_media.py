"""Detect files that are not media by their first bytes: text, playlists, archives, documents."""

from __future__ import annotations

import re

from common_ml.media.headers.magic import binary_non_media, picture_format

HEAD_BYTES = 4096
"""Bytes of a file that are examined."""


def non_media_kind(head: bytes) -> str:
    """Name the content, such as "a ZIP archive"; empty if it may be media.

    Playlists and scripts, which could make a demuxer open other files, are all text, or begin
    with text.
    """
    if not head or _PICTURES_IN_TEXT.match(head) or picture_format(head) in _TEXTUAL_PICTURES:
        return ""
    words = binary_non_media(head) or _script(head)
    if words or not _is_text(head):
        return words
    # The first bytes of a damaged media file may all be letters by chance.
    return "text" if _printable_share(head) > 0.9 else "bytes without any structure"


_TEXTUAL_PICTURES = frozenset({"pnm", "pam", "pfm", "phm", "radiance", "xbm", "xpm"})
_PICTURES_IN_TEXT = re.compile(rb"YUV4MPEG2 ")

_SCRIPTS = {
    b"#extm3u": "a playlist (m3u8), which names other files",
    b"ffconcat": "a playlist (ffconcat), which names other files",
    b"[playlist]": "a playlist (pls), which names other files",
    b"[reference]": "a playlist (pls), which names other files",
    b";ffmetadata": "a text of metadata (ffmetadata)",
}
"""First word of a text, in lower case -> its kind."""
_ROOT_ELEMENTS = {
    b"asx": "a playlist (asx), which names other files",
    b"mpd": "a playlist (MPD), which names other files",
    b"html": "an HTML page",
    b"!doctype html": "an HTML page",
    b"svg": "an XML document",
}
"""First element of a document, in lower case, without its prefix -> its kind."""
_BLANKS = re.compile(rb"\s*")
_ELEMENT = re.compile(rb"<(?:\w{1,64}:)?(!doctype\s{1,9}html|\w{1,64})")


def _script(head: bytes) -> str:
    """Return the kind of a text by its first word or element, after blanks and comments."""
    text = head.removeprefix(b"\xef\xbb\xbf").lower().lstrip()
    for word, words in _SCRIPTS.items():
        if text.startswith(word):
            return words
    if text.startswith((b"v=0\n", b"v=0\r\n")) and b"m=" in text:
        return "a session description (SDP)"
    if text.startswith(b"{") and text[1:].lstrip().startswith(b'"'):
        return "JSON"
    if not text.startswith(b"<"):
        return ""
    return _document(text)


def _document(text: bytes) -> str:
    """Return the kind of a text with elements; linear in its length."""
    is_xml = text.startswith(b"<?xml")
    position = (text.find(b">") + 1 or len(text)) if is_xml else 0
    while True:
        blanks = _BLANKS.match(text, position)
        position = blanks.end() if blanks else position
        if not text.startswith(b"<!--", position):
            break
        position = text.find(b"-->", position) + 3
        if position == 2:  # an unterminated comment
            break
    root = _ELEMENT.match(text, position) if position != 2 else None
    name = b" ".join(root[1].split()) if root else b""
    return _ROOT_ELEMENTS.get(name, "an XML document" if is_xml else "")


_TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | (set(range(0x20, 0x100)) - {0x7F}))
_PRINTABLE = bytes({9, 10, 13, *range(0x20, 0x7F)})


def _is_text(head: bytes) -> bool:
    # Media contain NUL or another control character in the first kilobytes, text never does.
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
        return all(character.isprintable() or character.isspace() for character in text)
    return not head.translate(None, _TEXT_BYTES)


def _printable_share(head: bytes) -> float:
    """Minimum share of letters in a text in Latin script."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return 1.0
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not only a character truncated at the end of the head
            return sum(map(_PRINTABLE.__contains__, head)) / len(head)
    return 1.0
