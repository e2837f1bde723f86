"""Outcome of each uploaded record, and the summary of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from common_ml.data.clarifai_upload.failed_rows import Failed, write_failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.data.clarifai_upload.statuses import Status
    from common_ml.data.formats.clarifai.inputs import Input
    from common_ml.data.record import Record
    from common_ml.types import StrPath

State = Literal["uploaded", "duplicate", "pending", "failed", "unfinished"]
"""uploaded: with all its annotations · duplicate: existed before · pending: not downloaded
when the time was over · failed: refused, wholly or in part · unfinished: the upload stopped."""

FINE = frozenset({"uploaded", "duplicate"})


@dataclass(frozen=True)
class UploadOutcome:
    """Outcome of one record."""

    place: int
    """Index of the record among all, from 0."""
    record: Record
    state: State
    status: Status
    """The response that decided it."""
    input_id: str = ""
    """Id on the platform; "" if it is not there."""
    rest: Input | None = None
    """What remains to be uploaded; None: nothing, or nothing that can be."""


@dataclass(frozen=True)
class TableRow:
    """Outcomes of one kind."""

    state: State
    status: Status
    """Status of the first of them."""
    count: int
    example: str
    """Media of the first of them."""


@dataclass
class Summary:
    """All outcomes, in the order of the records."""

    outcomes: list[UploadOutcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What was changed or left out."""
    num_annotations: int = 0
    """Number of annotations that were accepted."""
    stopped: str = ""
    """Why the upload ended early; "" if it did not."""
    interrupted: bool = False
    """Whether Ctrl-C ended the upload."""
    media_root: Path | None = None
    """Base folder of relative paths in the records."""

    @property
    def failed(self) -> list[UploadOutcome]:
        """The outcomes of records that are not uploaded completely."""
        return [one for one in self.outcomes if one.state not in FINE]

    def table(self) -> Iterator[TableRow]:
        """Yield one row for each state and code, successes first, then the most frequent."""
        groups: dict[tuple[State, str], list[UploadOutcome]] = {}
        for one in self.outcomes:
            groups.setdefault((one.state, one.status.name), []).append(one)
        for (state, _), group in sorted(groups.items(), key=_rank):
            yield TableRow(state, group[0].status, len(group), group[0].record.media)

    def write_failed(self, target: StrPath) -> list[Path]:
        """Write what is to be uploaded again, with the reasons in a column `error`.

        Args:
            target: A CSV file. What a CSV cannot hold (concepts with `|`, a second record of one
                media) goes to the file of the same name that ends in `.json`.

        Returns:
            The files that were written; none if nothing failed.

        Raises:
            OSError: a file cannot be written.
        """
        rests = [Failed(one.rest, str(one.status)) for one in self.failed if one.rest is not None]
        return write_failed(rests, target, media_root=self.media_root)


def _rank(group: tuple[tuple[State, str], list[UploadOutcome]]) -> tuple[int, int, str]:
    (state, name), outcomes = group
    order = ("uploaded", "duplicate", "pending", "failed", "unfinished")
    return order.index(state), -len(outcomes), name
