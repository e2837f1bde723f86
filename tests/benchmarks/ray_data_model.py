"""The model that Ray Data and common_ml run: what it says of a picture, after a time."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import cv2

from tests.benchmarks.numbered_clips import number_in

if TYPE_CHECKING:
    from tests.benchmarks.numbered_clips import Picture

WAIT_VARIABLE = "MODEL_MILLISECONDS"


def look(picture: Picture) -> str:
    """Return height, width, the number that the picture carries, and its mean level."""
    time.sleep(int(os.environ.get(WAIT_VARIABLE, "0")) / 1000)  # as for a graphics card
    small = cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA)
    height, width = picture.shape[:2]
    return f"{height} {width} {number_in(picture)} {small.mean():.1f}"
