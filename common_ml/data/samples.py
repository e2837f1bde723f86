"""`Samples`: the interface of a dataset that training frameworks need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from common_ml.data.sample import Sample


class Samples(Protocol):
    """A sequence of samples that can be sharded by file; `Dataset` implements it."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __iter__(self) -> Iterator[Sample]:
        """Iterate over the samples; each video is decoded once."""

    def __getitem__(self, place: int, /) -> Sample:
        """Return one sample."""

    def places(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return per record, by file: `number`, `media` (a number), `slot` (frame, or -1)."""

    def in_decoding_order(self, numbers: npt.NDArray[np.int64]) -> Samples:
        """Return the records with these numbers, in this order."""

    def prepare_random_access(self) -> None:
        """Prepare random access to samples, also in other processes."""

    def together(self, places: Sequence[int]) -> Iterator[tuple[int, Sample]]:
        """Yield the samples of a batch with their positions, in the order of decoding."""

    def record_id(self, number: int) -> str:
        """Return the id, in its source, of the record with a number."""
