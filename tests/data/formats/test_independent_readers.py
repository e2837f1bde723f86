"""Interoperate with other libraries: they read what we write, and the reverse."""

from __future__ import annotations

import json
from html import unescape
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import webvtt as webvtt_py
from clarifai_grpc.grpc.api import service_pb2  # type: ignore[import-untyped]  # it has no types
from google.protobuf import json_format  # type: ignore[import-untyped]  # nor has this
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from common_ml.data.formats import clarifai, coco, labelstudio, webvtt
from common_ml.data.formats.shared.masks import brush_bytes, brush_mask, coco_counts, coco_text
from common_ml.data.record import Annotation, Box, Mask, Record
from tests.data.formats.strategies import masks
from tests.depth import scaled

if TYPE_CHECKING:
    from pathlib import Path

INSIDE = np.zeros((40, 60), bool)
INSIDE[5:20, 10:50] = True
INSIDE[8:12, 20:30] = False
PICTURE = Record(
    media="street.jpg",
    kind="image",
    width=60,
    height=40,
    annotations=(
        Annotation("car", box=Box(0.1, 0.25, 0.5, 0.75), confidence=0.5),
        Annotation("road", polygon=((0, 0), (1, 0), (1, 0.5), (0, 0.5))),
        Annotation("tree", mask=Mask.from_array(INSIDE)),
    ),
    id="12",
)


# pycocotools' own, for polygons, with numpy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_is_read_by_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "coco.json"
    coco.write([PICTURE], path)

    dataset = COCO(str(path))
    capsys.readouterr()
    names = {one["id"]: one["name"] for one in dataset.loadCats(dataset.getCatIds())}
    found = {names[one["category_id"]]: one for one in dataset.loadAnns(dataset.getAnnIds([12]))}
    assert dataset.loadImgs([12])[0]["file_name"] == "street.jpg"
    assert found["car"]["bbox"] == [6, 10, 24, 20]
    assert found["car"]["area"] == 480
    assert np.array_equal(dataset.annToMask(found["tree"]), INSIDE)
    assert found["tree"]["area"] == INSIDE.sum()
    road = dataset.annToMask(found["road"])
    assert road[:20].all()
    assert not road[21:].any()


