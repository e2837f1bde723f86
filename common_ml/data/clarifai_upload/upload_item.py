"""State of one record during an upload: its input, finished and remaining steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.outcomes import UploadOutcome
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.clarifai_upload.outcomes import State
    from common_ml.data.formats.clarifai.inputs import Input, Region
    from common_ml.data.record import Record

FINISHED = Status(10000, "SUCCESS")
NOT_SENT = Status(0, "NOT_SENT", "the upload stopped before its turn")
NO_ANSWER = Status(0, "NO_ANSWER", "the upload stopped before all of it was answered for")


@dataclass
class UploadItem:
    """The state of one record."""

    place: int
    """Index of the record among all, from 0."""
    record: Record
    entry: Input
    """The input to upload."""
    path: Path | None = None
    """Path of a local file; None: the platform fetches it."""
    num_bytes: int = 0
    """Size of that file."""
    id: str = ""
    """Id of the input; "" before it is made."""
    sent: bool = False
    """Whether a call with it was sent; the platform may have it."""
    there: bool = False
    """Whether the platform has confirmed the input."""
    existed: bool = False
    """Whether it existed before, perhaps from an interrupted upload."""
    downloaded: bool = False
    broken: bool = False
    """Whether the input exists, but its media could not be fetched or used."""
    answer: Status = FINISHED
    """Last status of the input."""
    pieces: list[Piece] = field(default_factory=list)
    """Annotations of it that are not accepted yet."""
    num_taken: int = 0
    """Annotations that were new to the platform."""
    outcome: UploadOutcome | None = None
    """None until it is settled."""

    @property
    def late_concepts(self) -> bool:
        """Whether its concepts are posted as an annotation, as with regions."""
        return bool(self.entry.regions)

    def settle(self, state: State, status: Status) -> UploadOutcome:
        """Set the outcome."""
        done = state in ("uploaded", "duplicate")
        self.outcome = UploadOutcome(
            place=self.place,
            record=self.record,
            state=state,
            status=status,
            input_id=self.id if self.there else "",
            rest=None if done else self._rest(),
        )
        return self.outcome

    def _rest(self) -> Input:
        """Return what is missing, under the id that the platform may have it by."""
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
    """Hash of its content, so that a retry adds no duplicate."""
    concepts: dict[str, int]
    region: Region | None = None
