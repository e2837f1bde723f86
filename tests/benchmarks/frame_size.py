"""Frames scaled by the decoder, beside `cv2.resize` in the model, in turns.

python -m tests.benchmarks.frame_size [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from common_ml import FrameModel, FrameTag
from common_ml.tagging.producer import TagMessageProducer
from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 224


class ByDecoder(FrameModel):
    frame_size = (SIDE, SIDE)
    fit = "stretch"

    def tag_frame(self, img: Any) -> list[FrameTag]:
        return [FrameTag(f"{img.shape}")]


class ByOpenCv(FrameModel):
    def tag_frame(self, img: Any) -> list[FrameTag]:
        small = cv2.resize(img, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return [FrameTag(f"{small.shape}")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    seconds: dict[Callable[[], FrameModel], list[float]] = {ByDecoder: [], ByOpenCv: []}
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        recipes.write(
            film, recipes.Video(num_frames=96, rate=Fraction(24), width=1920, height=1080)
        )
        for _ in range(rounds):
            for model, taken in seconds.items():
                start = time.process_time()
                list(TagMessageProducer.from_model(model(), fps=24).produce([str(film)]))
                taken.append(time.process_time() - start)
    for model, taken in seconds.items():
        print(f"{model.__name__}: {statistics.median(taken):.2f} s CPU for 96 frames of 1920x1080")


if __name__ == "__main__":
    main()
