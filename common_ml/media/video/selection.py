"""Select pictures of a video: at a rate, all, by index, or keyframes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from common_ml.media.video.sampling import nearest_to_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    from av.video.frame import VideoFrame

    from common_ml.media.video.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded frame and its place."""

    index: int
    """0-based place in order of presentation."""
    tick: int
    """Time from the first picture of the file."""
    frame: VideoFrame


class FrameSelection(Protocol):
    """A rule that selects pictures."""

    @property
    def count(self) -> int | None:
        """Number of selected pictures; None if unknown in advance."""

    def indices(self, timeline: Timeline) -> Sequence[int] | None:
        """Return the selected indices, ascending; None if the timeline does not tell.

        Args:
            timeline: A reliable one.
        """

    def accepts(self, frame: VideoFrame) -> bool:
        """Whether a decoded picture of `indices` is selected."""

    def pick(self, pictures: Iterable[Picture], unit: Fraction) -> Iterator[Picture]:
        """Yield the selected pictures out of all, each as soon as it is certain."""


@dataclass(frozen=True)
class Grid:
    """The pictures nearest to a regular grid of times."""

    fps: Fraction
    """Grid points per second."""

    count: None = None
    """See FrameSelection."""

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See FrameSelection."""
        return list(nearest_to_grid(timeline.ticks.tolist(), 1 / (self.fps * timeline.unit)))

    def accepts(self, frame: VideoFrame) -> bool:
        """See FrameSelection."""
        return True

    def pick(self, pictures: Iterable[Picture], unit: Fraction) -> Iterator[Picture]:
        """See FrameSelection."""
        held: dict[int, Picture] = {}

        def ticks() -> Iterator[int]:
            last: tuple[int, Picture] | None = None
            # by their number among those that there are: of a damaged file some are missing
            for one in enumerate(pictures):
                # Of pictures of one time only the first can be nearest to anything.
                if last is None or one[1].tick > last[1].tick:
                    held.clear()
                    held.update([one] if last is None else [last, one])
                    last = one
                yield one[1].tick

        for number in nearest_to_grid(ticks(), 1 / (self.fps * unit)):
            yield held[number]


@dataclass(frozen=True)
class AllFrames:
    """All pictures."""

    count: None = None
    """See FrameSelection."""

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See FrameSelection."""
        return range(len(timeline.ticks))

    def accepts(self, frame: VideoFrame) -> bool:
        """See FrameSelection."""
        return True

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,
    ) -> Iterator[Picture]:
        """See FrameSelection."""
        yield from pictures


@dataclass(frozen=True)
class Places:
    """Pictures by their indices."""

    wanted: tuple[int, ...]
    """Ascending, without repetitions."""

    @property
    def count(self) -> int:
        """See FrameSelection."""
        return len(self.wanted)

    def indices(self, timeline: Timeline) -> Sequence[int]:
        """See FrameSelection."""
        return [index for index in self.wanted if index < len(timeline.ticks)]

    def accepts(self, frame: VideoFrame) -> bool:
        """See FrameSelection."""
        return True

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,
    ) -> Iterator[Picture]:
        """See FrameSelection."""
        wanted = set(self.wanted)
        for picture in pictures if wanted else ():
            if picture.index in wanted:
                yield picture
            if picture.index >= self.wanted[-1]:
                return


@dataclass(frozen=True)
class Planned(Places):
    """Pictures by their indices; damaged ones are left out and reported, as of a rate."""

    @property
    def count(self) -> None:  # type: ignore[override] # None: the damage is reported
        """See FrameSelection."""
        return


@dataclass(frozen=True)
class Keyframes:
    """Keyframes, as the decoder reports them.

    Where it reports none (QuickTime RLE, the rest of an edit list) it is the first picture.
    """

    count: None = None
    """See FrameSelection."""

    def indices(self, timeline: Timeline) -> Sequence[int] | None:
        """See FrameSelection."""
        if not timeline.knows_keyframes:
            return None
        ticks = timeline.start_ticks
        places = timeline.ticks.searchsorted(ticks[ticks >= 0])
        shown: list[int] = places.tolist()
        return shown or None

    def accepts(self, frame: VideoFrame) -> bool:
        """See FrameSelection."""
        return frame.key_frame

    def pick(
        self,
        pictures: Iterable[Picture],
        unit: Fraction,
    ) -> Iterator[Picture]:
        """See FrameSelection."""
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
