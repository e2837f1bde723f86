"""Text in pictures: one tag for each line of text that rapidocr reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rapidocr import RapidOCR

from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class OcrParams:
    """What `--params` may hold."""

    min_confidence: float = 0.5
    """Text that the recogniser is less sure of is left out; 0..1."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be 0..1, got {self.min_confidence}")


class OcrModel(FrameModel):
    """Reads the text in a picture; the weights come with rapidocr's wheel."""

    tracks = ("",)

    def __init__(self, params: OcrParams) -> None:
        self._engine = RapidOCR(
            params={"Global.text_score": params.min_confidence, "Global.log_level": "error"}
        )
        # rapidocr loads each network when it first needs it. Reading a word now makes it load all
        # of them, so that missing weights stop the tagger at its start and not at its first file.
        self._engine(_picture_of_a_word())

    def tag_frame(self, img: npt.NDArray[np.uint8]) -> list[FrameTag]:
        """Return one tag per line of text, from top to bottom.

        Args:
            img: RGB, uint8, shape (H, W, 3).
        """
        found: Any = self._engine(np.ascontiguousarray(img[:, :, ::-1]))  # it takes BGR
        if found.boxes is None:
            return []
        height, width = img.shape[:2]
        size = np.array([width, height])
        return [
            FrameTag(
                tag=text,
                box=_box(corners / size),
                confidence=score,
            )
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        ]


def _picture_of_a_word() -> npt.NDArray[np.uint8]:
    picture = np.zeros((64, 200, 3), np.uint8)
    cv2.putText(picture, "ready", (20, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 3)
    return picture


def _box(corners: npt.NDArray[np.float64]) -> dict[str, float]:
    """Turn four corners, which may be tilted, into the upright box around them, 0..1."""
    (x1, y1), (x2, y2) = corners.min(axis=0).clip(0, 1), corners.max(axis=0).clip(0, 1)
    return {"x1": round(x1, 4), "y1": round(y1, 4), "x2": round(x2, 4), "y2": round(y2, 4)}
