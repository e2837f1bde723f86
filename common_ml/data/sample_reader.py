"""`SampleReader`: the samples of a selection, one at a time, in order, or in batches."""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, Any

from common_ml.data.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.data.pixels import Ahead, Pixels
    from common_ml.data.record import Record
    from common_ml.data.selection import Selection


class SampleReader:
    """Samples by their index in a selection.

    It remembers the last index: where samples are asked for in order, records are read in blocks
    and frames are decoded ahead. It can be sent to other processes.
    """

    def __init__(self, selection: Selection, pixels: Pixels) -> None:
        """Prepare; nothing is read.

        Args:
            selection: The records.
            pixels: Reads the pictures.
        """
        self._selection = selection
        self._pixels = pixels
        self._last_index = -2

    def at(self, index: int) -> Sample:
        """Return one sample.

        Args:
            index: 0 <= index < number of records.
        """
        in_order = index == self._last_index + 1
        self._last_index = index
        record = self._selection.record(index, ahead=in_order)
        return self._sample(
            index, record, partial(self._frames_behind, index) if in_order else None
        )

    def __iter__(self) -> Iterator[Sample]:
        """Iterate over all samples; each video is decoded once."""
        for index, record in enumerate(self._selection.records()):
            yield self._sample(index, record, partial(self._frames_behind, index))

    def batch(self, indices: Sequence[int]) -> Iterator[tuple[int, Sample]]:
        """Iterate over samples with their positions in `indices`, in the order of decoding.

        Frames of one video are decoded in one pass if the pictures are read in this order.
        """
        records = [self._selection.record(operator.index(one), ahead=False) for one in indices]
        frames = [record.frame_index or 0 for record in records]
        order = sorted(range(len(records)), key=lambda one: (records[one].media, frames[one]))
        for at, position in enumerate(order):
            media = records[position].media
            behind = [frames[one] for one in order[at + 1 :] if records[one].media == media]
            yield (
                position,
                self._sample(indices[position], records[position], partial(list, behind)),
            )

    def _frames_behind(self, index: int) -> list[int]:
        return self._selection.frames_behind(index)

    def _sample(self, index: int, record: Record, ahead: Ahead | None) -> Sample:
        return Sample(
            record,
            number=self._selection.number(index),
            label_ids=self._selection.catalogue.label_ids,
            pixels=self._pixels,
            ahead=ahead,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last_index": -2}
