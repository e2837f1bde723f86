"""Cut a video into clips of one length, which may overlap: decoded once, in bounded memory."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import DecodeError, MediaError
from common_ml.media.access import quoted
from common_ml.media.video.options import DecodeOptions
from common_ml.media.video.reader import VideoReader
from common_ml.media.video.sampling import exact_seconds, nearest_to_points

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from typing_extensions import Unpack

    from common_ml.media.video.options import DecodeKeywords
    from common_ml.media.video.stream import FrameStream
    from common_ml.types import StrPath


@dataclass(frozen=True, eq=False)
class VideoClip:
    """A clip of a video."""

    start_seconds: float
    """From the first frame of the file."""
    end_seconds: float
    """Exclusive; less than a whole clip behind the start only in the last one."""
    first_index: int
    """0-based place of the first frame in the video's order of presentation."""
    frames: npt.NDArray[np.uint8]
    """RGB, upright, shape (N, H, W, 3); the receiver owns them."""
    times: npt.NDArray[np.float64]
    """When each frame is shown, seconds from the first frame of the file: shape (N,)."""


@dataclass(frozen=True)
class _ClipWindow:
    """A clip before its frames are decoded."""

    start: Fraction
    end: Fraction
    places: tuple[int, ...]
    """Places of its frames in the video, ascending; the same one may be there several times."""


def video_clips(
    path: StrPath,
    *,
    clip_seconds: float,
    stride_seconds: float | None = None,
    num_frames: int | None = None,
    **options: Unpack[DecodeKeywords],
) -> Iterator[VideoClip]:
    """Yield the clips of a video, which begin at 0, `stride_seconds`, 2 * `stride_seconds`, ...

    Together they cover the video: no clip consists only of what the one before it has shown. The
    last one may reach beyond the end of the video, and its `end_seconds` is the video's end then.

    With `num_frames` every clip has that many frames: the ones nearest to the times
    `start + i * clip_seconds / num_frames`, earlier on a tie. Beyond the end that is the last
    frame, repeated. Without `num_frames` a clip has all frames of `start <= time < start +
    clip_seconds`, and a clip without any is left out.

    Each frame is decoded once. In memory are the frames of one clip, and those that later clips
    share with it.

    Args:
        path: The video.
        clip_seconds: Length of a clip, > 0.
        stride_seconds: From the start of a clip to the start of the next one, > 0; by default the
            length of a clip.
        num_frames: Frames of a clip, >= 1; None for all.
        options: The fields of DecodeOptions.

    Raises:
        ValueError: an argument is out of its range.
        MediaError: as for `media.decode.sample`, while iterating; a clip in which the size of the
            frames changes is an error, too. A damaged frame is replaced by the nearest one of its
            clip.
    """
    length = exact_seconds(clip_seconds, "clip_seconds")
    stride = length if stride_seconds is None else exact_seconds(stride_seconds, "stride_seconds")
    if num_frames is not None and num_frames < 1:
        raise ValueError(f"num_frames must be >= 1 or None, got {num_frames!r}")
    reader = VideoReader(path, DecodeOptions(**options))
    return _clips(path, reader, length, stride, num_frames)


def _clips(
    path: StrPath,
    reader: VideoReader,
    length: Fraction,
    stride: Fraction,
    num_frames: int | None,
) -> Iterator[VideoClip]:
    unit = reader.timeline.unit
    times = reader.times()
    ticks: list[int] = np.rint(times / float(unit)).astype(np.int64).tolist()
    if not ticks:
        raise DecodeError(f"{quoted(path)} is damaged: it has no picture to decode", path=path)
    end = ticks[-1] * unit + reader.index.period_seconds
    cuts = _cuts(ticks, unit, end, length=length, stride=stride, num_frames=num_frames)
    wanted = sorted({place for cut in cuts for place in cut.places})
    with reader.planned(wanted) as stream:
        yield from _assembled(path, cuts, stream, times)


def _cuts(
    ticks: Sequence[int],
    unit: Fraction,
    end: Fraction,
    *,
    length: Fraction,
    stride: Fraction,
    num_frames: int | None,
) -> list[_ClipWindow]:
    """Plan the clips of a video whose frames are shown at `ticks`."""
    cuts: list[_ClipWindow] = []
    last = ticks[-1] * unit
    start = Fraction(0)
    while not cuts or (start <= last and start - stride + length <= last):
        if num_frames is None:
            bounds = (bisect_left(ticks, point / unit) for point in (start, start + length))
            places = tuple(range(*bounds))
        else:
            points = [(start + n * length / num_frames) / unit for n in range(num_frames)]
            places = tuple(nearest_to_points(ticks, points))
        if places:
            cuts.append(_ClipWindow(start, min(start + length, end), places))
        start += stride
    return cuts


def _assembled(
    path: StrPath,
    cuts: Sequence[_ClipWindow],
    stream: FrameStream,
    times: npt.NDArray[np.float64],
) -> Iterator[VideoClip]:
    """Collect the frames of each clip, and drop those that no later clip has."""
    kept: dict[int, npt.NDArray[np.uint8]] = {}
    reached = -1  # the last place that was decoded
    failure: MediaError | None = None
    for number, cut in enumerate(cuts):
        while reached < cut.places[-1]:
            try:
                frame = next(stream)
            except StopIteration:
                reached = len(times)
            except MediaError as error:  # raised again behind the clips that are whole
                reached, failure = len(times), error
            else:
                reached = frame.index
                kept[frame.index] = frame.rgb
        places = [place for place in cut.places if place in kept]
        if failure is not None and len(places) < len(cut.places):
            raise failure
        clip = _clip(path, cut, kept, times) if places else None
        first = cuts[number + 1].places[0] if number + 1 < len(cuts) else len(times)
        kept = {place: rgb for place, rgb in kept.items() if place >= first}
        if clip is not None:
            yield clip
    if failure is not None:
        raise failure
    next(stream, None)  # reports damage


def _clip(
    path: StrPath,
    cut: _ClipWindow,
    kept: Mapping[int, npt.NDArray[np.uint8]],
    times: npt.NDArray[np.float64],
) -> VideoClip:
    """Build a clip; the nearest frame stands in for one that is damaged."""
    whole = sorted(place for place in set(cut.places) if place in kept)
    points = map(Fraction, cut.places)
    places = [whole[place] for place in nearest_to_points(whole, points)]
    shapes = {kept[place].shape for place in whole}
    if len(shapes) > 1:
        sizes = " and ".join(f"{width}x{height}" for height, width, _ in sorted(shapes))
        raise DecodeError(
            f"{quoted(path)}: the frames change their size within the clip at "
            f"{float(cut.start):g} s: {sizes}; hint: have them scaled to one size",
            path=path,
        )
    frames = np.stack([kept[place] for place in places])
    return VideoClip(float(cut.start), float(cut.end), places[0], frames, times[places])
