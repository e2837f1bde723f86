"""Slices, compared with a slow evaluator that knows neither SQL nor the store."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Record
from common_ml.errors import QueryError
from common_ml.tagging.messages import Progress, Tag
from tests.data.made import tag, write_picture, write_tags
from tests.depth import scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Row = dict[str, Any]
    Truth = Callable[[Row], bool | None]

LABELS = ("car", "person", "stop sign")
MEDIA = ("a.jpg", "b.mp4", "c.wav", "d")
KINDS = {"a.jpg": "image", "b.mp4": "video", "c.wav": "audio", "d": None}
OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Query:
    """A query as text, and as a function of a row."""

    text: str
    truth: Truth


def compare(name: str, sign: str, value: Any) -> Query:
    def truth(row: Row) -> bool | None:
        known = row.get(name)
        if known is None or isinstance(known, str) != isinstance(value, str):
            return None
        return bool(OPERATORS[sign](known, value))

    return Query(f"{name} {sign} {written(value)}", truth)


def among(name: str, values: list[Any]) -> Query:
    def truth(row: Row) -> bool | None:
        known = row.get(name)
        return None if known is None else known in values

    return Query(f"{name} in ({', '.join(map(written, values))})", truth)


def negated(query: Query) -> Query:
    def truth(row: Row) -> bool | None:
        inner = query.truth(row)
        return None if inner is None else not inner

    return Query(f"not ({query.text})", truth)


def joined(word: str, left: Query, right: Query) -> Query:
    decisive = word == "or"

    def truth(row: Row) -> bool | None:
        sides = (left.truth(row), right.truth(row))
        if decisive in sides:
            return decisive
        return None if None in sides else not decisive

    return Query(f"({left.text}) {word} ({right.text})", truth)


def written(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


NUMBERS = st.one_of(
    st.builds(
        compare,
        st.sampled_from(["labels.car", "labels.person", 'labels."stop sign"']),
        st.sampled_from(sorted(OPERATORS)),
        st.integers(0, 3),
    ),
    st.builds(
        compare,
        st.just("confidence"),
        st.sampled_from(sorted(OPERATORS)),
        st.sampled_from([0, 0.5, 0.75, 1]),
    ),
    st.builds(
        compare,
        st.just("start_time"),
        st.sampled_from(sorted(OPERATORS)),
        st.sampled_from([0, 40, 80]),
    ),
    st.builds(
        compare,
        st.just("attributes.size"),
        st.sampled_from(sorted(OPERATORS)),
        st.sampled_from([1, 2]),
    ),
)
TEXTS = st.one_of(
    st.builds(
        compare,
        st.sampled_from(["label", "track", "attributes.colour", "file.path", "file.kind"]),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["car", "", "ocr", "red", "it's", "a.jpg", "image", "video"]),
    ),
    st.builds(
        among,
        st.sampled_from(["file.type", "track", "label"]),
        st.lists(st.sampled_from(["image", "ocr", "car", "audio"]), min_size=1, max_size=2),
    ),
)
QUERIES = st.recursive(
    NUMBERS | TEXTS,
    lambda inner: st.one_of(
        st.builds(negated, inner),
        st.builds(joined, st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=5,
)
INFOS = st.fixed_dictionaries(
    {},
    optional={
        "confidence": st.sampled_from([0, 0.25, 0.5, 0.75, 1]),
        "colour": st.sampled_from(["red", "it's", 3]),
        "size": st.sampled_from([1, 2, "2", None]),
    },
)
TAGS = st.builds(
    tag,
    st.sampled_from(LABELS),
    st.sampled_from(MEDIA),
    st.integers(0, 2),
    track=st.sampled_from(["", "ocr"]),
    additional_info=st.none() | INFOS,
)
# What every query may name has to be there.
KNOWN = [tag(label, "known.png", additional_info={"colour": "red", "size": 1}) for label in LABELS]


def expected(tags: list[Tag], bare: list[str], query: Query) -> set[str]:
    """The media that a query is true of."""
    unique = [one for n, one in enumerate(tags) if one not in tags[:n]]
    found = set()
    ordered = sorted(unique, key=lambda one: one.source_media)
    by_media = {media: list(ones) for media, ones in groupby(ordered, lambda o: o.source_media)}
    for media in {*by_media, *bare}:
        ones = by_media.get(media, [])
        counts = Counter(one.tag for one in ones)
        common: Row = {
            **{f"labels.{label}": counts[label] for label in ("car", "person")},
            'labels."stop sign"': counts["stop sign"],
            "file.path": media,
            "file.kind": KINDS.get(media, "image"),
            "file.type": KINDS.get(media, "image"),
        }
        rows = [{**common, **facts(one)} for one in ones] or [common]
        if any(query.truth(row) for row in rows):
            found.add(media)
    return found


def facts(one: Tag) -> Row:
    info = one.additional_info or {}
    row: Row = {
        "label": one.tag,
        "track": one.track,
        "start_time": one.start_time,
        "confidence": info.get("confidence"),
    }
    return {**row, **{f"attributes.{name}": value for name, value in info.items()}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scaled(5, 75))
@given(
    tags=st.lists(TAGS, max_size=12),
    repeated=st.booleans(),
    bare=st.lists(st.sampled_from(MEDIA), max_size=2),
    queries=st.lists(QUERIES, min_size=1, max_size=4),
)
def test_a_slice_has_what_a_slow_evaluator_finds(
    *, tags: list[Tag], repeated: bool, bare: list[str], queries: list[Query], tmp_path: Path
) -> None:
    """Also when the same tags were written twice, and in slices of slices."""
    path = tmp_path / "tags.jsonl"
    path.unlink(missing_ok=True)
    everything = [*KNOWN, *tags]
    write_tags(path, [*everything, *(tags if repeated else []), *map(Progress, bare)])
    dataset = Dataset.open(path)

    slices = dataset
    wanted = {record.media for record in dataset.records()}
    for query in queries:
        true_of = expected(everything, bare, query)
        assert {one.media for one in dataset.slice(query.text).records()} == true_of, query.text
        slices = slices.slice(query.text)
        wanted &= true_of
    assert {record.media for record in slices.records()} == wanted


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    tags = [
        tag("car", "day/a.jpg", additional_info={"colour": "red"}),
        tag("stop sign", "day/a.jpg"),
        tag("car", "b.mp4", 3, track="night"),
    ]
    return Dataset.open(write_tags(tmp_path / "tags.jsonl", tags))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("labels.cart > 1", "unknown label labels.cart: did you mean labels.car?"),
        ("labels.CAR > 1", "did you mean labels.car?"),
        ("labels.stopsign > 1", 'did you mean labels."stop sign"?'),
        (
            "car > 1",
            (
                "unknown name 'car': did you mean the text 'car', which stands in single quotes, or"
                " labels.car?"
            ),
        ),
        ("lables.car > 1", "did you mean labels.car?"),
        ("file.knd = 'image'", "did you mean file.kind?"),
        ("attributes.color = 'red'", "did you mean attributes.colour?"),
        ("confidnce > 0.5", "did you mean confidence?"),
        ('file.kind = "image"', "a text stands in single quotes"),
        ("labels > 1", "needs a name behind it"),
        ("dataset.name = 'x'", "there is id, tag"),
        ("file.kind = 3", "file.kind is a text, but 3 is a number"),
        ("labels.car = 'x'", "labels.car is a number, but 'x' is a text"),
        ("labels.car = true", "True is a boolean"),
        ("attributes.colour = attributes.colour", "compare each with a value"),
    ],
)
def test_a_name_that_there_is_not_is_told_with_what_was_meant(
    dataset: Dataset, query: str, words: str
) -> None:
    with pytest.raises(QueryError) as raised:
        dataset.slice(query)

    assert words in str(raised.value)
    assert repr(query) in str(raised.value)


@pytest.mark.parametrize(
    ("query", "media"),
    [
        ("labels.stop_sign = 1", ["day/a.jpg"]),
        ("file.original_filename = 'a.jpg'", ["day/a.jpg"]),
        ("file.id like 'b%'", ["b.mp4"]),
        ("track = 'night' and label = 'car'", ["b.mp4"]),
        ("start_time = 120", ["b.mp4"]),
        ("attributes.colour is not null", ["day/a.jpg"]),
        ("attributes.colour ilike 'R_D'", ["day/a.jpg"]),
        ('labels.car = labels."stop sign"', ["day/a.jpg"]),
        ("false or not true", []),
        ("file.width is null", ["day/a.jpg", "b.mp4"]),
    ],
)
def test_every_kind_of_name_can_be_asked_for(
    dataset: Dataset, query: str, media: list[str]
) -> None:
    assert [record.media for record in dataset.slice(query).records()] == media


def test_one_annotation_has_to_fit_all_that_is_asked_of_annotations(dataset: Dataset) -> None:
    assert len(dataset.slice("label = 'stop sign' and attributes.colour = 'red'")) == 0
    assert len(dataset.slice("label = 'car' and attributes.colour = 'red'")) == 1


def test_absent_labels_are_not_counted_and_metadata_can_be_asked_for() -> None:
    absent, present = Annotation("car", value=0), Annotation("car")
    dataset = Dataset.from_records(
        [
            Record("a.jpg", annotations=(absent,), metadata={"camera": "left", "run": {"n": 1}}),
            Record("b.jpg", annotations=(present, present), width=640, height=480),
        ]
    )

    def found(query: str) -> list[str]:
        return [record.media for record in dataset.slice(query).records()]

    assert found("labels.car = 0") == ["a.jpg"]
    assert found("labels.car = 2") == ["b.jpg"]  # equal ones of a format are two
    assert found("value = 0") == ["a.jpg"]
    assert found("file.camera = 'left'") == ["a.jpg"]
    assert found("file.metadata.run.n = 1") == ["a.jpg"]
    assert found("file.width >= 640 and file.height < 481") == ["b.jpg"]
    with pytest.raises(QueryError, match=r"did you mean file\.camera\?"):
        dataset.slice("file.camra = 'left'")


def test_sizes_that_no_record_tells_are_looked_up_in_the_media(tmp_path: Path) -> None:
    write_picture(tmp_path / "small.png", width=64, height=48)
    write_picture(tmp_path / "large.png", width=96, height=64)
    tags = [tag("car", "small.png"), tag("car", "large.png"), tag("car", "missing.png")]
    path = write_tags(tmp_path / "tags.jsonl", tags)
    dataset = Dataset.open(path, media_root=tmp_path)

    assert [one.media for one in dataset.slice("file.width > 64").records()] == ["large.png"]
    assert [one.media for one in dataset.slice("file.height = 48").records()] == ["small.png"]
    assert len(dataset.slice("file.duration > 0")) == 0


def test_a_source_can_be_asked_for_by_its_tag_and_its_path(tmp_path: Path) -> None:
    day = write_tags(tmp_path / "day.jsonl", [tag("car", "a.jpg")])
    night = write_tags(tmp_path / "night.jsonl", [tag("car", "b.jpg"), tag("person", "a.jpg")])
    dataset = Dataset.open({"day": day, "night": [night]})

    assert len(dataset) == 2  # a.jpg is one record, from both files
    assert len(dataset.slice("dataset.tag = 'day'")) == 1
    assert len(dataset.slice("dataset.tag = 'night'")) == 2
    assert len(dataset.slice(f"dataset.id = '{night}' and labels.person = 1")) == 1
