"""A decoded picture -> upright RGB: matrix, range, rotation and size in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt
    from av.video.frame import VideoFrame

    Rgb: TypeAlias = npt.NDArray[np.uint8]

# AVColorSpace, as streams declare it -> the matrix in swscale's numbers.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT709, _BT601 = 1, 5
_ANOTHER = {_BT601: _BT709}
_HD_WIDTH, _HD_HEIGHT = 1280, 720
_FROM_VIDEO_RANGE = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
"""Black at 16 and white at 235 -> 0 and 255."""
_OLD_PYAV = int(av.__version__.split(".")[0]) < 17


class RgbConverter:
    """Turns the pictures of one stream into RGB; for one thread at a time."""

    def __init__(self, *, max_size: int | None = None, threads: int = 1) -> None:
        """Prepare to convert.

        Args:
            max_size: Pixels that the longer side has at most; None leaves the size as it is.
            threads: That share the work on a picture.
        """
        self._max_size = max_size
        # PyAV before 17 converts on the calling thread, and has no word for it
        self._threads: dict[str, Any] = {} if _OLD_PYAV else {"threads": threads}
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Rgb:
        """RGB, uint8, shape (H, W, 3), contiguous, upright; it belongs to the caller."""
        width, height = self._size(frame)
        scaled = (width, height) != (frame.width, frame.height)
        is_grey = frame.format.name.startswith("gray")
        matrix = colour_matrix(frame)
        drops_matrix = _OLD_PYAV and not frame.format.is_rgb
        converted = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=matrix,
            # what comes out has no matrix, but PyAV before 17 drops the source's if they are alike
            dst_colorspace=_ANOTHER.get(matrix, _BT601) if drops_matrix else None,
            src_color_range=ColorRange.JPEG if is_grey or is_full_range(frame) else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            # averages all pixels that fall into one, so that fine patterns do not shimmer
            interpolation=Interpolation.AREA if scaled else None,
            **self._threads,
        )
        rgb = _pixels(converted)
        if is_grey and frame.color_range == ColorRange.MPEG:
            rgb = _FROM_VIDEO_RANGE[rgb]  # swscale takes most grey for full range, so all of it
        turns = frame.rotation // 90 % 4
        if turns:
            return np.ascontiguousarray(np.rot90(rgb, turns))
        # An unchanged picture still belongs to its decoder; a converted one only if its rows
        # are padded has to be copied.
        return rgb.copy() if converted is frame else np.ascontiguousarray(rgb)

    def num_bytes(self, frame: VideoFrame) -> int:
        """Size of the result."""
        width, height = self._size(frame)
        return width * height * 3

    def _size(self, frame: VideoFrame) -> tuple[int, int]:
        longer = max(frame.width, frame.height)
        if self._max_size is None or longer <= self._max_size:
            return frame.width, frame.height
        return tuple(  # type: ignore[return-value] # of two sides
            max(1, round(side * self._max_size / longer)) for side in (frame.width, frame.height)
        )


def colour_matrix(frame: VideoFrame) -> int:
    """The declared matrix in swscale's numbers; untagged pictures are BT.709 if HD, else BT.601."""
    is_hd = frame.width >= _HD_WIDTH or frame.height >= _HD_HEIGHT
    return _MATRICES.get(int(frame.colorspace), _BT709 if is_hd else _BT601)


def is_full_range(frame: VideoFrame) -> bool:
    """Whether black is 0 and white is the highest value."""
    return int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")


def _pixels(frame: VideoFrame) -> Rgb:
    """The picture's own memory as an array; rows may be padded."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    pixels: Rgb = rows[:, : frame.width * 3].reshape(plane.height, frame.width, 3)
    return pixels
