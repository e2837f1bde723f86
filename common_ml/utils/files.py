"""Detect the kind of a file, and encode paths as file names."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from common_ml.errors import MissingMediaError
from common_ml.media.kinds import kind_by_name, media_kind

if TYPE_CHECKING:
    from common_ml.media.kinds import Kind
    from common_ml.types import StrPath


def get_file_type(path: StrPath) -> Kind:
    """Return whether a file is an "image", "video", "audio" or "unknown".

    The content decides, or the extension where that is inconclusive or the file does not exist.

    Raises:
        MediaError: the file cannot be read.
    """
    try:
        return media_kind(path)
    except MissingMediaError:
        return kind_by_name(path)


def encode_path(path: StrPath) -> str:
    """Encode a path as a plain file name; `decode_path` reverses it.

    Everything before the extension, directories included, is encoded in url-safe base64 without
    padding; the extension is kept: `part 1.mp4` becomes `cGFydCAx.mp4`.
    """
    stem, extension = os.path.splitext(os.fspath(path))  # noqa: PTH122 - Path would tidy it up
    encoded = base64.urlsafe_b64encode(os.fsencode(stem)).rstrip(b"=")
    return encoded.decode() + extension


def decode_path(path: StrPath) -> str:
    """Decode a name that `encode_path` made.

    Raises:
        ValueError: `encode_path` did not make it.
    """
    name = os.fspath(path)
    stem, extension = os.path.splitext(name)  # noqa: PTH122 - as above
    try:
        padded = stem + "=" * (-len(stem) % 4)
        decoded = os.fsdecode(base64.b64decode(padded, altchars=b"-_", validate=True)) + extension
    except ValueError as error:
        raise ValueError(f"not an encoded path: {name!r}") from error
    if encode_path(decoded) != name:  # a second spelling, such as with padding
        raise ValueError(f"not an encoded path: {name!r}")
    return decoded
