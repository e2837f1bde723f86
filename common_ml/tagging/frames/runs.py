"""Join consecutive sampled frames with the same tag to time ranges; no I/O."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.tagging.models.tag_types import FrameTag

_UNITS = 1 << 53
"""Sums of confidences are integers in units of 1 / 2**53: exact in any order of the frames."""


@dataclass(frozen=True)
class Run:
    """A maximal sequence of consecutive sampled frames with one tag."""

    text: str
    first: int
    """0-based index of the first frame among the sampled ones."""
    last: int
    """Index of the last frame, >= first, inclusive."""
    start_seconds: float
    """Time of the first frame."""
    end_seconds: float
    """Start time of the last frame; its duration is unknown here."""
    track: str = ""
    mean_confidence: float | None = None
    """Mean of the frames that have a confidence, rounded to 6 decimals; None without any."""
    best_confidence: float | None = None
    """The highest of them."""

    @property
    def num_frames(self) -> int:
        """Number of sampled frames in the run, >= 1."""
        return self.last - self.first + 1


class RunFinder:
    """Collect tags of frames and join them to runs; memory grows with the runs, not the frames.

    The order of the calls does not matter, and a repeated call changes nothing.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[_OpenRun]] = {}
        """By text and track, each sorted, with gaps between them."""

    def add(self, tags: Iterable[FrameTag], *, position: int, seconds: float) -> None:
        """Add the tags of the sampled frame at `position`; of equal ones the surest counts."""
        seen: dict[tuple[str, str], float | None] = {}
        for tag in tags:
            label = tag.tag, tag.track
            known, sure = seen.get(label), tag.confidence
            seen[label] = known if sure is None or (known is not None and known > sure) else sure
        for label, confidence in seen.items():
            runs = self._runs.setdefault(label, [])
            if runs and runs[-1].last == position - 1:  # the common case: frames in order
                runs[-1].extend(position, seconds, confidence)
            else:
                _insert(runs, _OpenRun(position, seconds, confidence))

    def runs(self) -> list[Run]:
        """Return all runs, sorted by first position, then by text and track."""
        found = [
            run.closed(text, track) for (text, track), runs in self._runs.items() for run in runs
        ]
        return sorted(found, key=attrgetter("first", "text", "track"))


class _OpenRun:
    """A run that may still grow."""

    __slots__ = ("best", "end_seconds", "first", "last", "num_sure", "start_seconds", "total")

    def __init__(self, position: int, seconds: float, confidence: float | None) -> None:
        self.first = self.last = position
        self.start_seconds = self.end_seconds = seconds
        self.best = confidence
        self.num_sure = 0 if confidence is None else 1
        self.total = 0 if confidence is None else round(confidence * _UNITS)

    def extend(self, position: int, seconds: float, confidence: float | None) -> None:
        """Add the next frame."""
        self.last = position
        self.end_seconds = seconds
        if confidence is not None:
            self.num_sure += 1
            self.total += round(confidence * _UNITS)
            if self.best is None or confidence > self.best:
                self.best = confidence

    def append(self, other: _OpenRun) -> None:
        """Add the run that follows without a gap."""
        self.last, self.end_seconds = other.last, other.end_seconds
        self.num_sure += other.num_sure
        self.total += other.total
        if other.best is not None and (self.best is None or other.best > self.best):
            self.best = other.best

    def closed(self, text: str, track: str) -> Run:
        mean = round(self.total / (self.num_sure * _UNITS), 6) if self.num_sure else None
        return Run(
            text,
            self.first,
            self.last,
            self.start_seconds,
            self.end_seconds,
            track,
            mean,
            self.best,
        )


def _insert(runs: list[_OpenRun], run: _OpenRun) -> None:
    """Insert `run`, of one frame, in order and join it with adjacent runs."""
    place = bisect_right(runs, run.first, key=attrgetter("first"))
    before = runs[place - 1] if place > 0 else None
    if before is not None and before.last >= run.first:
        return  # a repeated call
    after = runs[place] if place < len(runs) else None
    if after is not None and after.first == run.last + 1:
        run.append(after)
        del runs[place]
    if before is not None and before.last == run.first - 1:
        before.append(run)
    else:
        runs.insert(place, run)
