"""Count the labels of a file: tag texts with their number and highest confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert

from common_ml.service.db import schema as t
from common_ml.service.db.texts import storable, text_ids
from common_ml.tagging.confidence import confidence_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.tagging.messages import Tag

_MANY = 50
"""Chunk size of texts that are inserted in transactions of their own, to keep these short."""
_CHUNK = 500


class LabelCounts:
    """Label counts of one file."""

    def __init__(self) -> None:
        self.num_tags = 0
        self._counts: dict[str, int] = {}
        self._best: dict[str, float] = {}

    def add(self, tag: Tag) -> None:
        """Count a tag."""
        self.num_tags += 1
        text = tag.tag
        self._counts[text] = self._counts.get(text, 0) + 1
        confidence = confidence_of(tag.additional_info)
        if confidence is not None and confidence > self._best.get(text, -1.0):
            self._best[text] = confidence

    def clear(self) -> None:
        """Reset the counts."""
        self.num_tags = 0
        self._counts.clear()
        self._best.clear()

    def prepare(self, core: Core) -> None:
        """Insert texts ahead of the transaction that finishes the file."""
        texts = [storable(text) for text in self._counts]
        if len(texts) <= _MANY:
            return
        for start in range(0, len(texts), _CHUNK):
            _add_texts(core, texts[start : start + _CHUNK])

    def save(self, connection: Connection, *, prediction: int, file_id: int, model: str) -> None:
        """Replace the labels of a prediction."""
        connection.execute(delete(t.label).where(t.label.c.prediction_id == prediction))
        rows: dict[str, dict[str, Any]] = {}
        for text, n in self._counts.items():
            kept = storable(text)  # texts that are cut may become the same
            row = rows.setdefault(kept, {"n": 0, "best": None})
            row["n"] += n
            best = self._best.get(text)
            if best is not None and (row["best"] is None or best > row["best"]):
                row["best"] = best
        if not rows:
            return
        numbers = text_ids(connection, rows)
        connection.execute(
            insert(t.label),
            [
                {
                    "prediction_id": prediction,
                    "text_id": numbers[text],
                    "file_id": file_id,
                    "model": model,
                    **row,
                }
                for text, row in rows.items()
            ],
        )


def _add_texts(core: Core, texts: list[str]) -> None:
    core.database.write(lambda connection: text_ids(connection, texts))
