"""When each picture is shown, and whether the packets can be trusted to say so."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media.index import NO_TIME, VideoIndex
from common_ml.media.plain import PlainDecode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from common_ml.media.index import Ints, PacketTable

_EXACT_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""One packet is one picture with a time of its own, by the format's definition."""
_MADE_UP_DTS = "matroska,webm"
"""Has no decoding times; the demuxer invents them."""
_NUM_CHECKED = 16
"""Pictures that are decoded to see that packets and pictures agree."""

_PAUSE = 8
"""Times the usual step from picture to picture."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The pictures of a file in order of presentation, as its packets tell."""

    unit: Fraction
    """Seconds per tick."""
    counts_frames: bool
    """The file has no usable times: the n-th picture is shown at tick n, one frame period each."""
    distrust: str
    """Why `ticks` and `numbers` are not there; empty if they are."""
    ticks: Ints = field(default_factory=lambda: np.array([], np.int64))
    """Ascending; the first is 0."""
    numbers: Ints = field(default_factory=lambda: np.array([], np.int64))
    """Of the packet that holds the picture."""
    origin: int = 0
    """Presentation timestamp of the first picture."""
    starts: Ints = field(default_factory=lambda: np.array([], np.int64))
    """Numbers of the packets that decoding can begin at, ascending."""
    start_ticks: Ints = field(default_factory=lambda: np.array([], np.int64))
    """When these are shown, ascending; the first one may stand before all pictures."""
    knows_keyframes: bool = False
    """Whether the keyframes of the file are just the shown pictures among `starts`."""

    @property
    def has_gaps_before_starts(self) -> bool:
        """Whether a pause comes before a keyframe, as where a demuxer came past damage."""
        steps = np.diff(self.ticks)
        if not steps.size:
            return False
        before = np.isin(self.ticks[1:], self.start_ticks)
        return bool((steps[before] > _PAUSE * np.median(steps)).any())


def timeline_of(path: str | os.PathLike[str], index: VideoIndex) -> Timeline:
    """When the pictures of a file are shown, by its packets.

    Raises:
        MediaError: the file cannot be opened.
    """
    return _timeline_of(os.fspath(path), index)


def plain_ticks(path: str | os.PathLike[str], index: VideoIndex) -> tuple[int, ...]:
    """The ticks of all pictures by decoding them all, for files whose packets are not trusted."""
    return _plain_ticks(os.fspath(path), index)


# Kept by the identity of the index, which is that of one file as it stands on the disk.
@lru_cache(maxsize=16)
def _timeline_of(path: str, index: VideoIndex) -> Timeline:
    packets = index.packets
    if bool(np.any(packets.pts[packets.is_shown] == NO_TIME)) or _starts_again(packets):
        return _counted(index, "packets without times of their own")
    start = _checked_start(path) if _needs_check(index) else []
    if start is None:
        return _counted(index, "pictures come out in another order than their times")
    numbers = _presentation_order(packets)
    if start:
        numbers = numbers[packets.pts[numbers] >= start[0]]
    shown = packets.pts[numbers]
    starts = _starts(packets, numbers)
    distrust = index.damage or _distrust(index, numbers, starts)
    if not distrust and shown[: len(start)].tolist() != start:
        distrust = "packets and pictures do not agree"
    if distrust:
        return Timeline(unit=index.time_base, counts_frames=False, distrust=distrust)
    return Timeline(
        unit=index.time_base,
        counts_frames=False,
        distrust="",
        ticks=shown - shown[0],
        numbers=numbers,
        origin=int(shown[0]),
        starts=starts,
        start_ticks=packets.pts[starts] - shown[0],
        knows_keyframes=bool(
            np.array_equal(
                np.flatnonzero(packets.is_keyframe & packets.is_shown),
                starts[packets.is_shown[starts]],
            )
        ),
    )


@lru_cache(maxsize=4)
def _plain_ticks(path: str, index: VideoIndex) -> tuple[int, ...]:
    clock = Clock(index, _timeline_of(path, index))
    return tuple(clock.tick(frame.pts) for frame in PlainDecode(path))


