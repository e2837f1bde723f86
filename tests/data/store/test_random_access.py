"""Single records without a query: the same ones, in any order, in any process."""

from __future__ import annotations

import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.store import duckdb_store
from common_ml.data.store.random_access import BATCH_ROWS
from tests.data.formats.strategies import any_records, many
from tests.data.made import tag, write_tags
from tests.depth import scaled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def no_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a query for a record is an error."""

    def fetch(self: Any, sql: str) -> Any:
        raise AssertionError(f"unexpected query: {sql}")

    monkeypatch.setattr(duckdb_store._Connection, "fetch", fetch)


def tags_file(folder: Path) -> Path:
    """Tags of 600 frames, those of one frame far apart in the file."""
    tags = [
        tag(f"label {number % 7}", f"{number % 5}.mp4", number % 600, additional_info={"n": number})
        for number in range(1200)
    ]
    return write_tags(folder / "tags.jsonl", tags)


@pytest.mark.parametrize("per", ["media", "frame"])
def test_records_of_tags_are_the_same_as_by_query(
    tmp_path: Path, per: Any, request: pytest.FixtureRequest
) -> None:
    dataset = Dataset.open(tags_file(tmp_path), per=per)
    by_query = list(dataset.records())
    dataset.prepare_random_access()
    request.getfixturevalue("no_queries")

    places = list(range(len(dataset)))
    random.Random(1).shuffle(places)

    assert len(by_query) == (5 if per == "media" else 600)
    assert {place: dataset[place].record for place in places} == dict(enumerate(by_query))
    assert list(dataset.records()) == by_query


@settings(max_examples=scaled(20), deadline=None)
@given(many(any_records()))
def test_any_record_comes_back_as_it_was(records: list[Record]) -> None:
    dataset = Dataset.from_records(records)
    dataset.prepare_random_access()

    assert [dataset[place].record for place in range(len(dataset))] == records


def test_records_with_more_rows_than_a_batch_and_with_none() -> None:
    """Batches end within records, and records at the ends of batches."""
    sizes = [0, BATCH_ROWS - 2, 1, 0, 3 * BATCH_ROWS, BATCH_ROWS]
    records = [
        Record(
            f"{number}.jpg",
            kind="image",
            annotations=tuple(
                Annotation(f"{number}-{place}", box=Box(0, 0, 1, 1)) for place in range(size)
            ),
        )
        for number, size in enumerate(sizes)
    ]
    dataset = Dataset.from_records(records)
    dataset.prepare_random_access()

    assert [dataset[place].record for place in (5, 0, 3, 1, 4, 2)] == [
        records[place] for place in (5, 0, 3, 1, 4, 2)
    ]


def test_reading_many_single_records_prepares_it(tmp_path: Path) -> None:
    dataset = Dataset.open(tags_file(tmp_path), per="frame")
    store = dataset._catalogue.store

    for place in range(0, 16, 2):
        dataset[place]
    few = store.has_random_access
    dataset[100]

    assert (few, store.has_random_access) == (False, True)


def test_slices_and_other_processes_share_the_files(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dataset = Dataset.open(tags_file(tmp_path), per="frame")
    chosen = dataset.slice('labels."label 3" > 0')
    expected = list(chosen.records())
    dataset.prepare_random_access()
    request.getfixturevalue("no_queries")

    sent = pickle.loads(pickle.dumps(chosen))  # noqa: S301 - our own

    assert [sent[place].record for place in range(len(sent))] == expected
    assert len(expected) < len(dataset)


def test_a_growing_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", f"{n}.jpg") for n in range(30)])
    dataset = Dataset.open(path, follow=True)
    dataset.prepare_random_access()
    for place in range(0, 30, 2):
        assert len(dataset[place].record.annotations) == 1

    write_tags(path, [tag("dog", "4.jpg")])

    assert [one.label for one in dataset[4].record.annotations] == ["car", "dog"]
