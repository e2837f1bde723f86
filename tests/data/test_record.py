"""Records and annotations: validation, and conversion to JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.data.geometry import Box, Mask
from common_ml.data.record import Annotation, Record
from common_ml.errors import RecordError

SHARES = st.floats(0, 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON_OBJECTS = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-9, 9) | TEXTS)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x1, x2 = sorted((draw(SHARES), draw(SHARES)))
    y1, y2 = sorted((draw(SHARES), draw(SHARES)))
    return Box(x1, y1, x2, y2)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    if draw(st.booleans()):
        return Mask(image="masks/1.png", index=draw(st.integers(0, 300)))
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    bits = draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    return Mask.from_array(np.array(bits).reshape(height, width))


@st.composite
def drawn_annotations(draw: st.DrawFn) -> Annotation:
    times = sorted(draw(st.lists(st.floats(0, 1e6), max_size=2)))
    return Annotation(
        label=draw(TEXTS),
        track=draw(TEXTS),
        value=draw(st.integers(0, 1)),
        confidence=draw(st.none() | SHARES),
        box=draw(st.none() | boxes()),
        polygon=draw(st.none() | st.lists(st.tuples(SHARES, SHARES), min_size=3).map(tuple)),
        mask=draw(st.none() | masks()),
        start_seconds=times[0] if times else None,
        end_seconds=times[1] if len(times) == 2 else None,
        frame_index=draw(st.none() | st.integers(0, 10**6)),
        attributes=draw(JSON_OBJECTS),
        vector=draw(st.none() | st.lists(SHARES, min_size=1).map(tuple)),
    )


RECORDS = st.builds(
    Record,
    media=TEXTS.filter(bool),
    kind=st.sampled_from(["image", "video", "audio", ""]),
    width=st.none() | st.integers(1, 9999),
    height=st.none() | st.integers(1, 9999),
    duration_seconds=st.none() | st.floats(0, 1e6),
    annotations=st.lists(drawn_annotations(), max_size=3).map(tuple),
    metadata=JSON_OBJECTS,
    id=TEXTS,
    frame_index=st.none() | st.integers(0, 10**6),
    time_seconds=st.none() | st.floats(0, 1e6),
)


@given(RECORDS)
def test_a_record_survives_json(record: Record) -> None:
    line = record.to_line()

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Record.from_json(json.loads(line)) == record


def test_what_has_its_default_is_not_written() -> None:
    record = Record("a.jpg", annotations=(Annotation("car", box=Box(0, 0, 0.5, 1)),))

    assert record.to_json() == {
        "media": "a.jpg",
        "annotations": [{"label": "car", "box": {"x1": 0, "y1": 0, "x2": 0.5, "y2": 1}}],
        "id": "a.jpg",
    }


def test_a_frame_has_an_id_of_its_own() -> None:
    assert Record("a.mp4", frame_index=48).id == "a.mp4#48"


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"label": 3}, "label", "must be a text, got 3"),
        ({"label": "a", "value": 2}, "value", "must be 0 or 1, got 2"),
        ({"label": "a", "confidence": 1.5}, "confidence", "must be 0..1, got 1.5"),
        ({"label": "a", "end_seconds": 1}, "end_seconds", "needs start_seconds"),
        ({"label": "a", "start_seconds": 2, "end_seconds": 1}, "end_seconds", ">= start_seconds"),
        ({"label": "a", "start_seconds": float("nan")}, "start_seconds", "must be finite"),
        ({"label": "a", "frame_index": -1}, "frame_index", "whole number >= 0, got -1"),
        ({"label": "a", "polygon": [[0, 0], [1, 1]]}, "polygon", ">= 3 corners, got 2"),
        ({"label": "a", "polygon": [[0, 0], [1, 1], [1]]}, "polygon[2]", "must be (x, y)"),
        ({"label": "a", "box": {"x1": 0}}, "box", "must have x1, y1, x2, y2"),
        ({"label": "a", "box": {"x1": 1, "y1": 0, "x2": 0, "y2": 1}}, "box", "x1 <= x2"),
        ({"label": "a", "box": {"x1": 1, "y1": 0, "x2": 9, "y2": 1}}, "box", "divide pixels"),
        ({"label": "a", "mask": {}}, "mask", "either counts or image"),
        ({"label": "a", "mask": {"counts": [3], "width": 2, "height": 2}}, "mask.counts", "= 4"),
        ({"label": "a", "lable": "b"}, "lable", "is not known"),
        ({}, "label", "label is missing"),
    ],
)
def test_a_wrong_annotation_is_named_with_its_place(
    wrong: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(RecordError) as raised:
        Record.from_json({"media": "a.jpg", "annotations": [{"label": "first"}, wrong]})

    assert raised.value.field == f"annotations[1].{field}"
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"media": ""}, "media"),
        ({"media": "a", "kind": "film"}, "kind"),
        ({"media": "a", "width": 0}, "width"),
        ({"media": "a", "duration_seconds": -1}, "duration_seconds"),
        ({"media": "a", "metadata": [1]}, "metadata"),
        ({"media": "a", "annotations": "car"}, "annotations"),
        ({"media": "a", "size": 3}, "size"),
        ({"kind": "image"}, "media"),
    ],
)
def test_a_wrong_record_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(RecordError) as raised:
        Record.from_json(wrong)

    assert raised.value.field == field


def test_pixels_become_shares_once_the_size_is_known() -> None:
    corners = ((0.0, 0.0), (200.0, 0.0), (200.0, 60.0))
    annotation = Annotation("car", box=Box(-10, 10, 50, 20), polygon=corners)
    record = Record("a.jpg", unit="pixel", annotations=(annotation,))

    known = record.in_ratio(100, 50)

    assert (known.width, known.height, known.unit) == (100, 50, "ratio")
    assert known.annotations[0].box == Box(0, 0.2, 0.5, 0.4)
    assert known.annotations[0].polygon == ((0, 0), (1, 0), (1, 1))


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_a_mask_gives_its_pixels_back(width: int, height: int, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    inside = np.array(bits).reshape(height, width)

    assert np.array_equal(Mask.from_array(inside).to_array(), inside)


def test_runs_go_down_the_columns_as_in_coco() -> None:
    inside = np.array([[0, 1], [0, 1], [1, 0]], bool)

    assert Mask.from_array(inside).counts == (2, 3, 1)
    assert Mask.from_array(~inside).counts == (0, 2, 3, 1)


def test_a_number_is_picked_from_a_label_image() -> None:
    rgb = np.zeros((1, 3, 3), np.uint8)
    rgb[0, 1] = (1, 1, 0)
    rgb[0, 2] = (1, 0, 0)

    assert Mask(image="m.png", index=257, encoding="rgb24").pick(rgb).tolist() == [
        [False, True, False]
    ]
    assert Mask(image="m.png", index=1).pick(rgb).tolist() == [[False, True, True]]
    with pytest.raises(RecordError, match="read it and call pick"):
        Mask(image="m.png").to_array()
