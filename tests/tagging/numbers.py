"""Models that read the number which the made pictures carry, so that a wrong frame is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel, Pixels
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    from collections.abc import Callable


def number_in(img: Pixels) -> int:
    """The number that `recipes.picture` drew: 12 blocks, one a bit, the lowest first."""
    block = max(img.shape[1] // 16, 2)
    bits = [
        img[2 : 2 + block, (bit + 2) * block : (bit + 3) * block].mean() > 127 for bit in range(12)
    ]
    return sum(1 << place for place, bit in enumerate(bits) if bit)


class Reads(FrameModel):
    """Tags each frame with what `tags_of` says about its number."""

    def __init__(self, tags_of: Callable[[int], list[FrameTag]]) -> None:
        self.tags_of = tags_of

    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        return self.tags_of(number_in(img))


class ReadsBatches(BatchFrameModel):
    """The same in batches; it remembers how large they were."""

    def __init__(self, tags_of: Callable[[int], list[FrameTag]], *, batch_size: int = 16) -> None:
        self.tags_of, self.batch_size = tags_of, batch_size
        self.shapes: list[tuple[int, ...]] = []

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        self.shapes.append(imgs.shape)
        return [self.tags_of(number_in(img)) for img in imgs]


def itself(number: int) -> list[FrameTag]:
    """One tag, whose text is the number."""
    return [FrameTag(tag=str(number))]
