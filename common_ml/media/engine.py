"""How the wanted frames of a file are decoded: by the fastest way that gives the right ones."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from common_ml.errors import DecodeError
from common_ml.media.budget import ClosedBudgetError
from common_ml.media.colour import RgbConverter
from common_ml.media.groups import DeviationError, GroupDecoder
from common_ml.media.handover import Handover, made_by
from common_ml.media.plain import PlainDecode
from common_ml.media.plan import Group, plan
from common_ml.media.selection import Picture, Selection
from common_ml.media.stream import Frame
from common_ml.media.timeline import Clock, Timeline, timeline_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from common_ml.media.index import VideoIndex

Strategy = Literal["auto", "sequential", "threaded", "groups"]
Path: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True)
class Options:
    """How frames are decoded."""

    workers: int
    """Threads that decode."""
    strategy: Strategy
    """How to get there; it never changes what comes out."""
    memory_budget_bytes: int
    """How much of decoded frames may wait to be taken."""
    max_size: int | None
    """Pixels of the longer side that frames are scaled down to."""


class Made(NamedTuple):
    """A frame, and when it is shown."""

    tick: int
    frame: Frame


Maker: TypeAlias = Callable[[Handover[Made]], None]


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be decoded."""

    path: Path
    index: VideoIndex
    timeline: Timeline
    selection: Selection
    options: Options

    def convert(self, convert: RgbConverter, picture: Picture) -> Made:
        """The picture as a frame."""
        seconds = float(picture.tick * self.timeline.unit)
        return Made(picture.tick, Frame(picture.index, seconds, convert(picture.frame)))


def decoded_frames(
    path: Path, index: VideoIndex, selection: Selection, options: Options
) -> Generator[Frame, None, None]:
    """The selected frames of a file, in order.

    Raises:
        DecodeError: the file is damaged; what can be decoded came before.
    """
    job = Job(path, index, timeline_of(path, index), selection, options)
    last_tick = -1
    for way in _ways(job):
        try:
            for tick, frame in made_by(way(last_tick), options.memory_budget_bytes):
                last_tick = tick
                yield frame
                del frame  # it is the taker's alone while the next one is waited for
        except DeviationError:
            continue  # the next way is slower and takes less for granted
        return


def frame_bytes(index: VideoIndex, max_size: int | None) -> int:
    """Size of one frame as RGB."""
    longer = max(index.width, index.height, 1)
    scale = 1.0 if max_size is None else min(1.0, max_size / longer)
    return max(1, round(index.width * scale) * round(index.height * scale) * 3)


def _ways(job: Job) -> Iterator[Callable[[int], list[Maker]]]:
    """From the fastest to the one that takes nothing for granted.

    Each takes the tick after which frames are still wanted, and gives what runs on the threads.
    """
    layout = _layout(job)
    if layout is not None:
        yield lambda _: _group_makers(job, layout)  # it is always the first
    elif job.options.strategy != "sequential" and not job.index.damage and _num_threads(job) > 1:
        yield lambda after: [partial(_make_plainly, job, after, _num_threads(job))]
    yield lambda after: [partial(_make_plainly, job, after, 1)]


class _Layout(NamedTuple):
    """Groups, and who decodes them."""

    groups: list[Group]
    num_decoders: int
    threads_per_decoder: int


def _layout(job: Job) -> _Layout | None:
    """How groups are decoded; None if the packets do not tell enough."""
    options, timeline = job.options, job.timeline
    if options.strategy == "sequential" or timeline.distrust:
        return None
    indices = job.selection.indices(timeline)
    if indices is None:
        return None
    if options.strategy != "threaded":
        groups = plan(timeline, indices, joins=False)
        if options.strategy == "groups" or _can_go_side_by_side(job, groups):
            return _Layout(groups, min(options.workers, len(groups)), 1)
    return _Layout(plan(timeline, indices, joins=True), 1, _num_threads(job))


