"""Find where a media file begins, behind a tag or a few bytes that a program put before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common_ml.media.headers.magic import PICTURES, SOUND_AND_VIDEO, picture_format

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_STRAY_BYTES = 16
"""Marks of byte order, line ends, and what a broken download leaves; more is another format."""
_MAX_TAGS = 8
_HEAD_BYTES = 256

_STRAY = re.compile(
    b"|".join(
        [
            PICTURES["jpeg"] + rb"[\xc0-\xfe]",  # a marker follows
            *(PICTURES[name] for name in ("png", "gif", "webp")),
            *(SOUND_AND_VIDEO[name] for name in ("riff", "aiff", "flac", "ogg", "matroska")),
        ]
    ),
    re.DOTALL,
)
"""First bytes of formats that are long enough to be no chance."""
_BOXES = re.compile(rb"(?:\xef\xbb\xbf|[\r\n\t ])+(?=" + SOUND_AND_VIDEO["mp4"] + b")", re.DOTALL)
"""Text before the first box of MP4: other bytes may be a box of their own."""
_TAGGED = re.compile(
    b"|".join(SOUND_AND_VIDEO[name] for name in ("riff", "aiff", "au", "mp4", "w64")), re.DOTALL
)
"""First bytes of formats that have no place for an ID3 tag; of others demuxers skip it."""


def num_leading_bytes(file: BinaryIO) -> int:
    """Return how many bytes stand before the media; 0 where the file is as it should be.

    Args:
        file: Any file, open for reading.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    return _num_tag_bytes(file, head) if head.startswith(b"ID3") else num_stray_bytes(head)


def num_stray_bytes(head: bytes) -> int:
    """Return how many bytes stand before the media, by the first bytes of a file; see above."""
    if picture_format(head):
        return 0
    boxes = _BOXES.match(head, 0, MAX_STRAY_BYTES + 8)
    if boxes:
        return boxes.end()
    return next((at for at in range(1, MAX_STRAY_BYTES + 1) if _STRAY.match(head, at)), 0)


def _num_tag_bytes(file: BinaryIO, head: bytes) -> int:
    """Return the length of the ID3v2 tags (id3.org, 3.1) before a format without them, or 0."""
    position = 0
    for _ in range(_MAX_TAGS):
        if not head.startswith(b"ID3") or len(head) < 10 or max(head[6:10]) > 0x7F:
            break
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10])))
        position += 10 + size + (10 if head[5] & 0x10 else 0)
        file.seek(position)
        head = file.read(_HEAD_BYTES)
    return position if _TAGGED.match(head) else 0
