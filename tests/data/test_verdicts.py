"""Verdicts of reviewers as columns of queries."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from common_ml.errors import DatasetError, QueryError, WireError
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.tags_file.codec import encode
from common_ml.tagging.tags_file.verdicts import Verdict, encode_verdict, key_of

if TYPE_CHECKING:
    from pathlib import Path

BOX = {"x1": 0.1, "y1": 0.2, "x2": 1 / 3, "y2": 0.7}
OTHER_BOX = {**BOX, "x1": 0.1 + 1e-12}
TAGS = [
    Tag(0, 0, "dog", "a.mp4", "pets", {"confidence": 0.5}, FrameInfo(0, BOX)),
    Tag(0, 0, "dog", "b.mp4", "pets", None, FrameInfo(0, OTHER_BOX)),
    Tag(0, 0, "dog", "c.mp4", "pets", None, FrameInfo(1, BOX)),
    Tag(0, 900, "dog", "d.mp4"),
    Tag(0, 900, "cat", "d.mp4"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tags.jsonl").write_bytes(b"".join(map(encode, TAGS)))
    said = [
        Verdict(key_of(TAGS[0]), "accepted", "a good one"),
        Verdict(key_of(TAGS[2])._replace(source_media="b.mp4"), "accepted"),  # of no tag
        Verdict(key_of(TAGS[3]), "accepted"),
        Verdict(key_of(TAGS[3]), "rejected", "no dog's"),
    ]
    (tmp_path / "tags.verdicts.jsonl").write_bytes(b"".join(map(encode_verdict, said)))
    return tmp_path


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("verdict = 'accepted'", ["a.mp4"]),
        ("verdict = 'rejected' and label = 'dog'", ["d.mp4"]),
        ("verdict = 'rejected' and label = 'cat'", []),
        ("verdict is null", ["b.mp4", "c.mp4", "d.mp4"]),
        ("verdict != 'accepted'", ["d.mp4"]),
        ("note like '%good%' or note = 'no dog''s'", ["a.mp4", "d.mp4"]),
        ("verdict in ('accepted', 'rejected') and labels.cat = 0", ["a.mp4"]),
    ],
)
def test_queries_ask_for_verdicts(folder: Path, query: str, found: list[str]) -> None:
    """Whether the folder is opened, with both files in it, or each file is named."""
    for sources in (folder, [folder / "tags.verdicts.jsonl", folder / "tags.jsonl"]):
        with Dataset.open(sources) as dataset:
            assert [record.media for record in dataset.slice(query).records()] == found
            assert len(dataset) == 4


def test_without_verdicts_none_is_known(folder: Path) -> None:
    with Dataset.open(folder / "tags.jsonl") as dataset:
        assert len(dataset.slice("verdict is null")) == 4
        assert len(dataset.slice("note = ''")) == 0


def test_frozen_slices_remember_the_verdicts(folder: Path) -> None:
    with Dataset.open(folder) as dataset:
        dataset.slice("verdict = 'accepted'").freeze(folder / "good.json")

    with Dataset.from_manifest(folder / "good.json") as good:
        assert [record.media for record in good.records()] == ["a.mp4"]

    verdicts = folder / "tags.verdicts.jsonl"
    verdicts.write_bytes(encode_verdict(Verdict(key_of(TAGS[0]), "rejected")))
    with pytest.raises(DatasetError, match="verdicts"):
        Dataset.from_manifest(folder / "good.json")


def test_a_line_that_is_no_verdict_is_told(folder: Path) -> None:
    with (folder / "tags.verdicts.jsonl").open("ab") as file:
        file.write(encode(TAGS[0]))

    with Dataset.open(folder) as dataset, pytest.raises(WireError, match="jsonl:5: the line"):
        dataset.slice("verdict = 'accepted'")


def test_records_have_verdicts_as_attributes(folder: Path) -> None:
    """Read alone and one after the other, from a copy, and after one was added."""
    wanted = {
        ("a.mp4", "dog"): {"verdict": "accepted", "note": "a good one"},
        ("b.mp4", "dog"): {},
        ("c.mp4", "dog"): {},
        ("d.mp4", "dog"): {"verdict": "rejected", "note": "no dog's"},
        ("d.mp4", "cat"): {},
    }

    def said(dataset: Dataset) -> dict[tuple[str, str], dict[str, object]]:
        return {
            (record.media, one.label): dict(one.attributes)
            for record in dataset.records()
            for one in record.annotations
        }

    with Dataset.open(folder) as dataset:
        assert said(dataset) == wanted
        assert said(pickle.loads(pickle.dumps(dataset))) == wanted  # noqa: S301 - made here
        assert dataset[0].record.annotations[0].attributes["verdict"] == "accepted"
        accepted = dataset.slice("attributes.verdict = 'accepted' and attributes.note like 'a %'")
        assert [record.media for record in accepted.records()] == ["a.mp4"]
        with (folder / "tags.verdicts.jsonl").open("ab") as file:
            file.write(encode_verdict(Verdict(key_of(TAGS[4]), "accepted")))
        assert said(dataset) == wanted | {("d.mp4", "cat"): {"verdict": "accepted"}}
    with Dataset.open(folder / "tags.jsonl") as dataset:
        assert not any(said(dataset).values())
        with pytest.raises(QueryError, match="unknown attribute"):
            dataset.slice("attributes.verdict = 'accepted'")


def test_an_attribute_of_the_tagger_stays(tmp_path: Path) -> None:
    tag = Tag(0, 9, "dog", "a.mp4", "", {"verdict": "blurred"})
    (tmp_path / "tags.jsonl").write_bytes(encode(tag))
    verdict = Verdict(key_of(tag), "accepted", "why")
    (tmp_path / "tags.verdicts.jsonl").write_bytes(encode_verdict(verdict))

    with Dataset.open(tmp_path) as dataset:
        (record,) = dataset.records()
        assert record.annotations[0].attributes == {"verdict": "blurred", "note": "why"}
        assert len(dataset.slice("attributes.verdict = 'blurred' and verdict = 'accepted'")) == 1
