"""Assign index and time to the pictures of a sequential decode."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.video.sequential import SequentialDecoder

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex
    from common_ml.media.video.timeline import Timeline


@dataclass(frozen=True)
class FramePosition:
    """Index and time of a picture."""

    index: int
    """0-based, in order of presentation."""
    tick: int
    """Time from the first picture of the file."""


class PresentationOrder:
    """Assign each picture of a sequential decode the place it has in the undamaged file.

    Where the packet table is reliable, a place is looked up, and missing pictures leave theirs
    empty. Otherwise pictures are counted, together with the packets that the decoder refused.
    """

    def __init__(self, index: VideoIndex, timeline: Timeline, decoder: SequentialDecoder) -> None:
        self._timeline = timeline
        self._decoder = decoder
        self._ticks: list[int] = timeline.ticks.tolist()
        self._is_known = not timeline.unreliable_reason
        self._period = max(1, round(index.period_seconds / timeline.unit))
        self._origin: int | None = timeline.origin if self._is_known else None
        self._num_passed = 0  # refused packets before the last picture
        self.last: FramePosition | None = None
        """Of the last picture; None before the first one."""

    def place(self, frame: VideoFrame) -> FramePosition | None:
        """Return the place of the next picture, after the last one; None if it has none."""
        place = self._looked_up(frame.pts) if self._is_known else self._counted(frame)
        self.last = place or self.last
        return place

    def _looked_up(self, pts: int | None) -> FramePosition | None:
        if pts is None:
            return None
        tick = pts - self._timeline.origin
        index = bisect_left(self._ticks, tick)
        is_there = index < len(self._ticks) and self._ticks[index] == tick
        if not is_there or (self.last is not None and index <= self.last.index):
            return None
        return FramePosition(index, tick)

    def _counted(self, frame: VideoFrame) -> FramePosition:
        index = 0 if self.last is None else self.last.index + 1
        if self._timeline.source == "dts":
            if self.last is not None:
                index += self._num_refused_before(frame.dts)
            if index < len(self._ticks):
                return FramePosition(index, self._ticks[index])
        return FramePosition(index, self._tick(frame.pts))

    def _num_refused_before(self, dts: int | None) -> int:
        """Count the refused pictures before this one, each once."""
        refused = self._decoder.refused_dts
        passed = [d for d in refused if d is not None and dts is not None and d < dts]
        count = len(passed) - self._num_passed
        self._num_passed = max(len(passed), self._num_passed)
        return max(0, count)

    def _tick(self, pts: int | None) -> int:
        """Return the tick of a picture, never less than the one before."""
        last = None if self.last is None else self.last.tick
        counted = 0 if last is None else last + self._period
        if pts is None or self._timeline.source not in ("pts", "sparse"):
            return counted
        if self._origin is None:  # those before it were counted
            self._origin = pts - counted
        return max(last or 0, pts - self._origin)


def decoded_ticks(media: MediaFile, index: VideoIndex, timeline: Timeline) -> tuple[int, ...]:
    """Return the ticks of all pictures by decoding them, for files with unreliable packets."""
    decoder = SequentialDecoder(media, index)
    order = PresentationOrder(index, timeline, decoder)
    ticks: dict[int, int] = {}
    for frame in decoder:
        place = order.place(frame)
        if place is not None:
            ticks[place.index] = place.tick
    known = -1
    filled = []
    for number in range(max(ticks, default=-1) + 1):  # a lost picture keeps its place
        known = ticks.get(number, max(known, 0))
        filled.append(known)
    return tuple(filled)
