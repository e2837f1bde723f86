"""Frames on their way to whoever asked for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from common_ml import stages
from common_ml.media.probe import VideoStream, probe

if TYPE_CHECKING:
    import os
    from collections.abc import Generator
    from fractions import Fraction
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self


@dataclass(frozen=True, eq=False)
class Frame:
    """A decoded picture of a video."""

    index: int
    """0-based place in the video's order of presentation."""
    seconds: float
    """Time from the first frame of the file."""
    rgb: npt.NDArray[np.uint8]
    """Upright, shape (H, W, 3); it belongs to the receiver."""


class FrameStream(Iterator[Frame]):
    """Frames one by one; closing, leaving its block, or dropping it releases everything."""

    def __init__(
        self,
        frames: Generator[Frame, None, None],
        *,
        path: str | os.PathLike[str],
        frame_period_seconds: Fraction,
    ) -> None:
        self._frames = frames
        self._path = path
        self.frame_period_seconds = frame_period_seconds
        """How long a frame is shown on average: 1 / average rate of the video."""

    @cached_property
    def facts(self) -> VideoStream:
        """The stream that the frames come from."""
        video = probe(self._path).video
        assert video is not None  # noqa: S101 - its frames are being decoded
        return video

    def close(self) -> None:
        """Stop decoding; no more frames come."""
        self._frames.close()

    def __next__(self) -> Frame:
        frame = stages.called("decode", next, self._frames)
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
