"""Convert decoded pictures to upright RGB: matrix, range, HDR, crop, orientation and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from common_ml.media.geometry import UPRIGHT, orientation_of
from common_ml.media.hdr import MAPPED_FORMAT, ToneMapper
from common_ml.media.presentation import AS_STORED

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt
    from av.video.frame import VideoFrame

    from common_ml.media.frame_size import FrameSize
    from common_ml.media.hdr import ColourTags
    from common_ml.media.presentation import Presentation

    Rgb: TypeAlias = npt.NDArray[np.uint8]

# AVColorSpace, as streams declare it -> the matrix in swscale's numbers.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT709, _BT601, _BT2020 = 1, 5, 9
_ANOTHER = {_BT601: _BT709}
_HD_WIDTH, _HD_HEIGHT = 1280, 720
_FROM_VIDEO_RANGE = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
"""Black at 16 and white at 235 -> 0 and 255."""
_OLD_PYAV = int(av.__version__.split(".")[0]) < 17


class RgbConverter:
    """Convert the pictures of one stream to RGB; for one thread at a time."""

    def __init__(
        self,
        *,
        max_size: int | None = None,
        frame_size: FrameSize | None = None,
        threads: int = 1,
        presentation: Presentation = AS_STORED,
    ) -> None:
        """Prepare to convert.

        Args:
            max_size: Maximum pixels of the longer side; None keeps the size.
            frame_size: Size of all pictures; None keeps it.
            threads: How many share the work on a picture.
            presentation: How the container wants its pictures shown.
        """
        self._max_size = max_size
        self._frame_size = frame_size
        # PyAV before 17 converts on the calling thread, and has no such option
        self._threads: dict[str, Any] = {} if _OLD_PYAV else {"threads": threads}
        self._presentation = presentation
        self._reformatter = VideoReformatter()
        self._tone_mappers: dict[ColourTags, ToneMapper] = {}

    def __call__(self, frame: VideoFrame) -> Rgb:
        """Convert to RGB, uint8, shape (H, W, 3), contiguous, upright; the caller owns it."""
        cropped = self._cropped_size(frame)
        if cropped == (frame.width, frame.height):
            rgb = self._converted(frame, self._size(frame))
        else:
            rgb = self._converted(frame, (frame.width, frame.height))
            cut = self._presentation.crop.apply(rgb)
            rgb = _scaled(self._reformatter, cut, self._size(frame), **self._threads)
        # An unchanged picture still belongs to its decoder; a converted one is only copied if its
        # rows are padded, or if it has to be rotated.
        orientation = orientation_of(frame)
        upright = rgb if orientation == UPRIGHT else orientation.upright(rgb)
        if self._frame_size is not None:
            upright = _placed(upright, self._frame_size, self.upright_size(frame))
        return np.ascontiguousarray(upright)

    def upright_size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return width and height of the whole picture, upright."""
        width, height = self._cropped_size(frame)
        return (height, width) if orientation_of(frame).swaps_sides else (width, height)

    def as_stored(self, frame: VideoFrame) -> Rgb:
        """Convert to RGB, neither cropped, rotated nor scaled."""
        return np.ascontiguousarray(self._converted(frame, (frame.width, frame.height)))

    def num_bytes(self, frame: VideoFrame) -> int:
        """Return the size of the result."""
        width, height = self._size(frame)
        return width * height * 3

    def _converted(self, frame: VideoFrame, size: tuple[int, int]) -> Rgb:
        """Convert to RGB of a size, as stored: neither cropped nor rotated."""
        tags = self._presentation.colour_tags(frame)
        if frame.format.name in _BIG_ENDIAN:
            frame = _little_endian(frame)
        if frame.interlaced_frame and not _OLD_PYAV and frame.format.name not in _WITH_PALETTE:
            frame = _progressive(frame)
        is_grey = frame.format.name.startswith("gray")
        if tags.needs_mapping and not is_grey:
            return self._tone_mapped(frame, size, tags)
        matrix = colour_matrix(frame)
        drops_matrix = _OLD_PYAV and not frame.format.is_rgb
        converted = self._reformatter.reformat(
            frame,
            *size,
            "rgb24",
            src_colorspace=matrix,
            # RGB has no matrix, but PyAV before 17 drops the source's if the two are equal
            dst_colorspace=_ANOTHER.get(matrix, _BT601) if drops_matrix else None,
            src_color_range=ColorRange.JPEG if is_grey or is_full_range(frame) else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=_interpolation(frame, size),
            **self._threads,
        )
        rgb = _pixels(converted)
        if is_grey and frame.color_range == ColorRange.MPEG:
            # swscale treats most grey formats as full range, so all of them
            rgb = np.take(_FROM_VIDEO_RANGE, rgb)
        return rgb.copy() if converted is frame else rgb

    def _tone_mapped(self, frame: VideoFrame, size: tuple[int, int], tags: ColourTags) -> Rgb:
        is_tagged = int(frame.colorspace) in _MATRICES
        converted = self._reformatter.reformat(
            frame,
            *size,
            MAPPED_FORMAT,
            src_colorspace=colour_matrix(frame) if is_tagged else _BT2020,
            src_color_range=ColorRange.JPEG if is_full_range(frame) else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=_interpolation(frame, size),
            **self._threads,
        )
        if tags not in self._tone_mappers:
            self._tone_mappers = {tags: ToneMapper(tags)}
        return self._tone_mappers[tags](converted)

    def _cropped_size(self, frame: VideoFrame) -> tuple[int, int]:
        return self._presentation.crop.size(frame.width, frame.height)

    def _size(self, frame: VideoFrame) -> tuple[int, int]:
        """Size of the result before rotation: width, height."""
        cropped = self._cropped_size(frame)
        longer = max(cropped)
        if self._frame_size is not None:
            wide, high = self._frame_size.scaled(*self.upright_size(frame))
            return (high, wide) if orientation_of(frame).swaps_sides else (wide, high)
        if self._max_size is None or longer <= self._max_size:
            return cropped
        width, height = (max(1, round(side * self._max_size / longer)) for side in cropped)
        return width, height


