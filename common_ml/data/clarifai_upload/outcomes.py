"""What became of every record, and of all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from common_ml.data.clarifai_upload.failed_rows import Failed, write_failed

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.data.clarifai_upload.statuses import Status
    from common_ml.data.formats.clarifai_inputs import Input
    from common_ml.data.record import Record

State = Literal["uploaded", "duplicate", "pending", "failed", "unfinished"]
"""uploaded: there with all its annotations · duplicate: was there before · pending: not downloaded
when the time was over · failed: refused, wholly or in part · unfinished: the upload stopped."""

FINE = frozenset({"uploaded", "duplicate"})


@dataclass(frozen=True)
class Outcome:
    """What became of one record."""

    place: int
    """Of the record among all, counted from 0."""
    record: Record
    state: State
    status: Status
    """The answer that decided."""
    input_id: str = ""
    """On the platform; "" if it is not there."""
    rest: Input | None = None
    """What is still to be uploaded; None: nothing is, or nothing of it can be."""


@dataclass(frozen=True)
class TableRow:
    """Outcomes of one kind."""

    state: State
    status: Status
    """That of the first of them."""
    count: int
    example: str
    """The first one's media."""


@dataclass
class Summary:
    """All outcomes, in the order of the records."""

    outcomes: list[Outcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What was changed or left out on the way."""
    num_annotations: int = 0
    """That were sent and taken."""
    stopped: str = ""
    """Why it ended early; "" if it did not."""
    interrupted: bool = False
    """Whether Ctrl-C ended it."""
    media_root: Path | None = None
    """Where relative paths of the records start."""

    @property
    def failed(self) -> list[Outcome]:
        """Those that are not there as they should be."""
        return [one for one in self.outcomes if one.state not in FINE]

    def table(self) -> Iterator[TableRow]:
        """One row for each state and code, what went well first, then the most frequent."""
        groups: dict[tuple[State, str], list[Outcome]] = {}
        for one in self.outcomes:
            groups.setdefault((one.state, one.status.name), []).append(one)
        for (state, _), group in sorted(groups.items(), key=_rank):
            yield TableRow(state, group[0].status, len(group), group[0].record.media)

    def write_failed(self, target: str | os.PathLike[str]) -> list[Path]:
        """Writes what is to be uploaded again, with the reasons in a column `error`.

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


def _rank(group: tuple[tuple[State, str], list[Outcome]]) -> tuple[int, int, str]:
    (state, name), outcomes = group
    order = ("uploaded", "duplicate", "pending", "failed", "unfinished")
    return order.index(state), -len(outcomes), name
