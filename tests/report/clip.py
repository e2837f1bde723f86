"""A clip whose picture is known to the pixel: a white block that stands elsewhere every second."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.video
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT, RATE, SECONDS = 640, 360, 25, 3
BLOCKS = ((64, 90, 192, 270), (256, 90, 384, 270), (448, 180, 576, 324))
"""Left, top, right, bottom in pixels, one for each second."""
BOXES = tuple(
    (left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)
    for left, top, right, bottom in BLOCKS
)


def write_known_clip(path: Path, codec: str = "libx264") -> Path:
    """Writes the clip; the container is what the name says."""
    with av.open(str(path), "w") as file:
        stream = cast("av.video.VideoStream", file.add_stream(codec, rate=RATE))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for number in range(SECONDS * RATE):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def picture(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """RGB, uint8, shape (HEIGHT, WIDTH, 3)."""
    left, top, right, bottom = BLOCKS[number // RATE]
    rgb = np.full((HEIGHT, WIDTH, 3), 24, np.uint8)
    rgb[top:bottom, left:right] = 255
    return rgb