_BIG_ENDIAN = frozenset({"rgb565be", "bgr565be", "rgb555be", "bgr555be"})
"""Pixel formats of two bytes in which swscale confuses the order of the two."""


def _little_endian(frame: VideoFrame) -> VideoFrame:
    """Swap the bytes of each pixel."""
    swapped = av.VideoFrame(frame.width, frame.height, frame.format.name.replace("be", "le"))
    source, target = (
        np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)[:, : frame.width]
        for plane in (frame.planes[0], swapped.planes[0])
    )
    target[:] = source.byteswap()
    swapped.colorspace, swapped.color_range = frame.colorspace, frame.color_range
    return swapped


_WITH_PALETTE = frozenset({"pal8"})
"""Pixel formats with a plane that is no picture."""


def _progressive(frame: VideoFrame) -> VideoFrame:
    """Copy a picture that is marked as interlaced, without the mark.

    From PyAV 17 on swscale would convert and scale each field by itself: a smaller picture would
    still have the lines of two moments in turn, and chroma of progressive film, which is often
    marked so, would be displaced by a line. The ffmpeg program and PyAV before do not.
    """
    copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for source, target in zip(frame.planes, copy.planes, strict=True):
        rows, copied = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            for plane in (source, target)
        )
        num_bytes = min(source.line_size, target.line_size)
        copied[:, :num_bytes] = rows[:, :num_bytes]
    copy.colorspace, copy.color_range = frame.colorspace, frame.color_range
    return copy


def colour_matrix(frame: VideoFrame) -> int:
    """Return the matrix in swscale's numbers; untagged pictures are BT.709 if HD, else BT.601."""
    is_hd = frame.width >= _HD_WIDTH or frame.height >= _HD_HEIGHT
    return _MATRICES.get(int(frame.colorspace), _BT709 if is_hd else _BT601)


def is_full_range(frame: VideoFrame) -> bool:
    """Whether the picture is full range: black is 0, white the highest value."""
    return int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")


def fitted(rgb: Rgb, frame_size: FrameSize) -> Rgb:
    """Bring a still image, upright RGB of shape (H, W, 3), to a size, as frames of a video are."""
    height, width, _ = rgb.shape
    scaled = _scaled(VideoReformatter(), rgb, frame_size.scaled(width, height))
    return np.ascontiguousarray(_placed(scaled, frame_size, (width, height)))


def _scaled(reformatter: VideoReformatter, rgb: Rgb, size: tuple[int, int], **threads: Any) -> Rgb:
    if size == (rgb.shape[1], rgb.shape[0]):
        return rgb
    whole = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    scaled = reformatter.reformat(
        whole, *size, "rgb24", interpolation=_interpolation(whole, size), **threads
    )
    return _pixels(scaled)


def _placed(scaled: Rgb, frame_size: FrameSize, whole: tuple[int, int]) -> Rgb:
    """Add black bars around a scaled picture, or cut off what reaches out."""
    width, height = frame_size.result(*whole)
    left, top = frame_size.offset(*whole)
    if (left, top) == (0, 0) and scaled.shape[:2] == (height, width):
        return scaled
    if left < 0 or top < 0 or scaled.shape[0] > height or scaled.shape[1] > width:
        return scaled[-top : height - top, -left : width - left]
    result = np.zeros((height, width, 3), np.uint8)
    result[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return result


def _interpolation(frame: VideoFrame, size: tuple[int, int]) -> Interpolation | None:
    """Downscale by averaging all pixels, which avoids aliasing; else interpolate linearly."""
    if size == (frame.width, frame.height):
        return None
    is_smaller = size[0] <= frame.width and size[1] <= frame.height
    return Interpolation.AREA if is_smaller else Interpolation.BILINEAR


def _pixels(frame: VideoFrame) -> Rgb:
    """Return a view of the picture's memory; rows may be padded."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    pixels: Rgb = rows[:, : frame.width * 3].reshape(plane.height, frame.width, 3)
    return pixels