@settings(max_examples=scaled(50), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_run_lengths_are_those_of_pycocotools(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    mask = data.draw(masks(width, height))
    assert mask.counts is not None
    theirs = coco_mask.encode(np.asfortranarray(mask.to_array().astype(np.uint8)))

    assert coco_text(mask.counts).encode() == theirs["counts"]
    assert coco_counts(theirs["counts"].decode()) == mask.counts


@pytest.mark.parametrize(
    ("start", "text"),
    [(0.0, "one"), (3599.999, "over an hour"), (360000.5, "a <b>bold</b> & brave --> one\n\n2nd")],
)
def test_webvtt_is_read_by_webvtt_py(tmp_path: Path, start: float, text: str) -> None:
    cue = Annotation(text, track="narrator & co", start_seconds=start, end_seconds=start + 2.5)
    record = Record(media="film.mp4", kind="video", annotations=(cue, cue))
    webvtt.write([record], tmp_path / "film.vtt")

    captions = webvtt_py.read(str(tmp_path / "film.vtt"), strict=True).captions
    assert len(captions) == 2
    assert [seconds_of(one) for one in (captions[0].start, captions[0].end)] == [start, start + 2.5]
    assert unescape(captions[0].text) == text  # it leaves that to others


def seconds_of(stamp: str) -> float:
    hours, minutes, seconds = stamp.split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


def test_subtitles_of_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.vtt"
    path.write_text(
        "\ufeffWEBVTT - a talk\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE to self\n\n"
        "1\n00:01.000 --> 00:02.500 line:0 align:left\n<v.loud Ann B>Hi, <i>there</i> &amp; you\n"
        "<v Bob>Hello\n\n01:00:00.000 --> 01:00:01.000\nTwo\nlines\n",
        encoding="utf-8",
        newline="\r\n",
    )
    (record,) = webvtt.read(path, media="talk.mp4")

    assert record.kind == "video"
    assert [(one.track, one.label, one.start_seconds, one.end_seconds)
            for one in record.annotations] == [
        ("Ann B", "Hi, there & you\n", 1.0, 2.5),
        ("Bob", "Hello", 1.0, 2.5),
        ("", "Two\nlines", 3600.0, 3601.0),
    ]  # fmt: skip


def test_clarifai_json_is_what_its_own_messages_read(tmp_path: Path) -> None:
    record = Record(
        media="https://x.example/a.jpg",
        annotations=(
            Annotation("indoor", value=0),
            Annotation("person", box=Box(0, 0.25, 0.5, 1)),
        ),
        metadata={"n": {"a": [1, "b"]}, "geo": {"longitude": 1.5, "latitude": -2.0}},
        id="i1",
    )
    path = tmp_path / "inputs.json"
    clarifai.write([record], path)
    text = path.read_text()
    request = json_format.Parse(text, service_pb2.PostInputsRequest())

    (one,) = request.inputs
    assert (one.id, one.data.image.url) == ("i1", record.media)
    assert [(c.name, c.value) for c in one.data.concepts] == [("indoor", 0)]
    assert '"value": 0' in text
    (region,) = one.data.regions
    edges = region.region_info.bounding_box
    assert (edges.top_row, edges.left_col, edges.bottom_row, edges.right_col) == (0.25, 0, 1, 0.5)
    assert one.data.geo.geo_point.longitude == 1.5
    # and back from their own spelling: camel case, zeros left out
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json_format.MessageToJson(request))
    assert "leftCol" not in theirs.read_text()
    (back,) = clarifai.read(theirs)
    assert back.annotations == record.annotations
    assert back.metadata["geo"] == {"longitude": 1.5, "latitude": -2.0}


def test_clarifai_rows_of_the_documentation(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "url,top_row,left_col,bottom_row,right_col,pos_concepts,neg_concepts,metadata\n"
        'https://s.example/metro.jpg,0.4883,0.64131,0.6732,0.70772,person,,"{""source"":""c1""}"\n'
        "https://s.example/faces.jpg,0.14118,0.4287,0.99406,0.7967,person|face| person,dog,{}\n"
        "https://s.example/food.jpg,,,,,None|1,NA,\n"
        "https://s.example/faces.jpg,,,,,crowd,,\n"
    )
    metro, faces, food = clarifai.read(path)

    assert metro.metadata == {"source": "c1"}
    assert metro.annotations == (Annotation("person", box=Box(0.64131, 0.4883, 0.70772, 0.6732)),)
    assert [(one.label, one.value, one.box is None) for one in faces.annotations] == [
        ("crowd", 1, True), ("person", 1, False), ("face", 1, False), ("dog", 0, False),
    ]  # fmt: skip
    assert [(one.label, one.value) for one in food.annotations] == [
        ("None", 1), ("1", 1), ("NA", 0)]  # fmt: skip


def test_the_newer_rows_of_clarifai(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        'inputid,input,concepts,metadata,geopoints\n7,https://s.example/a.mp4,"a, b,a",,"1.5,-2"\n'
    )
    (record,) = clarifai.read(path)

    assert (record.id, record.kind, record.labels()) == ("7", "video", ("a", "b"))
    assert record.metadata == {"geo": {"longitude": 1.5, "latitude": -2.0}}


def brush_by_the_book(data: list[int]) -> list[int]:
    """Label Studio's own decoder, as its converter has it: bit by bit."""
    bits = "".join(f"{byte:08b}" for byte in data)
    place = 0

    def take(size: int) -> int:
        nonlocal place
        place += size
        return int(bits[place - size : place], 2)

    total, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < total:
        is_run = take(1)
        length = take(sizes[take(2)]) + 1
        values += [take(word)] * length if is_run else [take(word) for _ in range(length)]
    return values


@pytest.mark.parametrize("shape", [(1, 1), (40, 60), (300, 200)])
def test_brushes_are_the_bits_that_label_studio_expects(shape: tuple[int, int]) -> None:
    inside = np.random.default_rng(1).random(shape) < 0.3
    inside[shape[0] // 2 :] = True
    data = brush_bytes(inside)

    pixels = np.array(brush_by_the_book(data)).reshape(*shape, 4)
    assert np.array_equal(pixels[:, :, 3] == 255, inside)
    assert np.array_equal(brush_mask(data, shape[1], shape[0]), inside)


def test_label_studio_tasks_name_the_controls_of_their_interface(tmp_path: Path) -> None:
    import xml.etree.ElementTree as ET

    film = Record(
        media="film.mp4",
        kind="video",
        annotations=(
            Annotation('a "b" <c>', start_seconds=1.0, end_seconds=2.0),
            Annotation("car", box=Box(0, 0, 0.5, 0.5), frame_index=24, start_seconds=1.0),
        ),
    )
    labelstudio.write([PICTURE, film], tmp_path / "tasks.json")

    root = ET.fromstring((tmp_path / "tasks.config.xml").read_text())
    controls = {one.get("name"): one for one in root if one.get("toName")}
    tasks: list[dict[str, Any]] = json.loads((tmp_path / "tasks.json").read_text())
    regions = [region for task in tasks for region in task["predictions"][0]["result"]]
    assert len(regions) == 5
    for region in regions:
        control = controls[region["from_name"]]
        assert control.get("toName") == region["to_name"]
        labels = region["value"].get(region["type"]) or region["value"]["labels"]
        holder = control if len(control) else controls["labels_video"]
        assert set(labels) <= {one.get("value") for one in holder}
    lane = next(one for one in regions if one["type"] == "timelinelabels")
    assert lane["value"]["ranges"] == [{"start": 25, "end": 48}]
