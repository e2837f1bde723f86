"""One record on its way up: what it asks for, what has been reached, what is left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.outcomes import Outcome
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.clarifai_upload.outcomes import State
    from common_ml.data.formats.clarifai_inputs import Input, Region
    from common_ml.data.record import Record

FINISHED = Status(10000, "SUCCESS")
NOT_SENT = Status(0, "NOT_SENT", "the upload stopped before its turn")
NO_ANSWER = Status(0, "NO_ANSWER", "the upload stopped before all of it was answered for")


@dataclass
class Job:
    """The state of one record."""

    place: int
    """Of the record among all, counted from 0."""
    record: Record
    entry: Input
    """What it asks for."""
    path: Path | None = None
    """Of a local file; None: the platform fetches it."""
    num_bytes: int = 0
    """Of that file."""
    id: str = ""
    """Of the input; "" before it is made."""
    sent: bool = False
    """Whether a call with it has gone out; the platform may have it."""
    there: bool = False
    """Whether the platform has said that it has the input."""
    existed: bool = False
    """Whether it was there before, perhaps from an upload that was cut off."""
    downloaded: bool = False
    broken: bool = False
    """Whether it is there, but its media could not be fetched or used."""
    answer: Status = FINISHED
    """The last one to the input."""
    pieces: list[Piece] = field(default_factory=list)
    """Annotations that belong to it and are not taken yet."""
    num_taken: int = 0
    """Annotations that were new to the platform."""
    outcome: Outcome | None = None
    """None: not settled."""

    @property
    def late_concepts(self) -> bool:
        """Whether its concepts follow as an annotation: with regions they do."""
        return bool(self.entry.regions)

    def settle(self, state: State, status: Status) -> Outcome:
        """Fixes the outcome."""
        done = state in ("uploaded", "duplicate")
        self.outcome = Outcome(
            place=self.place,
            record=self.record,
            state=state,
            status=status,
            input_id=self.id if self.there else "",
            rest=None if done else self._rest(),
        )
        return self.outcome

    def _rest(self) -> Input:
        """What is missing, under the id that the platform may know it by."""
        known = self.id if self.sent else self.entry.id
        if not (self.downloaded and self.pieces):
            return replace(self.entry, id=known)
        concepts: dict[str, int] = {}
        for piece in self.pieces:
            if piece.region is None:
                concepts.update(piece.concepts)
        regions = tuple(piece.region for piece in self.pieces if piece.region is not None)
        return replace(self.entry, id=known, concepts=concepts, regions=regions)


@dataclass(frozen=True)
class Piece:
    """One annotation: a region, or concepts of the whole."""

    id: str
    """Made of what it says, so that a second attempt adds nothing."""
    concepts: dict[str, int]
    region: Region | None = None
