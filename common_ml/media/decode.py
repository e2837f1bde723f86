"""The frames of a video that are asked for: in order, exact, in bounded memory.

    with sample("film.mp4", fps=1) as frames:
        for frame in frames:
            frame.index, frame.seconds, frame.rgb

`strategy` chooses how to get there, never what comes out: "sequential" decodes every picture,
"threaded" feeds one decoder of `workers` threads with what is needed, "groups" decodes groups of
pictures side by side, one per worker, and "auto" picks the fastest of these.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from common_ml.media.cpus import usable_cpus
from common_ml.media.engine import Options, Strategy, decoded_frames, frame_bytes
from common_ml.media.index import VideoIndex, index_of
from common_ml.media.sampling import exact_rate, nearest_to_points
from common_ml.media.selection import Every, Grid, Keyframes, Places
from common_ml.media.stream import Frame, FrameStream
from common_ml.media.timeline import plain_ticks, timeline_of

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Sequence

__all__ = ["Frame", "FrameStream", "frames", "frames_at", "keyframes", "sample"]

DEFAULT_MEMORY_BUDGET_BYTES = 96 * 1024 * 1024
"""Room for 16 frames of 1920x1080."""


def sample(
    path: str | os.PathLike[str],
    *,
    fps: float | None,
    workers: int | None = None,
    strategy: Strategy = "auto",
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    max_size: int | None = None,
) -> FrameStream:
    """Frames at a rate: the nearest to each point of a grid, in order, each once.

    The grid starts at the first frame and goes on up to the last one, in steps of 1 / fps.

    Args:
        path: The video.
        fps: Frames per second of video; None gives every frame.
        workers: Threads that decode; by default the CPUs that this process may use.
        strategy: How to get there; see the module.
        memory_budget_bytes: How much of decoded frames may wait to be taken.
        max_size: Pixels that the longer side has at most; larger frames are scaled down.

    Raises:
        ValueError: an option is out of its range.
        MissingMediaError: there is no such file.
        NoStreamError: the file has no moving pictures.
        DecodeError: damaged or truncated; where it is broken further on, the frames before come
            first, and the iterator raises.
    """
    selection = Every() if fps is None else Grid(exact_rate(fps))
    options = _options(workers, strategy, memory_budget_bytes, max_size)
    index = index_of(path)
    return _stream(path, index, decoded_frames(path, index, selection, options))


def frames(
    path: str | os.PathLike[str],
    indices: Iterable[int],
    *,
    workers: int | None = None,
    strategy: Strategy = "auto",
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    max_size: int | None = None,
) -> FrameStream:
    """Frames by their indices, in the order in which they are asked for, repetitions included.

    Args:
        path: The video.
        indices: Places in order of presentation; a negative one counts from the end.
        workers: As of `sample`.
        strategy: As of `sample`.
        memory_budget_bytes: As of `sample`.
        max_size: As of `sample`.

    Raises:
        IndexError: there is no such frame.
        MediaError: as of `sample`.
    """
    options = _options(workers, strategy, memory_budget_bytes, max_size)
    index = index_of(path)
    ticks = _all_ticks(path, index)
    places = [_place(number, len(ticks)) for number in indices]
    return _stream(path, index, _in_order_asked(path, index, places, options))


def frames_at(
    path: str | os.PathLike[str],
    seconds: Iterable[float],
    *,
    workers: int | None = None,
    strategy: Strategy = "auto",
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    max_size: int | None = None,
) -> FrameStream:
    """The frames nearest to given times (the earlier one on a tie), in the order asked for.

    Args:
        path: The video.
        seconds: Times from the first frame; beyond the ends the first or last frame is nearest.
        workers: As of `sample`.
        strategy: As of `sample`.
        memory_budget_bytes: As of `sample`.
        max_size: As of `sample`.

    Raises:
        ValueError: a time is no finite number.
        MediaError: as of `sample`.
    """
    options = _options(workers, strategy, memory_budget_bytes, max_size)
    index = index_of(path)
    unit = timeline_of(path, index).unit
    points = [_exact_time(point) / unit for point in seconds]
    places = nearest_to_points(_all_ticks(path, index), points) if points else []
    return _stream(path, index, _in_order_asked(path, index, places, options))


def keyframes(
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    strategy: Strategy = "auto",
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    max_size: int | None = None,
) -> FrameStream:
    """The frames that decoding can start at, in order: a fast first look.

    Args:
        path: The video.
        workers: As of `sample`.
        strategy: As of `sample`.
        memory_budget_bytes: As of `sample`.
        max_size: As of `sample`.

    Raises:
        MediaError: as of `sample`.
    """
    options = _options(workers, strategy, memory_budget_bytes, max_size)
    index = index_of(path)
    return _stream(path, index, decoded_frames(path, index, Keyframes(), options))


def _options(
    workers: int | None, strategy: Strategy, memory_budget_bytes: int, max_size: int | None
) -> Options:
    if strategy not in get_args(Strategy):
        known = ", ".join(get_args(Strategy))
        raise ValueError(f"strategy must be one of {known}, got {strategy!r}")
    for name, value in (("workers", workers), ("max_size", max_size)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
    if memory_budget_bytes < 1:
        raise ValueError(f"memory_budget_bytes must be >= 1, got {memory_budget_bytes}")
    return Options(workers or usable_cpus(), strategy, memory_budget_bytes, max_size)


def _stream(
    path: str | os.PathLike[str], index: VideoIndex, made: Generator[Frame, None, None]
) -> FrameStream:
    return FrameStream(made, path=path, frame_period_seconds=index.period_seconds)


def _all_ticks(path: str | os.PathLike[str], index: VideoIndex) -> Sequence[int]:
    """Times of all frames."""
    timeline = timeline_of(path, index)
    if timeline.distrust:
        return plain_ticks(path, index)
    return timeline.ticks  # type: ignore[return-value] # an array is one in all that is used


def _place(number: int, count: int) -> int:
    place = operator.index(number)
    if not -count <= place < count:
        raise IndexError(f"frame index must be below {count}, the number of frames, got {place}")
    return place % count


def _exact_time(seconds: float) -> Fraction:
    if not math.isfinite(seconds):
        raise ValueError(f"seconds must be finite, got {seconds!r}")
    return Fraction(seconds)


def _in_order_asked(
    path: str | os.PathLike[str], index: VideoIndex, places: Sequence[int], options: Options
) -> Generator[Frame, None, None]:
    """Chunk by chunk, so that frames that wait for their turn stay within the budget."""
    if all(map(operator.lt, places, places[1:])):
        if places:  # in order: none has to wait
            yield from decoded_frames(path, index, Places(tuple(places)), options)
        return
    size = max(1, options.memory_budget_bytes // frame_bytes(index, options.max_size))
    for start in range(0, len(places), size):
        chunk = places[start : start + size]
        wanted = Places(tuple(sorted(set(chunk))))
        kept = {frame.index: frame for frame in decoded_frames(path, index, wanted, options)}
        uses = Counter(chunk)
        for place in chunk:
            uses[place] -= 1
            yield kept[place] if uses[place] else kept.pop(place)
