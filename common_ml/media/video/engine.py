"""Decode the selected frames of a video: choose the fastest strategy that gives the exact ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from common_ml.media.budget import ClosedBudgetError
from common_ml.media.damage import Findings, report
from common_ml.media.video.colour import RgbConverter
from common_ml.media.video.groups import DeviationError, GroupDecoder
from common_ml.media.video.order import PresentationOrder
from common_ml.media.video.ordered_results import OrderedResults, produced_in_order
from common_ml.media.video.plan import Group, plan
from common_ml.media.video.selection import FrameSelection, Keyframes, Picture, Places
from common_ml.media.video.sequential import SequentialDecoder
from common_ml.media.video.stream import Frame

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.indexed import IndexedVideo
    from common_ml.media.video.options import DecodeOptions
    from common_ml.media.video.timeline import Timeline


class TimedFrame(NamedTuple):
    """A frame and its presentation time."""

    tick: int
    frame: Frame


Producer: TypeAlias = Callable[[OrderedResults[TimedFrame]], None]


@dataclass(frozen=True, eq=False)
class DecodeTask:
    """What to decode: file, selection, options."""

    media: MediaFile
    index: VideoIndex
    timeline: Timeline
    selection: FrameSelection
    options: DecodeOptions
    findings: list[Findings] = field(default_factory=list)
    """What a decode of all pictures found, once it has ended."""

    def converter(self, threads: int) -> RgbConverter:
        """Make a converter to RGB, for one thread at a time."""
        return RgbConverter(
            max_size=self.options.max_size,
            frame_size=self.options.frame_size,
            threads=threads,
            presentation=self.index.presentation,
        )

    def convert(self, convert: RgbConverter, picture: Picture) -> TimedFrame:
        """Convert a picture to a frame."""
        seconds = float(picture.tick * self.timeline.unit)
        whole = None if self.options.frame_size is None else convert.upright_size(picture.frame)
        frame = Frame(picture.index, seconds, convert(picture.frame), whole)
        return TimedFrame(picture.tick, frame)


def decoded_frames(
    media: MediaFile, video: IndexedVideo, selection: FrameSelection, options: DecodeOptions
) -> Generator[Frame, None, None]:
    """Yield the selected frames of a file, in order.

    Raises:
        DecodeError: the file is damaged; what can be decoded came before.
    """
    task = DecodeTask(media, video.index, video.timeline(media), selection, options)
    last_tick = -1
    for way in _ways(task):
        try:
            for tick, frame in produced_in_order(way(last_tick), options.memory_budget_bytes):
                last_tick = tick
                yield frame
                del frame  # drop our reference: the consumer owns it while the next one is decoded
        except DeviationError:
            continue  # the next strategy is slower and relies on less
        break
    if selection.count is None:  # with single frames the caller sees which are missing
        report(task.findings[-1] if task.findings else _findings_by_packets(task), media.path)


def _findings_by_packets(task: DecodeTask) -> Findings:
    """Build the damage report from the packets; every decoded picture is whole."""
    index, timeline = task.index, task.timeline
    return Findings(
        what="pictures",
        num_decoded=len(timeline.ticks),
        decoded_seconds=_end_seconds(task, int(timeline.ticks[-1]))
        if len(timeline.ticks)
        else Fraction(0),
        stated_seconds=index.stated_seconds,
        period_seconds=index.period_seconds,
        truncation=index.truncation,
        refusal=index.refusal,
        num_marked=index.num_marked,
        unread=index.unread,
    )


def _end_seconds(task: DecodeTask, last_tick: int) -> Fraction:
    return last_tick * task.timeline.unit + task.index.period_seconds


def frame_bytes(index: VideoIndex, options: DecodeOptions) -> int:
    """Return the size in bytes of one frame as RGB."""
    longer, max_size = max(index.width, index.height, 1), options.max_size
    if options.frame_size is not None:
        wide, high = options.frame_size.scaled(max(index.width, 1), max(index.height, 1))
        return wide * high * 3
    scale = 1.0 if max_size is None else min(1.0, max_size / longer)
    return max(1, round(index.width * scale) * round(index.height * scale) * 3)


def _ways(task: DecodeTask) -> Iterator[Callable[[int], list[Producer]]]:
    """Yield the strategies, from the fastest to the one that relies on nothing.

    Each takes the tick after which frames are still wanted, and returns the producers to run.
    """
    layout = _layout(task)
    if layout is not None:
        yield lambda _: _group_producers(task, layout)  # it is always the first
    elif task.options.strategy != "sequential" and _num_threads(task) > 1:
        yield lambda after: [partial(_produce_sequentially, task, after, _num_threads(task))]
    yield lambda after: [partial(_produce_sequentially, task, after, 1)]


class _WorkSplit(NamedTuple):
    """Groups of pictures, and how many threads decode them."""

    groups: list[Group]
    num_decoders: int
    threads_per_decoder: int


def _layout(task: DecodeTask) -> _WorkSplit | None:
    """Plan the decode by groups; None if the packets do not tell enough."""
    options, timeline, index = task.options, task.timeline, task.index
    if options.strategy == "sequential" or timeline.unreliable_reason:
        return None
    if index.has_jumps or index.has_palette:
        return None
    indices = task.selection.indices(timeline)
    if indices is None:
        return None
    if options.strategy != "threaded":
        groups = plan(timeline, indices, joins=False)
        if options.strategy == "groups" or _can_go_side_by_side(task, groups):
            return _WorkSplit(groups, min(options.num_workers, len(groups)), 1)
    return _WorkSplit(plan(timeline, indices, joins=True), 1, _num_threads(task))


def _num_threads(task: DecodeTask) -> int:
    """Return the number of threads for a decoder of the whole file.

    One, where packets seem to be missing: a damaged picture is only marked at the end of
    its decoding, and with several threads it may have been returned by then.
    """
    misses = task.index.packets.needs_all.any() or task.timeline.has_gaps_before_starts
    return 1 if misses else task.options.num_workers


def _can_go_side_by_side(task: DecodeTask, groups: list[Group]) -> bool:
    """Whether each worker can have a group, and memory for its frames until they are consumed."""
    workers = task.options.num_workers
    largest = max(map(len, groups), default=0) * frame_bytes(task.index, task.options)
    return (
        1 < workers <= len(groups) and (workers - 1) * largest <= task.options.memory_budget_bytes
    )


def _group_producers(task: DecodeTask, layout: _WorkSplit) -> list[Producer]:
    queue = _Queue(layout.groups)
    threads = layout.threads_per_decoder
    return [
        partial(_produce_groups, task, queue, threads) for _ in range(max(1, layout.num_decoders))
    ]


class _Queue:
    """A queue of groups that several threads take from, in order."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = iter(groups)
        self._lock = threading.Lock()
        self.num_frames = sum(map(len, groups))

    def take(self) -> Group | None:
        """Take the next group; None if there is none."""
        with self._lock:
            return next(self._groups, None)


