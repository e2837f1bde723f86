"""Shots and the cuts between them, found by scenedetect in every frame of a video."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scenedetect import AdaptiveDetector, FrameTimecode

from common_ml import AVModel, Tag
from common_ml.media.decode import sample
from common_ml.media.kinds import media_kind
from common_ml.tagging.messages import FrameInfo

if TYPE_CHECKING:
    from common_ml.media.decode import Frame

DETECTION_SIZE = 256
"""Pixels of the longer side: a cut shows in a small picture as well, and far faster."""


@dataclass(frozen=True)
class ShotsParams:
    """What `--params` may hold."""

    threshold: float = 3.0
    """A cut changes the picture this many times as much as the frames around it; > 0."""
    min_change: float = 15.0
    """And by at least this much: mean difference of hue, saturation and brightness; 0..255."""
    min_shot_seconds: float = 0.6
    """A cut that follows the last one sooner is left out; >= 0."""

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise ValueError(f"threshold must be > 0, got {self.threshold}")
        if not 0 <= self.min_change <= 255:
            raise ValueError(f"min_change must be 0..255, got {self.min_change}")
        if not self.min_shot_seconds >= 0:
            raise ValueError(f"min_shot_seconds must be >= 0, got {self.min_shot_seconds}")


class ShotsModel(AVModel):
    """Finds every shot (track `shot`) and every cut between two of them (track `cut`).

    The frames come from common_ml rather than from scenedetect's own reader, which counts them by
    the average rate: in a video of variable rate its frame numbers are off.
    """

    tracks = ("shot", "cut")

    def __init__(self, params: ShotsParams) -> None:
        self._params = params

    def tag(self, fpath: str) -> list[Tag]:
        """Return a time range per shot, and a point in time per cut: the first frame after it.

        Raises:
            ValueError: the file is no video.
            MediaError: the video cannot be read.
        """
        kind = media_kind(fpath)
        if kind != "video":
            raise ValueError(f"shots are found in videos only, got {kind}: {fpath}")
        cuts, end_ms = self._find_cuts(fpath)
        times = [0, *(cut.start_time for cut in cuts), end_ms]
        return [Tag(start, end, "shot", track="shot") for start, end in pairwise(times)] + cuts

    def _find_cuts(self, fpath: str) -> tuple[list[Tag], int]:
        """Return the cuts, and the time in milliseconds at which the video ends."""
        detector = AdaptiveDetector(
            adaptive_threshold=self._params.threshold,
            min_content_val=self._params.min_change,
            # A whole number would be taken for frames.
            min_scene_len=float(self._params.min_shot_seconds),
        )
        cuts: list[Tag] = []
        # The detector names a cut some frames after it; only these need remembering.
        recent: deque[Frame] = deque(maxlen=detector.event_buffer_length + 1)
        with sample(fpath, fps=None, max_size=DETECTION_SIZE) as frames:  # None: every frame
            rate = 1 / frames.frame_period_seconds
            for frame in frames:
                recent.append(frame)
                bgr = np.ascontiguousarray(frame.rgb[:, :, ::-1])  # as scenedetect takes it
                found = detector.process_frame(FrameTimecode(frame.seconds, rate), bgr)
                times = [cut.seconds for cut in found]
                cuts += [_cut(frame) for frame in recent if frame.seconds in times]
            end_seconds = recent[-1].seconds + float(frames.frame_period_seconds)
        return cuts, round(end_seconds * 1000)


def _cut(frame: Frame) -> Tag:
    time_ms = round(frame.seconds * 1000)
    return Tag(time_ms, time_ms, "cut", track="cut", frame_info=FrameInfo(frame.index))