class Clock:
    """Gives each picture of a plain decode its tick, in order of presentation."""

    def __init__(self, index: VideoIndex, timeline: Timeline) -> None:
        self._counts_frames = timeline.counts_frames
        self._period = max(1, round(index.period_seconds / timeline.unit))
        self._start: int | None = None
        self.last_tick: int | None = None
        """Of the last picture; None before the first one."""

    def tick(self, pts: int | None) -> int:
        """The tick of the next picture: never less than that of the one before it."""
        if pts is None or self._counts_frames:
            tick = 0 if self.last_tick is None else self.last_tick + self._period
        else:
            self._start = pts if self._start is None else self._start
            tick = max(self.last_tick or 0, pts - self._start)
        self.last_tick = tick
        return tick


def _counted(index: VideoIndex, distrust: str) -> Timeline:
    return Timeline(unit=index.period_seconds, counts_frames=True, distrust=distrust)


def _starts_again(packets: PacketTable) -> bool:
    """Whether the clock is set back: parts that were made one by one and put together."""
    keyframes = packets.pts[packets.is_keyframe & packets.is_shown]
    return bool(np.any(np.diff(keyframes) < 0))


def _needs_check(index: VideoIndex) -> bool:
    """Whether the beginning has to be decoded before the packets are believed."""
    packets = index.packets
    if index.container not in _EXACT_CONTAINERS or not len(packets):
        return True
    return not packets.is_keyframe[0] or bool(np.any(packets.pts < packets.pts[0]))


def _checked_start(path: str | os.PathLike[str]) -> Sequence[int] | None:
    """Times of the first pictures that a plain decode gives; None if they are not in order."""
    frames = islice(PlainDecode(path), _NUM_CHECKED)
    times = [frame.pts for frame in frames]
    known = [time for time in times if time is not None]
    return known if len(known) == len(times) and known == sorted(known) else None


def _presentation_order(packets: PacketTable) -> Ints:
    shown = np.flatnonzero(packets.is_shown)
    return shown[np.argsort(packets.pts[shown], kind="stable")]


def _starts(packets: PacketTable, numbers: Ints) -> Ints:
    """Where decoding can begin: not outside of an edit list, unless it is the very first packet."""
    starts = np.flatnonzero(packets.is_start & (packets.is_shown | (np.arange(len(packets)) == 0)))
    if not len(numbers):
        return starts
    reached: Ints = starts[(starts == 0) | (packets.pts[starts] >= packets.pts[numbers[0]])]
    return reached


def _distrust(index: VideoIndex, numbers: Ints, starts: Ints) -> str:
    """What speaks against the packets as a table of the pictures; empty if nothing."""
    packets = index.packets
    shown = packets.pts[numbers]
    dts = packets.dts[packets.dts != NO_TIME]
    if not len(shown) or bool(np.any(np.diff(shown) == 0)):
        return "several pictures of one time"
    if index.container != _MADE_UP_DTS and bool(np.any(np.diff(dts) < 0)):
        return "decoding times go back"
    if not len(starts) or (starts[0] != 0 and packets.pts[starts[0]] != shown[0]):
        return "the first picture is no keyframe"
    if not _are_in_groups(packets, numbers, starts):
        return "pictures are stored far from their keyframe"
    return ""


def _are_in_groups(packets: PacketTable, numbers: Ints, starts: Ints) -> bool:
    """Whether keyframes are in order, and each picture is stored where it can be decoded from.

    That is in the group of the last keyframe that is not shown after it, or in the next one.
    """
    times = packets.pts[starts]
    owners = np.maximum(np.searchsorted(times, packets.pts[numbers], side="right") - 1, 0)
    ends = np.append(starts, [len(packets), len(packets)])[owners + 2]
    in_reach = (numbers >= starts[owners]) & (numbers < ends)
    return bool(np.all(np.diff(times) > 0) and np.all(in_reach))