def _produce_groups(
    task: DecodeTask, queue: _Queue, threads: int, results: OrderedResults[TimedFrame]
) -> None:
    """Decode groups until none is left."""
    convert = task.converter(threads)
    number = 0
    group = queue.take()
    try:
        with ExitStack() as stack:
            decoder: GroupDecoder | None = None
            while group is not None:
                number = group.position
                if decoder is None:
                    made = GroupDecoder(task.media, task.index, task.timeline, threads=threads)
                    decoder = stack.enter_context(made)
                for picture in decoder.pictures(group):
                    if not task.selection.accepts(picture.frame):
                        raise DeviationError("a keyframe that is none to its decoder")
                    make = partial(task.convert, convert, picture)
                    results.put(number, convert.num_bytes(picture.frame), make)
                    number += 1
                group = queue.take()
    except ClosedBudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - any error is raised again in the consumer
        results.fail(number, error)
    else:
        results.end(queue.num_frames)


def _produce_sequentially(
    task: DecodeTask, after: int, threads: int, results: OrderedResults[TimedFrame]
) -> None:
    """Decode all pictures, and put the selected ones that are shown after tick `after`."""
    convert = task.converter(threads)
    decode = _WholeDecode(task, threads)
    number = 0
    try:
        for picture in _known_selection(task).pick(decode.pictures(), task.timeline.unit):
            if picture.tick > after and not picture.frame.is_corrupt:
                make = partial(task.convert, convert, picture)
                results.put(number, convert.num_bytes(picture.frame), make)
                number += 1
        task.findings.append(decode.findings())
    except ClosedBudgetError:
        raise
    except Exception as error:  # noqa: BLE001 - any error is raised again in the consumer
        results.fail(number, error)
    else:
        results.end(number)


