"""Which pictures of a timeline are wanted; known beforehand, or as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from common_ml.media.sampling import nearest_to_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    from av.video.frame import VideoFrame

    from common_ml.media.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded frame and its place."""

    index: int
    """0-based place in order of presentation."""
    tick: int
    """Time from the first picture of the file."""
    frame: VideoFrame


class Selection(Protocol):
    """A rule that says which pictures are wanted."""

    @property
    def count(self) -> int | None:
        """How many they are; None if nobody knows beforehand."""

    def indices(self, timeline: Timeline) -> Sequence[int] | None:
        """The wanted pictures, ascending; None if the timeline does not tell.

        Args:
            timeline: One that can be trusted.
        """

    def accepts(self, frame: VideoFrame) -> bool:
        """Whether a picture of `indices` turns out to be one that is wanted."""

    def pick(self, pictures: Iterable[Picture], unit: Fraction) -> Iterator[Picture]:
        """The same pictures out of all of them, each as soon as it is certain."""


@dataclass(frozen=True)
class Grid:
    """The pictures nearest to a regular grid of times."""

    fps: Fraction
    """Grid points per second."""

    count: None = None
    """See Selection."""

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See Selection."""
        return list(nearest_to_grid(timeline.ticks.tolist(), 1 / (self.fps * timeline.unit)))

    def accepts(self, frame: VideoFrame) -> bool:  # noqa: ARG002 - see Selection
        """See Selection."""
        return True

    def pick(self, pictures: Iterable[Picture], unit: Fraction) -> Iterator[Picture]:
        """See Selection."""
        held: dict[int, Picture] = {}

        def ticks() -> Iterator[int]:
            last: Picture | None = None
            for picture in pictures:
                # Of pictures of one time only the first can be nearest to anything.
                if last is None or picture.tick > last.tick:
                    held.clear()
                    held.update({p.index: p for p in (last, picture) if p is not None})
                    last = picture
                yield picture.tick

        for index in nearest_to_grid(ticks(), 1 / (self.fps * unit)):
            yield held[index]


@dataclass(frozen=True)
class Every:
    """All pictures."""

    count: None = None
    """See Selection."""

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See Selection."""
        return range(len(timeline.ticks))

    def accepts(self, frame: VideoFrame) -> bool:  # noqa: ARG002 - see Selection
        """See Selection."""
        return True

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,  # noqa: ARG002 - see Selection
    ) -> Iterator[Picture]:
        """See Selection."""
        yield from pictures


@dataclass(frozen=True)
class Places:
    """Pictures by their indices."""

    wanted: tuple[int, ...]
    """Ascending, without repetitions."""

    @property
    def count(self) -> int:
        """See Selection."""
        return len(self.wanted)

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See Selection."""
        return [index for index in self.wanted if index < len(timeline.ticks)]

    def accepts(self, frame: VideoFrame) -> bool:  # noqa: ARG002 - see Selection
        """See Selection."""
        return True

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,  # noqa: ARG002 - see Selection
    ) -> Iterator[Picture]:
        """See Selection."""
        wanted = set(self.wanted)
        for picture in pictures:
            if picture.index in wanted:
                yield picture
            if picture.index >= self.wanted[-1]:
                return


@dataclass(frozen=True)
class Keyframes:
    """Pictures that decoding can start at, as the decoder says.

    Where it says so of none (QuickTime RLE, what an edit list leaves) it is the first picture.
    """

    count: None = None
    """See Selection."""

    def indices(self, timeline: Timeline) -> Sequence[int] | None:
        """See Selection."""
        if not timeline.knows_keyframes:
            return None
        ticks = timeline.start_ticks
        places = timeline.ticks.searchsorted(ticks[ticks >= 0])
        shown: list[int] = places.tolist()
        return shown or None

    def accepts(self, frame: VideoFrame) -> bool:
        """See Selection."""
        return frame.key_frame

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,  # noqa: ARG002 - see Selection
    ) -> Iterator[Picture]:
        """See Selection."""
        first: Picture | None = None
        has_keyframe = False
        for picture in pictures:
            if picture.frame.key_frame:
                has_keyframe = True
                first = None
                yield picture
            elif picture.index == 0:
                first = picture
        if first is not None and not has_keyframe:
            yield first
