"""Pictures with known pixels, in depths and layouts that ordinary writers do not offer."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

HEIGHT, WIDTH = 48, 64
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB: npt.NDArray[np.uint8] = np.stack([COLUMNS * 4, ROWS * 5, COLUMNS * 2 + ROWS], -1).astype(
    np.uint8
)
RGB_16: npt.NDArray[np.uint16] = np.stack(
    [COLUMNS * 1000, ROWS * 1300, COLUMNS * 500 + ROWS * 30], -1
).astype(np.uint16)
ALPHA: npt.NDArray[np.uint8] = (COLUMNS * 3).astype(np.uint8)


def eight_bits(samples: npt.NDArray[Any], max_value: int) -> npt.NDArray[np.int64]:
    """Exact arithmetic: 0..max_value to 0..255, rounded half up; grey becomes RGB."""
    scaled = (samples.astype(np.int64) * 510 + max_value) // (2 * max_value)
    return scaled if scaled.ndim == 3 else np.dstack([scaled] * 3)


def of_depth(bits: int) -> npt.NDArray[Any]:
    """The picture in samples of `bits`."""
    return (RGB_16 >> (16 - bits)).astype(np.uint16 if bits > 8 else np.uint8)


def anymap(kind: str, samples: npt.NDArray[Any], max_value: int, comment: bytes = b"") -> bytes:
    """PGM or PPM, binary or in digits, or PAM."""
    height, width, *channels = samples.shape
    if kind == "P7":
        depth = channels[0] if channels else 1
        head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {max_value}\nENDHDR\n"
    else:
        head = f"{kind}\n{comment.decode()}{width} {height}\n{max_value}\n"
    if kind in {"P2", "P3"}:
        return head.encode() + b" ".join(b"%d" % value for value in samples.ravel())
    return head.encode() + samples.astype(">u2" if max_value > 255 else "u1").tobytes()


def by_ffmpeg(codec: str, pixels: npt.NDArray[Any], pixel_format: str, **options: str) -> bytes:
    """One picture by one of FFmpeg's encoders."""
    return encoded(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pixel_format),
        codec,
        **options,
    )


def of_planes(planes: Sequence[npt.NDArray[Any]], pixel_format: str) -> av.VideoFrame:
    """A frame of a format that NumPy arrays cannot be converted to, all planes of one size."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, samples in zip(frame.planes, planes, strict=True):
        rows = np.zeros((height, plane.line_size // samples.itemsize), samples.dtype)
        rows[:, :width] = samples
        plane.update(rows.tobytes())
    return frame


def encoded(frame: av.VideoFrame, codec: str, **options: str) -> bytes:
    """A frame by one of FFmpeg's encoders."""
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base, context.options = Fraction(1), options
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


def exif(orientation: int, *, kind: str, order: str) -> bytes:
    """An EXIF block with the orientation as SHORT or LONG, in either byte order."""
    number, layout = {"SHORT": (3, "HH"), "LONG": (4, "I")}[kind]
    values = (orientation, 0)[: len(layout)]
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HIH", 42, 8, 1)
    entry = struct.pack(f"{order}HHI{layout}", 0x0112, number, 1, *values)
    return b"Exif\0\0" + head + entry + bytes(4)
