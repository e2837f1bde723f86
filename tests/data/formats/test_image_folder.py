"""Image folders of Hugging Face, and names of pictures in FiftyOne's labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.record import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = {"bbox": [[10, 5, 40, 20]], "categories": ["cat"]}


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((50, 100, 3), np.uint8))
    return path


@pytest.mark.parametrize("folder", ["", "train"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_lines_of_json(tmp_path: Path, folder: str, start: str) -> None:
    a, b = (picture(tmp_path / folder / one) for one in ("a.png", "b.png"))
    rows = [
        {"file_name": "a.png", "objects": OBJECTS},
        {"file_name": "b.png", "label": 3, "x": "y"},
    ]
    table = tmp_path / folder / "metadata.jsonl"
    table.write_text(start + "\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert formats.recognise(tmp_path) == formats.recognise(table) == "huggingface"
    for source in (tmp_path, table):
        first, second = formats.get("huggingface").read(source)
        assert (first.media, second.media) == (str(a), str(b))
        (found,) = first.annotations
        assert (found.label, found.box) == ("cat", Box(0.1, 0.1, 0.5, 0.5))
        assert (second.labels(), second.metadata) == (("3",), {"x": "y"})


def test_a_table_of_csv(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text("file_name,label,caption\na.png,cat,\n")
    assert formats.recognise(tmp_path) == "huggingface"
    (record,) = formats.get("huggingface").read(tmp_path)
    assert (record.media, record.labels(), record.metadata) == (str(path), ("cat",), {})


def test_another_table_called_metadata_is_none(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("id,licence\n1,x\n")
    (tmp_path / "a.vtt").write_text("WEBVTT\n")
    assert formats.recognise(tmp_path) == "webvtt"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: must be a JSON object, got b'{'"),
        ("[1]", "line 2: must be a JSON object, got [1]"),
        ('{"text": 1}', "line 2, file_name: is missing"),
        (json.dumps({"file_name": "a", "objects": {"bbox": [[None, 1, 2, 3]], "category": ["c"]}}),
         "line 2, objects[0].bbox: must be four numbers, got [None, 1, 2, 3]"),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text(f'{{"file_name": "b.png"}}\n{line}\n')
    with pytest.raises(FormatError) as caught:
        list(formats.get("huggingface").read(path))
    assert message in str(caught.value)
    report = Report()
    first, *_ = formats.get("huggingface").read(path, on_error="skip", report=report)
    assert first.media == "b.png"
    assert len(report.skipped) == 1


@pytest.mark.parametrize("name", ["a", "a.png"])
def test_fiftyone_names_pictures_with_or_without_ending(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / "data" / "a.png")
    labels: dict[str, Any] = {"classes": None, "labels": {name: "cat"}}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (record,) = formats.get("fiftyone").read(tmp_path)
    assert (record.media, record.labels()) == (str(path), ("cat",))
