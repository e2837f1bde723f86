"""A claimed file at a tagger: its local content, its part and its labels."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from common_ml.errors import MediaError
from common_ml.parts import PartKey
from common_ml.service.db import queue
from common_ml.service.operations.naming import without_path
from common_ml.service.worker.labels import LabelCounts
from common_ml.tagging.messages import Error, Tag

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.db.grouping import GroupedWrites
    from common_ml.service.db.queue import Claim, Outcome
    from common_ml.service.store import LocalContent
    from common_ml.tagging.messages import Message

_PROGRESS_SECONDS = 2.0
"""Seconds between progress updates; shorter files have none."""


class OpenFile:
    """A claim in progress: local content, part being written, label counts."""

    def __init__(
        self, core: Core, claimed: Claim, content: LocalContent, writes: GroupedWrites
    ) -> None:
        """Initialise.

        Args:
            core: The service.
            claimed: Its prediction.
            content: The file.
            writes: Group commit for the outcome.

        Raises:
            OutputError: the part cannot be written.
        """
        self.claim = claimed
        self.path = content.path
        self.given_up = ""
        """Why its claim was revoked: "cancelled" or "lost"; "" if it was not."""
        self._core = core
        self._writes = writes
        self._key = PartKey(
            claimed.sha256, claimed.revision, claimed.params_sha, fence=claimed.fence
        )
        self._writer = core.parts.writer(self._key)
        self._labels = LabelCounts()
        self._duration_ms: float | None = None
        self._progress_due = time.monotonic() + _PROGRESS_SECONDS

    @property
    def is_picture(self) -> bool:
        """Whether it is a still image."""
        return self.claim.kind == "image"

    def add(self, message: Message) -> None:
        """Process a message about the file.

        Raises:
            OutputError: the part cannot be written.
        """
        if isinstance(message, Tag):
            self._labels.add(message)
            self._note_progress(message)
        if isinstance(message, Error):
            message = Error(without_path(message.message, self.path), message.source_media)
        self._writer.write(message)

    def restart(self) -> None:
        """Discard the messages so far, for a retry."""
        self._writer.restart()
        self._labels.clear()

    def note_ratio(self, progress: float) -> None:
        """Record the progress that the tagger reports, 0..1."""
        if time.monotonic() >= self._progress_due:
            self._progress_due = time.monotonic() + _PROGRESS_SECONDS
            self._core.database.write(
                lambda connection: queue.note_progress(
                    self._core, connection, self.claim.id, fence=self.claim.fence, progress=progress
                )
            )

    def finish(self, outcome: Outcome, *, error: str | None = None) -> bool:
        """Commit the part, then the row; return False if the lease was lost and all is discarded.

        Raises:
            OutputError: the part cannot be written.
        """
        if outcome != "cancelled":
            self._writer.commit()
            self._labels.prepare(self._core)
        claimed = self.claim

        def work(connection: Connection) -> bool:
            is_ours = queue.finish(
                self._core,
                connection,
                claimed.id,
                fence=claimed.fence,
                outcome=outcome,
                error=None if error is None else without_path(error, self.path),
                num_tags=self._labels.num_tags,
            )
            if is_ours and outcome == "done":
                self._labels.save(
                    connection,
                    prediction=claimed.id,
                    file_id=claimed.file_id,
                    model=claimed.model,
                )
            return is_ours

        is_ours = self._writes.write(work, prediction=claimed.id)
        if not is_ours and outcome != "cancelled":
            self._core.parts.delete(self._key)
        return is_ours

    def release(self, error: str | None = None) -> None:
        """Release the claim for another worker; with an error the attempt counts."""
        self._core.database.write(
            lambda connection: queue.release(
                self._core,
                connection,
                self.claim.id,
                fence=self.claim.fence,
                error=None if error is None else without_path(error, self.path),
            )
        )

    def close(self) -> None:
        """Remove the local files."""
        self._writer.close()
        self.path.unlink(missing_ok=True)
        with suppress(OSError):  # of its own, see `Slot`; another one is not empty
            self.path.parent.rmdir()

    def _note_progress(self, tag: Tag) -> None:
        """Estimate progress from the time of a tag: taggers write tags in order."""
        if time.monotonic() < self._progress_due:
            return
        if self._duration_ms is None:
            self._duration_ms = _duration_ms(self.path)
        if self._duration_ms > 0:
            self.note_ratio(min(0.99, tag.start_time / self._duration_ms))


def _duration_ms(path: Path) -> float:
    """Return the length of a video or sound in milliseconds; 0 if it is not known."""
    from common_ml.media.probe import probe

    try:
        return float(probe(path).duration_seconds or 0) * 1000
    except (MediaError, OSError):
        return 0.0
