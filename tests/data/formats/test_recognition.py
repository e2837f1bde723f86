"""Formats are recognised by what a file holds, whatever its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data import formats
from common_ml.data.formats.recognition import candidates
from common_ml.data.record import Annotation, Box, Record
from common_ml.errors import FormatError
from tests.data.formats import scale_tasks as tasks

if TYPE_CHECKING:
    from pathlib import Path

COCO = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}
STUDIO = [{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}]
MINIMAL = [{"id": 1, "image": "a.jpg", "label": [{"x": 1, "y": 1, "rectanglelabels": ["car"]}]}]
DIFFGRAM: dict[str, Any] = {"label_map": {}, "7": {"instance_list": []}}
CLARIFAI = {"inputs": [{"data": {"image": {"url": "a.jpg"}}}]}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (COCO, "coco"),
        ({"info": {}, "images": COCO["images"], "categories": []}, "coco"),
        (STUDIO, "labelstudio"),
        ([{"data": {"image": "a.jpg"}}], "labelstudio"),
        (MINIMAL, "labelstudio"),
        (DIFFGRAM, "diffgram"),
        ({"file_list": []}, "diffgram"),
        ([{"id": 1, "instance_list": []}], "diffgram"),
        ([tasks.image_task("1")], "scale"),
        (CLARIFAI, "clarifai"),
        (CLARIFAI["inputs"], "clarifai"),
    ],
)
def test_json_by_its_keys(tmp_path: Path, content: Any, name: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    assert formats.recognise(path) == name

    # and where the file is too large to be looked at whole
    padded = json.dumps(content)[:-1] + " " * (1 << 20) + json.dumps(content)[-1]
    path.write_text(padded)
    assert formats.recognise(path) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WEBVTT\n\n", "webvtt"),
        ("\ufeffWEBVTT - talk\n", "webvtt"),
        ("media,label\n", "csv"),
        ("label;media\n", "csv"),
        ("url,pos_concepts\n", "clarifai"),
        ("inputid,input,concepts\n", "clarifai"),
        ('{"type": "tag", "data": {}}\n', "tags"),
    ],
)
def test_text_by_its_first_line(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "file.txt"
    path.write_text(text, encoding="utf-8")
    assert formats.recognise(path) == name


def test_an_ambiguity_lists_the_candidates(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("media,url,pos_concepts\n")

    assert candidates(path) == ("clarifai", "csv")
    with pytest.raises(FormatError, match="could be any of clarifai, csv; hint: name the format"):
        formats.recognise(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"[1]", b"{", b"\xff\xd8\xff\xe0", b"a,b\n"]
)
def test_what_is_none_of_them_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="not recognised"):
        formats.recognise(path)


@pytest.mark.parametrize("name", [one for one in formats.names() if formats.can_write(one)])
def test_what_is_written_is_recognised(tmp_path: Path, name: str) -> None:
    record = Record(
        media="a.mp4" if name == "webvtt" else "a.png",
        width=100,
        height=50,
        annotations=(Annotation("car", box=Box(0, 0, 1, 1), start_seconds=1, end_seconds=2),),
    )
    module: Any = formats.get(name)
    target = tmp_path / ("folder" if name in ("masterful", "webvtt") else "file.json")
    module.write([record], target, **({"task": "object_detection"} if name == "masterful" else {}))

    assert formats.recognise(target) == name
