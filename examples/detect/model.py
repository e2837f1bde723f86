"""Where text stands in pictures: boxes, confidences and identities, by rapidocr's detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidocr import RapidOCR

from common_ml import AVModel, FrameModel, FrameTag, Tag, track_boxes
from common_ml.adapters import from_xyxy

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class DetectParams:
    """What `--params` may hold."""

    min_confidence: float = 0.5
    """Boxes that the detector is less sure of are left out; 0..1."""
    rate: float = 2.0
    """Frames looked at per second of video; > 0."""
    min_iou: float = 0.5
    """How much the boxes of one object overlap from frame to frame at least; > 0, <= 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be 0..1, got {self.min_confidence}")
        if not 0 < self.rate <= 1000:
            raise ValueError(f"rate must be > 0 and <= 1000, got {self.rate}")
        if not 0 < self.min_iou <= 1:
            raise ValueError(f"min_iou must be > 0 and <= 1, got {self.min_iou}")


class Detector(FrameModel):
    """Finds the regions of text in a picture; the weights come with rapidocr's wheel."""

    def __init__(self, params: DetectParams) -> None:
        self._min_confidence = params.min_confidence
        self._engine = RapidOCR(params={"Global.log_level": "error"})

    def tag_frame(self, img: npt.NDArray[np.uint8]) -> list[FrameTag]:
        """Return one tag per region of text.

        Args:
            img: RGB, uint8, shape (H, W, 3).
        """
        found: Any = self._engine(  # it takes BGR
            np.ascontiguousarray(img[:, :, ::-1]), use_det=True, use_cls=False, use_rec=False
        )
        if found.boxes is None:
            return []
        corners = np.asarray(found.boxes)  # four of each box, which may be tilted
        upright = np.hstack([corners.min(axis=1), corners.max(axis=1)])
        return from_xyxy(
            upright, img, labels="text", scores=found.scores, min_score=self._min_confidence
        )


class DetectModel(AVModel):
    """Finds regions of text, and gives each the same identity in every frame."""

    tracks = ("",)

    def __init__(self, params: DetectParams) -> None:
        self._min_iou = params.min_iou
        self._frames = AVModel.from_frame_model(
            Detector(params), fps=params.rate, allow_single_frame=True
        )

    def tag(self, fpath: str) -> list[Tag]:
        """Return the boxes of each frame, and the times in which there is text.

        Raises:
            MediaError: the file is neither picture nor video, or cannot be read.
        """
        return track_boxes(self._frames.tag(fpath), min_iou=self._min_iou)