def _num_threads(job: Job) -> int:
    """How many threads a decoder may have that takes the whole file.

    One, where packets seem to be missing: what is left of a damaged picture is marked at the end of
    its decoding, and with several threads it may have been handed out by then.
    """
    misses = job.index.packets.needs_all.any() or job.timeline.has_gaps_before_starts
    return 1 if misses else job.options.workers


def _can_go_side_by_side(job: Job, groups: list[Group]) -> bool:
    """Whether each worker can have a group, and room for its frames until their turn comes."""
    workers = job.options.workers
    largest = max(map(len, groups), default=0) * frame_bytes(job.index, job.options.max_size)
    return 1 < workers <= len(groups) and (workers - 1) * largest <= job.options.memory_budget_bytes


def _group_makers(job: Job, layout: _Layout) -> list[Maker]:
    queue = _Queue(layout.groups)
    threads = layout.threads_per_decoder
    return [partial(_make_groups, job, queue, threads) for _ in range(max(1, layout.num_decoders))]


class _Queue:
    """Groups that several threads take in order."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = iter(groups)
        self._lock = threading.Lock()
        self.num_frames = sum(map(len, groups))

    def take(self) -> Group | None:
        """The next group; None if there is none."""
        with self._lock:
            return next(self._groups, None)


def _make_groups(job: Job, queue: _Queue, threads: int, handover: Handover[Made]) -> None:
    """Decode groups until none is left."""
    convert = RgbConverter(max_size=job.options.max_size, threads=threads)
    number = 0
    group = queue.take()
    try:
        with ExitStack() as stack:
            decoder: GroupDecoder | None = None
            while group is not None:
                number = group.position
                if decoder is None:
                    made = GroupDecoder(job.path, job.index, job.timeline, threads=threads)
                    decoder = stack.enter_context(made)
                for picture in decoder.pictures(group):
                    if not job.selection.accepts(picture.frame):
                        raise DeviationError("a keyframe that is none to its decoder")
                    make = partial(job.convert, convert, picture)
                    handover.put(number, convert.num_bytes(picture.frame), make)
                    number += 1
                group = queue.take()
    except ClosedBudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the taker has to hear of it
        handover.fail(number, error)
    else:
        handover.end(queue.num_frames)


def _make_plainly(job: Job, after: int, threads: int, handover: Handover[Made]) -> None:
    """Decode all pictures, and give the selected ones that are shown after tick `after`."""
    convert = RgbConverter(max_size=job.options.max_size, threads=threads)
    plain = PlainDecode(job.path, threads=threads)
    clock = Clock(job.index, job.timeline)
    number = num_picked = 0

    def pictures() -> Iterator[Picture]:
        for place, frame in enumerate(plain):
            if plain.damage and threads > 1:
                raise DeviationError(plain.damage)
            yield Picture(place, clock.tick(frame.pts), frame)

    try:
        for picture in job.selection.pick(pictures(), job.timeline.unit):
            num_picked += 1
            if picture.tick > after:
                make = partial(job.convert, convert, picture)
                handover.put(number, convert.num_bytes(picture.frame), make)
                number += 1
        damage = plain.damage or job.index.damage
        if damage and num_picked != job.selection.count:
            raise DeviationError(damage) if threads > 1 else _broken(job, clock.last_tick, damage)
    except ClosedBudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the taker has to hear of it
        handover.fail(number, error)
    else:
        handover.end(number)


def _broken(job: Job, last_tick: int | None, damage: str) -> DecodeError:
    """The error that ends a broken file, once all that can be decoded was."""
    period = job.index.period_seconds
    decoded = period * 0 if last_tick is None else last_tick * job.timeline.unit + period
    stated = max(job.index.stated_seconds or decoded, decoded)
    return DecodeError(
        f"{os.fspath(job.path)} is damaged or truncated: decoded {float(decoded):.1f} s of"
        f" {float(stated):.1f} s ({damage})",
        path=job.path,
    )
