"""Neighbouring sampled frames with the same tag, joined to time ranges: pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Run:
    """A maximal stretch of neighbouring sampled frames that carry one tag."""

    text: str
    first: int
    """Position of the first frame among the sampled ones, from 0."""
    last: int
    """Position of the last frame, >= first: both ends belong to the run."""
    start_seconds: float
    """Time of the first frame."""
    end_seconds: float
    """Time of the last frame (of its beginning: how long it is shown is not known here)."""

    @property
    def num_frames(self) -> int:
        """How many sampled frames the run covers, >= 1."""
        return self.last - self.first + 1


class RunFinder:
    """Collects sightings of tags and joins them; its size is that of the runs, not of the film.

    The order of the calls does not matter and a repeated call changes nothing.
    """

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}  # per text, by position, never touching each other

    def add(self, texts: Iterable[str], *, position: int, seconds: float) -> None:
        """Note that the sampled frame at `position` carries each of `texts`."""
        for text in texts:
            runs = self._runs.setdefault(text, [])
            if runs and runs[-1].last == position - 1:  # a film in order comes this way
                runs[-1] = replace(runs[-1], last=position, end_seconds=seconds)
            else:
                _insert(runs, Run(text, position, position, seconds, seconds))

    def runs(self) -> list[Run]:
        """All runs, by first position, then by text."""
        found = (run for runs in self._runs.values() for run in runs)
        return sorted(found, key=attrgetter("first", "text"))


def _insert(runs: list[Run], run: Run) -> None:
    """Put `run`, of one frame, where it belongs and join it with the neighbours it touches."""
    place = bisect_right(runs, run.first, key=attrgetter("first"))
    if place > 0 and runs[place - 1].last >= run.first:
        return  # seen before
    after = runs[place] if place < len(runs) else None
    if after is not None and after.first == run.last + 1:
        run = replace(run, last=after.last, end_seconds=after.end_seconds)
        del runs[place]
    before = runs[place - 1] if place > 0 else None
    if before is not None and before.last == run.first - 1:
        run = replace(run, first=before.first, start_seconds=before.start_seconds)
        place -= 1
        del runs[place]
    runs.insert(place, run)
