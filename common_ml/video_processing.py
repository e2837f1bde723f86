"""Frames, rate and length of a video, as existing model repos ask for them."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import DecodeError, NoStreamError
from common_ml.media import decode
from common_ml.media.probe import probe
from common_ml.media.remux import remux_to_mp4

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    from common_ml.media.probe import VideoStream
    from common_ml.types import StrPath

    Frames: TypeAlias = tuple[npt.NDArray[np.uint8], list[int], list[float]]


def get_frames(video_file: StrPath, fps: float) -> Frames:
    """Sample a video: for each point of a grid of `fps` the nearest frame, each frame once.

    All of them are in memory at once; for a long video use `media.decode.sample`.

    Args:
        video_file: The video.
        fps: Frames per second of video, > 0.

    Returns:
        The frames, RGB, uint8, shape (N, H, W, 3), upright; their indices, 0-based; and their
        times, in seconds from the first frame.

    Raises:
        ValueError: `fps` is not a finite number > 0.
        MissingMediaError: there is no such file.
        NoStreamError: the file has no moving pictures.
        DecodeError: damaged or truncated, or the pictures are not all of one size.
    """
    return _collected(video_file, decode.sample(video_file, fps=fps))


def get_key_frames(video_file: StrPath) -> Frames:
    """Take the keyframes of a video.

    Returns:
        As of `get_frames`.

    Raises:
        MediaError: as of `get_frames`.
    """
    return _collected(video_file, decode.keyframes(video_file))


def get_fps(video_file: StrPath) -> float:
    """Average number of frames per second.

    Raises:
        MissingMediaError: there is no such file.
        NoStreamError: the file has no moving pictures.
        DecodeError: damaged, or of unknown rate.
    """
    rate = _video_stream(video_file).average_rate
    if not rate:
        raise DecodeError(f"the frame rate of {os.fspath(video_file)} is unknown", path=video_file)
    return float(rate)


def get_duration(video_file: StrPath) -> float:
    """Length of a video or sound file, in seconds; never shorter than the last frame's end.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged.
    """
    facts = probe(video_file)
    stated = facts.duration_seconds
    if stated is not None:
        pictures = 0 if facts.video is None else _pictures_seconds(video_file)
        return float(max(stated, pictures))
    if facts.video is None:
        raise DecodeError(f"the length of {os.fspath(video_file)} is unknown", path=video_file)
    seconds = 0.0  # a bare stream states no length: the last frame's end is
    with decode.sample(video_file, fps=None, max_size=16) as frames:
        for frame in frames:
            seconds = frame.seconds
        return seconds + float(frames.frame_period_seconds)


def _pictures_seconds(video_file: StrPath) -> Fraction:
    """Return the time from the first frame's start to the last one's end, by the packets."""
    reader = decode.VideoReader(video_file)
    timeline, index = reader.timeline, reader.index
    reader.close()
    if timeline.unreliable_reason or not len(timeline.ticks):
        return Fraction(0)
    return int(timeline.ticks[-1]) * timeline.unit + index.period_seconds


def unfrag_video(video_file: StrPath, output_file: StrPath) -> None:
    """Rewrite a fragmented video as a plain mp4 file; nothing is encoded anew.

    Pictures, sound and subtitles are copied. The output appears whole or not at all, and may
    replace the input.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged or truncated, or of a codec that mp4 does not hold.
    """
    output = Path(output_file)
    with TemporaryDirectory(prefix=".unfrag-", dir=output.parent) as directory:
        unfinished = Path(directory) / "output.mp4"
        remux_to_mp4(video_file, unfinished)
        unfinished.replace(output)


def _video_stream(video_file: StrPath) -> VideoStream:
    video = probe(video_file).video
    if video is None:
        raise NoStreamError(f"there is no video in {os.fspath(video_file)}", path=video_file)
    return video


def _collected(video_file: StrPath, stream: decode.FrameStream) -> Frames:
    indices: list[int] = []
    times: list[float] = []
    frames = _Stack(video_file)
    with stream:
        for frame in stream:
            indices.append(frame.index)
            times.append(frame.seconds)
            frames.append(frame.rgb)
        if not indices:
            frames.append(np.zeros((stream.facts.height, stream.facts.width, 3), np.uint8))
    return frames.first(len(indices)), indices, times


class _Stack:
    """An array that grows: `np.stack` of a list would need twice the memory."""

    def __init__(self, path: StrPath) -> None:
        self._path = path
        self._array: npt.NDArray[np.uint8] = np.zeros((0, 0, 0, 3), np.uint8)
        self._count = 0

    def append(self, rgb: npt.NDArray[np.uint8]) -> None:
        if not self._count:
            self._array = np.zeros((1, *rgb.shape), np.uint8)
        if rgb.shape != self._array.shape[1:]:
            raise DecodeError(
                f"the frames of {os.fspath(self._path)} differ in size: {_size(self._array[0])} and"
                f" then {_size(rgb)}; media.decode.sample gives them one by one",
                path=self._path,
            )
        if self._count == len(self._array):
            self._resize(self._count + self._count // 4 + 1)
        self._array[self._count] = rgb
        self._count += 1

    def first(self, count: int) -> npt.NDArray[np.uint8]:
        """Hand out the array, cut to `count` frames."""
        self._resize(count)
        return self._array

    def _resize(self, count: int) -> None:
        # No view of the array lives longer than the statement that makes it.
        self._array.resize((count, *self._array.shape[1:]), refcheck=False)


def _size(rgb: npt.NDArray[np.uint8]) -> str:
    height, width = rgb.shape[:2]
    return f"{width}x{height}"