def _known_selection(task: DecodeTask) -> FrameSelection:
    """Select by index where the packets give indices, so that damage does not shift them."""
    if task.timeline.unreliable_reason or isinstance(task.selection, Keyframes):
        return task.selection  # the decoder decides which pictures are keyframes
    indices = task.selection.indices(task.timeline)
    return task.selection if indices is None else Places(tuple(indices))


class _WholeDecode:
    """Decode all pictures of a file in order, and record damage."""

    def __init__(self, task: DecodeTask, threads: int) -> None:
        self._task = task
        self._threads = threads
        self._decoder = SequentialDecoder(task.media, task.index, threads=threads)
        self._order = PresentationOrder(task.index, task.timeline, self._decoder)
        self._num_whole = 0
        self._has_ended = False
        self._lost_ticks: list[int] = []
        self._num_places = 0  # that pictures were found for, or not
        self._last_tick: int | None = None  # of a whole picture

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures, damaged ones included, since they have an index.

        Raises:
            DeviationError: something is damaged, which several threads cannot locate.
        """
        for frame in self._decoder:
            if self._threads > 1 and (frame.is_corrupt or self._decoder.is_damaged):
                raise DeviationError("a picture is damaged")
            place = self._order.place(frame)
            if place is None:
                continue
            self._note_missing(place.index)
            self._num_places = place.index + 1
            if frame.is_corrupt:
                self._lost_ticks.append(place.tick)
            else:
                self._num_whole += 1
                self._last_tick = place.tick
            yield Picture(place.index, place.tick, frame)
        if self._threads > 1 and self._decoder.is_damaged:
            raise DeviationError("the end is damaged")
        self._note_missing(len(self._task.timeline.ticks))
        self._has_ended = True

    def _note_missing(self, until: int) -> None:
        """Record as missing the pictures up to `until` that were not decoded."""
        if not self._task.timeline.unreliable_reason:
            self._lost_ticks += self._task.timeline.ticks[self._num_places : until].tolist()

    def findings(self) -> Findings:
        """Return the damage found so far."""
        task = self._task
        num_lost = len(self._lost_ticks)
        if task.timeline.unreliable_reason:
            num_lost += len(self._decoder.refused_dts)
        if not self._num_whole:
            num_lost += self._decoder.num_unusable
        last = self._last_tick
        if not self._has_ended and not task.timeline.unreliable_reason:
            last = int(task.timeline.ticks[-1])  # unknown behind the last wanted picture
        return Findings(
            what="pictures",
            num_decoded=self._num_whole,
            lost_seconds=tuple(float(tick * task.timeline.unit) for tick in self._lost_ticks),
            num_lost=num_lost,
            decoded_seconds=Fraction(0) if last is None else _end_seconds(task, last),
            stated_seconds=task.index.stated_seconds,
            period_seconds=task.index.period_seconds,
            truncation=task.index.truncation,
            refusal=self._decoder.refusal or task.index.refusal,
            num_marked=task.index.num_marked,
            unread=task.index.unread,
        )
