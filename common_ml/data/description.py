"""Summary statistics of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.data.store.chosen import chosen

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from common_ml.data.store.catalogue import Catalogue


@dataclass(frozen=True)
class Description:
    """Summary statistics of a dataset."""

    num_records: int
    num_media: int
    num_annotations: int
    """Tags that are equal in every field count once."""
    num_boxes: int
    """Of the annotations, those with a box."""
    kinds: dict[str, int]
    """Kind of media -> number of records; "" where unknown by name."""
    labels: dict[str, int]
    """Label -> number of annotations, the most frequent first."""
    tracks: dict[str, int]
    """Track -> number of annotations, the most frequent first."""
    sources: tuple[str, ...]
    """The files."""

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind or 'unknown'}" for kind, count in self.kinds.items())
        lines = [
            f"{_counted(self.num_records, 'record')} of {self.num_media} media ({kinds or 'none'})",
            f"{_counted(self.num_annotations, 'annotation')}, {self.num_boxes} with a box",
        ]
        widest = max(map(len, self.labels), default=0)
        lines += [f"  {label.ljust(widest)}  {count}" for label, count in self.labels.items()]
        return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summarise(catalogue: Catalogue, numbers: npt.NDArray[np.int64]) -> Description:
    """Count the records with these numbers, and their annotations."""
    store = catalogue.store
    with store.engine() as connection:
        chosen(connection, store, numbers)
        kinds = connection.execute(
            "SELECT kind, count(*) FROM chosen GROUP BY kind ORDER BY kind"
        ).fetchall()
        media = connection.execute("SELECT count(DISTINCT media) FROM chosen").fetchone()
        counted = connection.execute(
            "SELECT label, track, count(*), count(*) FILTER (has_box) FROM ("
            "SELECT DISTINCT c.number, t.uid, t.label, coalesce(t.track, '') AS track, "
            f"t.x1 IS NOT NULL AS has_box FROM {store.rows_sql()} AS t "
            "JOIN chosen AS c ON coalesce(t.key, t.media) = c.key AND t.slot = c.slot "
            "WHERE t.label IS NOT NULL) GROUP BY label, track"
        ).fetchall()
    labels: dict[str, int] = {}
    tracks: dict[str, int] = {}
    for label, track, count, _ in counted:
        labels[label] = labels.get(label, 0) + count
        tracks[track] = tracks.get(track, 0) + count
    return Description(
        num_records=len(numbers),
        num_media=media[0] if media else 0,
        num_annotations=sum(labels.values()),
        num_boxes=sum(row[3] for row in counted),
        kinds=dict(kinds),
        labels=_most_first(labels),
        tracks=_most_first(tracks),
        sources=tuple(file.path for file in catalogue.files),
    )


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
