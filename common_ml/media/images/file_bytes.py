"""Read the bytes of an image file, unless they or the picture are too large."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common_ml.errors import DecodeError, LimitError
from common_ml.media import limits
from common_ml.media.access import access_error, open_file, quoted
from common_ml.media.headers.image_header import read_header
from common_ml.media.headers.leading_bytes import num_leading_bytes

if TYPE_CHECKING:
    from typing import TypeAlias

    from common_ml.types import StrPath

    ImagePath: TypeAlias = StrPath

_HEAD_BYTES = 1 << 16
_MAX_BYTES_PER_PIXEL = 8
"""Bytes per pixel: four channels of 16 bits, not compressed."""
_SPARE_BYTES = 64 * 1024 * 1024
"""Bytes for anything else: thumbnails, metadata, further pictures of an animation."""


def read_bytes(path: ImagePath) -> bytes:
    """Read the whole file.

    Raises:
        LimitError: the file or the picture in it is larger than allowed.
        DecodeError: the picture has no pixels.
        MediaError: the file cannot be read.
    """
    with open_file(path) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        max_bytes = _SPARE_BYTES + _MAX_BYTES_PER_PIXEL * limits.in_force().max_pixels
        if num_bytes > max_bytes:
            raise LimitError(
                f"{quoted(path)} is too large: it has {num_bytes} bytes, and no picture of the"
                f" allowed size has more than {max_bytes} (max_pixels)",
                path=path,
            )
        try:
            file.seek(num_leading_bytes(file))
            head = file.read(_HEAD_BYTES)
            _check_size(head, path)  # before the rest is read into memory
            data = head + (file.readall() if len(head) == _HEAD_BYTES else b"")
        except OSError as error:
            raise access_error(error, path) from error
    if len(data) > _HEAD_BYTES:
        _check_size(data, path)
    return data


def _check_size(data: bytes, path: ImagePath) -> None:
    """Refuse a picture that is too large, or has no pixels, by its header."""
    size = read_header(data).size
    if size is None:
        return
    if 0 in size:
        raise DecodeError(
            f"cannot decode {quoted(path)}: it is {size[0]} x {size[1]} pixels, nothing to see",
            path=path,
        )
    limits.in_force().check_size(path, *size)
