"""Distributions of a dataset: labels, confidences, durations, boxes, what occurs together."""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from common_ml.data.description import summarise
from common_ml.data.query.columns import CONFIDENCE_SQL
from common_ml.data.store.chosen import chosen

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from common_ml.data.store.catalogue import Catalogue

BINS = 20
"""Of confidences and sizes of boxes, from 0 to 1."""
PLACES = (12, 20)
"""Rows and columns of the map of where boxes are."""
MAX_TOGETHER = 12
"""Labels whose occurrence together is counted, the most frequent."""
DURATION_BOUNDS = (0.1, 0.3, 1, 3, 10, 30, 60, 300)
"""Seconds."""


@dataclass(frozen=True)
class Statistics:
    """Distributions of a dataset; annotations that say a label is absent do not count."""

    num_records: int
    num_media: int
    num_annotations: int
    num_boxes: int
    labels: dict[str, int]
    """Label -> number of annotations, the most frequent first."""
    tracks: dict[str, int]
    confidences: list[int]
    """Number per twentieth of 0..1."""
    durations: dict[str, int]
    """Range of seconds -> number of annotations; only of those that last."""
    box_sizes: list[int]
    """Number per twentieth of 0..1: the square root of the share of the picture."""
    box_places: list[list[int]]
    """Number of boxes whose middle is there, by rows and columns of the picture."""
    together: dict[str, Any]
    """`labels`, and `counts` of each two: in how many frames, or records of annotations about no
    frame, both occur; in the diagonal, of each one."""
    sources: list[str]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON."""
        return asdict(self)


def distributions(catalogue: Catalogue, numbers: npt.NDArray[np.int64]) -> Statistics:
    """Count what the records with these numbers hold."""
    store = catalogue.store
    described = summarise(catalogue, numbers)
    with store.engine() as connection:
        chosen(connection, store, numbers)
        rows = connection.execute(
            f"SELECT DISTINCT c.number, t.uid, t.label, t.frame, {CONFIDENCE_SQL}, "
            "t.end_time - t.start_time, t.x1, t.y1, t.x2, t.y2 "
            f"FROM {store.rows_sql()} AS t "
            "JOIN chosen AS c ON coalesce(t.key, t.media) = c.key AND t.slot = c.slot "
            "WHERE t.label IS NOT NULL AND coalesce(t.value, 1) = 1"
        ).fetchall()
    confidences, sizes = [0] * BINS, [0] * BINS
    places = [[0] * PLACES[1] for _ in range(PLACES[0])]
    names = _duration_names()
    durations = dict.fromkeys(names, 0)
    for _, _, _, _, confidence, length_ms, *box in rows:
        if confidence is not None:
            confidences[_bin(confidence, BINS)] += 1
        if length_ms:
            durations[names[bisect.bisect_right(DURATION_BOUNDS, length_ms / 1000)]] += 1
        if None not in box and min(box) >= 0 and max(box) <= 1:  # not in pixels
            x1, y1, x2, y2 = box
            sizes[_bin(max((x2 - x1) * (y2 - y1), 0) ** 0.5, BINS)] += 1
            places[_bin((y1 + y2) / 2, PLACES[0])][_bin((x1 + x2) / 2, PLACES[1])] += 1
    top = list(described.labels)[:MAX_TOGETHER]
    return Statistics(
        num_records=described.num_records,
        num_media=described.num_media,
        num_annotations=described.num_annotations,
        num_boxes=described.num_boxes,
        labels=described.labels,
        tracks=described.tracks,
        confidences=confidences,
        durations=durations,
        box_sizes=sizes,
        box_places=places,
        together={"labels": top, "counts": _together(rows, top)},
        sources=list(described.sources),
    )


def _bin(ratio: float, count: int) -> int:
    return min(int(ratio * count), count - 1)


def _duration_names() -> list[str]:
    bounds = [f"{bound:g}" for bound in DURATION_BOUNDS]
    middle = [f"{low} to {high} s" for low, high in pairwise(bounds)]
    return [f"up to {bounds[0]} s", *middle, f"{bounds[-1]} s and more"]


def _together(rows: list[tuple[Any, ...]], top: list[str]) -> list[list[int]]:
    places = {label: place for place, label in enumerate(top)}
    moments: dict[tuple[int, int | None], set[int]] = {}
    for number, _, label, frame, *_ in rows:
        if label in places:
            moments.setdefault((number, frame), set()).add(places[label])
    pairs: Counter[tuple[int, int]] = Counter()
    for found in moments.values():
        pairs.update((one, one) for one in found)
        pairs.update(combinations(sorted(found), 2))
    return [[pairs[min(r, c), max(r, c)] for c in range(len(top))] for r in range(len(top))]
