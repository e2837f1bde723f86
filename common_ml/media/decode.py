"""Decode frames of a video: at a rate, by index, by time, or keyframes; in bounded memory.

    with sample("film.mp4", fps=1) as frames:
        for frame in frames:
            frame.index, frame.seconds, frame.rgb

The functions take the fields of `DecodeOptions` as keywords. Several uses of one file share a
`VideoReader`. `strategy` chooses how to decode, never the result: "sequential" decodes every
picture, "threaded" feeds one decoder of `workers` threads with what is needed, "groups" decodes
groups of pictures in parallel, one per worker, and "auto" picks the fastest of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.media.video.options import DecodeOptions
from common_ml.media.video.reader import VideoReader
from common_ml.media.video.stream import Frame, FrameStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Unpack

    from common_ml.media.video.options import DecodeKeywords
    from common_ml.types import StrPath

__all__ = [
    "DecodeOptions",
    "Frame",
    "FrameStream",
    "VideoReader",
    "frame_times",
    "frames",
    "frames_at",
    "keyframes",
    "sample",
]


def sample(path: StrPath, *, fps: float | None, **options: Unpack[DecodeKeywords]) -> FrameStream:
    """Iterate over frames at a rate: the nearest to each grid point, in order, each once.

    The grid starts at the first frame and goes on up to the last one, in steps of 1 / fps.

    Args:
        path: The video.
        fps: Frames per second of video; None gives every frame.
        options: The fields of DecodeOptions.

    Raises:
        ValueError: an option is out of its range.
        MissingMediaError: there is no such file.
        NoStreamError: the file has no moving pictures.
        DecodeError: damaged or truncated; where it is broken further on, the frames before come
            first, and the iterator raises.
    """
    return VideoReader(path, DecodeOptions(**options)).sample(fps)


def frames(path: StrPath, indices: Iterable[int], **options: Unpack[DecodeKeywords]) -> FrameStream:
    """Iterate over frames by index, in the given order, repetitions included.

    Args:
        path: The video.
        indices: Places in order of presentation; a negative one counts from the end.
        options: The fields of DecodeOptions.

    Raises:
        IndexError: there is no such frame.
        MediaError: as for `sample`.
    """
    return VideoReader(path, DecodeOptions(**options)).frames(indices)


def frames_at(
    path: StrPath, seconds: Iterable[float], **options: Unpack[DecodeKeywords]
) -> FrameStream:
    """Iterate over the frames nearest to given times (earlier on a tie), in the given order.

    Args:
        path: The video.
        seconds: Times from the first frame; beyond the ends the first or last frame is nearest.
        options: The fields of DecodeOptions.

    Raises:
        ValueError: a time is not a finite number.
        MediaError: as for `sample`.
    """
    return VideoReader(path, DecodeOptions(**options)).frames_at(seconds)


def keyframes(path: StrPath, **options: Unpack[DecodeKeywords]) -> FrameStream:
    """Iterate over the keyframes, in order: a fast overview.

    Args:
        path: The video.
        options: The fields of DecodeOptions.

    Raises:
        MediaError: as for `sample`.
    """
    return VideoReader(path, DecodeOptions(**options)).keyframes()


def frame_times(path: StrPath) -> npt.NDArray[np.float64]:
    """Return when each frame is shown, seconds from the first: float64, ascending, shape (N,).

    Nothing is decoded, unless the file's packets are unreliable.

    Raises:
        MediaError: as for `sample`.
    """
    reader = VideoReader(path)
    try:
        return reader.times()
    finally:
        reader.close()
