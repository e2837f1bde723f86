"""Detect encrypted media by the structure of MP4 and Matroska files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, BinaryIO

from common_ml.media.headers.boxes import boxes_of_file

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_BYTES = 1 << 20
"""Bytes of a header that are searched: stream descriptions are at its beginning."""


def is_encrypted(file: BinaryIO, container: str) -> bool:
    """Whether a file declares its media as encrypted: the MP4 family, Matroska and WebM.

    Args:
        file: Any file, open for reading.
        container: FFmpeg's name of its format.
    """
    check = _CHECKS.get(container)
    if check is None:
        return False
    file.seek(0)
    return check(file)


def _in_boxes(file: BinaryIO) -> bool:
    """ISO base media: a sample description `encv` or `enca`, in the box `moov`."""
    for box in boxes_of_file(file, file.seek(0, os.SEEK_END)):
        if box.kind == b"moov":
            file.seek(box.start)
            head = file.read(min(box.end - box.start, _MAX_BYTES))
            return bool(_ENCRYPTED_SAMPLES.search(head))
    return False


def _in_matroska(file: BinaryIO) -> bool:
    """Matroska: an element ContentEncryption in ContentEncodings, before the first cluster."""
    head, _, _ = file.read(_MAX_BYTES).partition(b"\x1f\x43\xb6\x75")
    return bool(_CONTENT_ENCRYPTION.search(head))


# Version and flags, the number of entries, the size of the first one; then its kind.
_ENCRYPTED_SAMPLES = re.compile(rb"stsd\0.{3}\0{3}.{5}(encv|enca|drmi|drms)", re.DOTALL)
_CONTENT_ENCRYPTION = re.compile(rb"\x6d\x80.{1,8}?\x62\x40.{1,60}?\x50\x35", re.DOTALL)
_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _in_boxes,
    "matroska,webm": _in_matroska,
}
