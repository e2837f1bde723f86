"""Read a still image: upright RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml import stages
from common_ml.media.images.decoder import decode
from common_ml.media.images.file_bytes import read_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from common_ml.types import StrPath


def read_image(path: StrPath) -> npt.NDArray[np.uint8]:
    """Read a still image: RGB, uint8, shape (H, W, 3), upright.

    Of an animated or multi-page file it is the first picture. Grey, palette, black-and-white and
    CMYK pictures become RGB; an alpha channel is dropped, as most libraries do, so that a model
    sees the colours it was trained on. More than 8 bits are scaled by the depth of the file, never
    cut. Of floating-point pictures 0..1 is black to white (in Radiance, OpenEXR and PFM files,
    which hold linear light, through the sRGB curve); numbers beyond 1 are white there, and in a
    TIFF the largest one is. HDR HEIC and AVIF pictures are mapped to SDR. Orientation (EXIF, or of
    HEIF its own properties) is applied once.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged, truncated, or in a format that is not supported.
        UnknownMediaError: not a picture.
        LimitError: more pixels than allowed; nothing was decoded.
        MediaError: the file cannot be read.
    """
    with stages.within("decode"):
        rgb = decode(read_bytes(path), path)
    stages.tally("frames")
    return rgb
