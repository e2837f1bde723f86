"""What a file is that is no media, by its first bytes: text, playlists, archives, documents."""

from __future__ import annotations

import re

HEAD_BYTES = 4096
"""How much of a file tells what it is."""


def foreign_content(head: bytes) -> str:
    """Words for what begins with `head`, such as "a ZIP archive"; empty if it may be media.

    Playlists and scripts, which could make a demuxer open other files, are all text, or begin as
    such.
    """
    if _PICTURES_IN_TEXT.match(head) or not head:
        return ""
    for pattern, words in _MAGIC:
        if pattern.match(head):
            return words
    if not _is_text(head):
        return ""
    # Where the first bytes of a media file were overwritten, they may all be letters by chance.
    return "text" if _printable_share(head) > 0.9 else "bytes without any structure"


_PICTURES_IN_TEXT = re.compile(
    rb"YUV4MPEG2 |P[1-6][ \t\r\n]+(#|[0-9])|P7\nWIDTH|P[Ff]\n|#\?(RADIANCE|RGBE)"
)


def _starts(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)


_BLANK = rb"(\xef\xbb\xbf)?\s*"
_MAGIC: list[tuple[re.Pattern[bytes], str]] = [
    (_starts(rb"PK(\x03\x04|\x05\x06)"), "a ZIP archive"),
    (_starts(rb"\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07"), "an archive"),
    (_starts(rb"\x28\xb5\x2f\xfd|.{257}ustar"), "an archive"),
    (_starts(rb"%PDF-"), "a PDF document"),
    (_starts(rb"\x7fELF|MZ.\0|SQLite format 3\0|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
     "a program, a database or a document"),
    (_starts(_BLANK + rb"#EXTM3U"), "a playlist (m3u8), which names other files"),
    (_starts(_BLANK + rb"ffconcat"), "a playlist (ffconcat), which names other files"),
    (_starts(_BLANK + rb"\[(playlist|reference)\]"), "a playlist (pls), which names other files"),
    (_starts(_BLANK + rb"<asx"), "a playlist (asx), which names other files"),
    (_starts(_BLANK + rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(\w+:)?mpd"),
     "a playlist (MPD), which names other files"),
    (_starts(_BLANK + rb"v=0\r?\n.*\r?\n?m="), "a session description (SDP)"),
    (_starts(_BLANK + rb";ffmetadata"), "a text of metadata (ffmetadata)"),
    (_starts(_BLANK + rb"(<!--.*?-->\s*)*<(!doctype\s+html|html)"), "an HTML page"),
    (_starts(_BLANK + rb"<(\?xml|svg)"), "an XML document"),
    (_starts(_BLANK + rb"\{\s*\""), "JSON"),
]  # fmt: skip

_TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | (set(range(0x20, 0x100)) - {0x7F}))
_PRINTABLE = bytes({9, 10, 13, *range(0x20, 0x7F)})


def _is_text(head: bytes) -> bool:
    # Media hold a NUL or another control character within the first kilobytes, text never does.
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
        return all(character.isprintable() or character.isspace() for character in text)
    return not head.translate(None, _TEXT_BYTES)


def _printable_share(head: bytes) -> float:
    """How much of it letters of a language in Latin script would be, at least."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return 1.0
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not only a letter that the end of the head cuts apart
            return sum(map(_PRINTABLE.__contains__, head)) / len(head)
    return 1.0
