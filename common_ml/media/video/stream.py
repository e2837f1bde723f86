"""`Frame` and `FrameStream`: iterate over decoded frames, and release the decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NoReturn

from common_ml import stages
from common_ml.media.probe import VideoStream, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from fractions import Fraction
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from common_ml.media.media_file import MediaFile


@dataclass(frozen=True, eq=False)
class Frame:
    """A decoded picture of a video."""

    index: int
    """0-based place in the video's order of presentation."""
    seconds: float
    """Time from the first frame of the file."""
    rgb: npt.NDArray[np.uint8]
    """Upright RGB, uint8, shape (H, W, 3); the receiver owns it."""
    whole_size: tuple[int, int] | None = None
    """Width and height of the upright picture before it came to a `frame_size`, else None."""


class FrameStream(Iterator[Frame]):
    """Iterator over frames; closing it, leaving its block or dropping it releases everything."""

    def __init__(
        self,
        frames: Generator[Frame, None, None],
        *,
        media: MediaFile,
        frame_period_seconds: Fraction,
        num_bytes: Callable[[], int | None],
    ) -> None:
        self._frames = frames
        self._media = media
        self._num_bytes = num_bytes
        self._begun: list[Callable[[], Frame]] = []  # what comes first, if it was decoded already
        self.frame_period_seconds = frame_period_seconds
        """Average duration of a frame: 1 / average rate of the video."""

    @cached_property
    def facts(self) -> VideoStream:
        """The stream that the frames come from."""
        video = probe(self._media.path).video
        assert video is not None  # noqa: S101 - its frames are being decoded
        return video

    def begin(self, max_bytes: int) -> None:
        """Begin to decode, and wait for the first frame; it comes with `next` as usual.

        For a thread other than the one that iterates later. An error comes with `next`, too.

        Args:
            max_bytes: Limit for all frames together; nothing is decoded where they have more, or
                where their number is unknown.
        """
        num_bytes = self._num_bytes()
        if num_bytes is None or num_bytes > max_bytes:
            return
        try:
            frame = next(self._frames)
        except BaseException as error:  # noqa: BLE001 - raised again where the frame is awaited
            self._begun.append(partial(_raise, error))
        else:
            self._begun.append(lambda: frame)

    def close(self) -> None:
        """Stop decoding; no more frames come."""
        self._begun.clear()
        self._frames.close()
        self._media.close()

    def __next__(self) -> Frame:
        with stages.within("decode"):
            frame = self._begun.pop()() if self._begun else next(self._frames)
        stages.tally("frames")
        return frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _raise(error: BaseException) -> NoReturn:
    raise error
