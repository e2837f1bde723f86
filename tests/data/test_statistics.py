"""Distributions of a dataset, compared with counting its records one by one."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from common_ml.data.statistics import BINS, DURATION_BOUNDS, PLACES
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from tests.data.made import write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.store.duckdb_store import Per

LABELS = ("car", "dog", "tram", "a <b>")


def messages(chance: random.Random) -> list[Tag]:
    made = []
    for _ in range(200):
        media, label = chance.choice(("a.mp4", "b.mp4", "c.jpg")), chance.choice(LABELS)
        info = chance.choice(
            (None, {"confidence": chance.random()}, {"score": 1.0}, {"score": "?"})
        )
        if chance.random() < 0.6:
            x, y = sorted(chance.random() for _ in range(2)), sorted(chance.random() for _ in "ab")
            box = {"x1": x[0], "y1": y[0], "x2": x[1], "y2": y[1]}
            frame = chance.randrange(6)
            info_of = FrameInfo(frame, chance.choice((box, None)))
            made.append(Tag(40 * frame, 40 * frame, label, media, "t", info, info_of))
        else:
            start = chance.randrange(9)
            made.append(Tag(start, start + chance.choice((0, 99, 100, 999, 10**6)), label, media))
    return [*made, *made[:20]]  # equal ones count once


@pytest.mark.parametrize("per", ["media", "frame"])
def test_they_are_what_counting_gives(tmp_path: Path, per: Per) -> None:
    tags = write_tags(tmp_path / "tags.jsonl", [*messages(random.Random(5)), Progress("d.mp4")])
    with Dataset.open(tags, per=per) as dataset:
        found = dataset.slice("labels.car >= 0").statistics()
        pairs = [(n, one) for n, rec in enumerate(dataset.records()) for one in rec.annotations]
        num_records = len(dataset)

    annotations = [one for _, one in pairs]
    assert found.num_records == num_records
    assert found.num_annotations == len(annotations)
    assert found.labels == Counter(one.label for one in annotations)
    assert found.tracks == Counter(one.track for one in annotations)
    sure = [one.confidence for one in annotations if one.confidence is not None]
    bins = Counter(min(int(one * BINS), BINS - 1) for one in sure)
    assert found.confidences == [bins[n] for n in range(BINS)]
    lasting = [(one.end_seconds or 0) - (one.start_seconds or 0) for one in annotations]
    lasting = [one for one in lasting if one > 1e-9]
    wanted = Counter(sum(round(one, 3) >= bound for bound in DURATION_BOUNDS) for one in lasting)
    assert list(found.durations.values()) == [wanted[n] for n in range(len(DURATION_BOUNDS) + 1)]
    assert next(iter(found.durations)) == "up to 0.1 s"
    boxes = [one.box for one in annotations if one.box is not None]
    middles = Counter(
        (int((b.y1 + b.y2) / 2 * PLACES[0]), int((b.x1 + b.x2) / 2 * PLACES[1])) for b in boxes
    )
    assert found.num_boxes == len(boxes)
    assert sum(found.box_sizes) == len(boxes)
    assert found.box_places == [
        [middles[row, column] for column in range(PLACES[1])] for row in range(PLACES[0])
    ]
    moments: dict[tuple[int, int | None], set[str]] = {}
    for number, one in pairs:
        moments.setdefault((number, one.frame_index), set()).add(one.label)
    names = found.together["labels"]
    assert names == list(found.labels)
    for r, row in enumerate(found.together["counts"]):
        for c, count in enumerate(row):
            assert count == sum({names[r], names[c]} <= one for one in moments.values())


def test_an_empty_slice_has_none(tmp_path: Path) -> None:
    tags = write_tags(tmp_path / "tags.jsonl", [Tag(0, 1, "car", "a.mp4")])
    with Dataset.open(tags) as dataset:
        found = dataset.slice("labels.car > 5").statistics()

    assert (found.num_records, found.labels, found.together) == (
        0, {}, {"labels": [], "counts": []},
    )  # fmt: skip
