"""Whether the content of a file is encrypted, by what its own structure says."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_BYTES = 1 << 20
"""How much of a header is searched: descriptions of streams stand at its beginning."""


def is_encrypted(path: str | os.PathLike[str], container: str) -> bool:
    """Whether a file says that what it holds is encrypted: MP4 and its kin, Matroska and WebM.

    Args:
        path: The file.
        container: FFmpeg's name of its format.
    """
    check = _CHECKS.get(container)
    if check is None:
        return False
    with open(path, "rb") as file:  # noqa: PTH123 - any path-like
        return check(file)


def _in_boxes(file: BinaryIO) -> bool:
    """ISO base media: a sample description `encv` or `enca`, in the box `moov`."""
    size = os.fstat(file.fileno()).st_size
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if kind == b"moov":
            file.seek(position)
            return bool(_ENCRYPTED_SAMPLES.search(file.read(min(length, _MOST_BYTES))))
        if length < 8:
            return False
        position += length
    return False


def _in_matroska(file: BinaryIO) -> bool:
    """An element ContentEncryption within ContentEncodings, before the first cluster."""
    head, _, _ = file.read(_MOST_BYTES).partition(b"\x1f\x43\xb6\x75")
    return bool(_CONTENT_ENCRYPTION.search(head))


# Version and flags, the number of entries, the size of the first one; then its kind.
_ENCRYPTED_SAMPLES = re.compile(rb"stsd\0.{3}\0{3}.{5}(encv|enca|drmi|drms)", re.DOTALL)
_CONTENT_ENCRYPTION = re.compile(rb"\x6d\x80.{1,8}?\x62\x40.{1,60}?\x50\x35", re.DOTALL)
_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _in_boxes,
    "matroska,webm": _in_matroska,
}
