"""Files with one meaning only, written by the habits of other programs and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_ml.data import formats
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common_ml.data.record import Record

VOC = """<annotation><filename>a.png</filename><size><width>{width}</width><height>50</height>
<depth>{depth}</depth></size><object><name>cat</name>{polygon}<bndbox><xmin>10</xmin><ymin>5</ymin>
<xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>"""


def read(name: str, source: Path, report: Report | None = None, **options: Any) -> list[Record]:
    return list(formats.get(name).read(source, report=report, **options))


def yolo(folder: Path, description: str, line: str = "0 .5 .5 .2 .2\n") -> Path:
    """A folder with one picture and its label."""
    for part in ("images", "labels"):
        (folder / part).mkdir()
    write_image(folder / "images" / "a.png", np.zeros((50, 100, 3), np.uint8))
    (folder / "labels" / "a.txt").write_text(line)
    (folder / "data.yaml").write_text(f"{description}\nnames: [cat]\n")
    return folder


@pytest.mark.parametrize("line", [r"images\a.png", r".\images\a.png", "./images/a.png"])
def test_a_yolo_list_of_windows_finds_pictures_and_labels(tmp_path: Path, line: str) -> None:
    yolo(tmp_path, "train: train.txt")
    (tmp_path / "train.txt").write_bytes(f"{line}\r\n".encode())
    (record,) = read("yolo", tmp_path)
    assert (record.media, len(record.annotations)) == (str(tmp_path / "images" / "a.png"), 1)


def test_a_yolo_folder_of_windows_is_found(tmp_path: Path) -> None:
    (record,) = read("yolo", yolo(tmp_path, "train: .\\images\\"))
    assert len(record.annotations) == 1


@pytest.mark.parametrize("other", ["./images/", "images/../images", "all.txt", "."])
def test_a_picture_that_two_parts_of_yolo_reach_is_taken_once(tmp_path: Path, other: str) -> None:
    yolo(tmp_path, f"train: images\nval: {other}")
    (tmp_path / "all.txt").write_text("./images/a.png\n./images/a.png\n")
    report = Report()
    (record,) = read("yolo", tmp_path, report)
    assert record.metadata == {"split": "train"}
    assert sum(report.repaired.values()) == (2 if other == "all.txt" else 1)


@pytest.mark.parametrize("value", ["2024-01-01", "7", "{a: images}", "[images, 7]"])
def test_a_part_of_yolo_that_is_no_text_is_an_error(tmp_path: Path, value: str) -> None:
    yolo(tmp_path, f"train: {value}")
    with pytest.raises(FormatError, match="train: must be a folder"):
        read("yolo", tmp_path)
    report = Report()
    read("yolo", tmp_path, report, on_error="skip")
    assert len(report.skipped) == 1


def test_texts_of_yolo_may_be_utf_16(tmp_path: Path) -> None:
    yolo(tmp_path, "train: train.txt")
    for path, text in {
        tmp_path / "labels" / "a.txt": "0 .5 .5 .2 .2\r\n",
        tmp_path / "train.txt": "./images/a.png\r\n",
        tmp_path / "data.yaml": "names: [café]\ntrain: train.txt\n",
    }.items():
        path.write_text(text, encoding="utf-16")
    (record,) = read("yolo", tmp_path)
    assert [one.label for one in record.annotations] == ["café"]


def test_the_parts_of_voc_may_be_utf_16(tmp_path: Path) -> None:
    voc(tmp_path)
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("a\r\n", encoding="utf-16")
    (record,) = read("voc", tmp_path)
    assert record.metadata == {"split": "val"}


def test_webvtt_and_masterful_may_be_utf_16(tmp_path: Path) -> None:
    cues = tmp_path / "a.mp4.vtt"
    cues.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\ncafé\n", encoding="utf-16")
    (record,) = read("webvtt", cues)
    assert [one.label for one in record.annotations] == ["café"]

    (tmp_path / "label_map.csv").write_text("0, café\r\n", encoding="utf-16")
    (tmp_path / "records.csv").write_text("a.png, 0\r\n", encoding="utf-16")
    (record,) = read("masterful", tmp_path, task="image_classification")
    assert [one.label for one in record.annotations] == ["café"]


def voc(folder: Path, *, width: str = "100", depth: str = "3", polygon: str = "") -> Path:
    (folder / "Annotations").mkdir()
    (folder / "JPEGImages").mkdir()
    write_image(folder / "JPEGImages" / "a.png", np.zeros((50, 100, 3), np.uint8))
    text = VOC.format(width=width, depth=depth, polygon=polygon)
    (folder / "Annotations" / "a.xml").write_text(text)
    return folder


@pytest.mark.parametrize(("width", "depth"), [("unknown", "3"), ("100", "None"), ("100.5", "rgb")])
def test_a_text_in_the_size_of_voc_costs_no_boxes(tmp_path: Path, width: str, depth: str) -> None:
    report = Report()
    (record,) = read("voc", voc(tmp_path, width=width, depth=depth), report)
    assert (record.width, record.metadata) == (100, {})
    assert [one.label for one in record.annotations] == ["cat"]
    assert report.repaired
    assert not report.skipped


@pytest.mark.parametrize(
    "polygon", ["<polygon></polygon>", "<polygon><pt><x>1</x><y>2</y></pt></polygon>"]
)
def test_an_empty_polygon_of_voc_costs_no_box(tmp_path: Path, polygon: str) -> None:
    report = Report()
    (record,) = read("voc", voc(tmp_path, polygon=polygon), report)
    assert record.annotations[0].box is not None
    assert record.annotations[0].polygon is None
    assert report.repaired == {"polygon without corners beside a box: left out": 1}


def coco(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    data: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 15]}],
    }
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_a_category_of_coco_may_be_listed_twice(tmp_path: Path) -> None:
    """Merged files have them; pycocotools takes the last one."""
    report = Report()
    path = coco(tmp_path / "c.json", lambda data: data["categories"].append(data["categories"][0]))
    (record,) = read("coco", path, report)
    assert [one.label for one in record.annotations] == ["cat"]
    assert sum(report.repaired.values()) == 1

    coco(path, lambda data: data["categories"].append({"id": 1, "name": "dog"}))
    with pytest.raises(FormatError, match="annotations would be mixed up"):
        read("coco", path)


@pytest.mark.parametrize(("text", "crowd"), [("0", None), ("1", 1)])
def test_iscrowd_of_coco_may_be_a_text(tmp_path: Path, text: str, crowd: int | None) -> None:
    path = coco(tmp_path / "c.json", lambda data: data["annotations"][0].update(iscrowd=text))
    (record,) = read("coco", path)
    assert record.annotations[0].attributes.get("iscrowd") == crowd


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("coco", "a.json"), ("labelstudio", "a.json"), ("diffgram", "a.json"), ("scale", "a.json"),
        ("cvat", "a.xml"), ("voc", "a.xml"), ("yolo", "a.yaml"), ("clarifai", "a.csv"),
        ("csv", "a.csv"), ("webvtt", "a.vtt"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("magic", "kind"), [(b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b\x08", "gzip")]
)
def test_every_reader_names_an_archive(
    tmp_path: Path, name: str, file: str, magic: bytes, kind: str
) -> None:
    (tmp_path / file).write_bytes(magic + bytes(range(256)))
    with pytest.raises(FormatError, match=f"{kind}; hint: unpack it"):
        read(name, tmp_path / file)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (
            (
                '<image id="0" name="a.png" width="9" height="9"><skeleton label="s">'
                '<points label="1" points="1,2"/></skeleton></image>'
            ),
            "image 1",
        ),
        (
            (
                "<meta><task><source>a.mp4</source></task></meta>"
                '<track id="0" label="s"><track id="0" label="1">'
                '<points frame="0" outside="0" points="1,2"/></track></track>'
            ),
            "track 1",
        ),
        (
            (
                "<meta><task><source>a.mp4</source></task></meta>"
                '<track id="0" label="s"><skeleton frame="0" outside="0"/></track>'
            ),
            "track 1",
        ),
    ],
)
def test_skeletons_of_cvat_are_named_in_the_report(
    tmp_path: Path, document: str, place: str
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f"<annotations><version>1.1</version>{document}</annotations>")
    report = Report()
    (record,) = read("cvat", path, report)
    assert record.annotations == ()
    assert [one.place for one in report.skipped] == [place]


def hugging_face(path: Path, **more: Any) -> Path:
    objects = {"bbox": [[1.0, 2.0, 3.0, 4.0]], "category": ["cat"], **more}
    row = {"image": {"bytes": None, "path": "a.png"}, "width": 9, "height": 9, "objects": objects}
    pq.write_table(pa.Table.from_pylist([row]), path)
    return path


@pytest.mark.parametrize("empty", [[], None])
def test_an_empty_list_beside_the_boxes_of_hugging_face_costs_none(
    tmp_path: Path, empty: list[Any] | None
) -> None:
    path = hugging_face(tmp_path / "a.parquet", segmentation=empty)
    (record,) = read("huggingface", path)
    assert [one.label for one in record.annotations] == ["cat"]


def test_lists_of_hugging_face_of_several_lengths_are_an_error(tmp_path: Path) -> None:
    path = hugging_face(tmp_path / "a.parquet", category=["cat", "dog"])
    with pytest.raises(FormatError, match="objects: must be lists of one length, got bbox 1"):
        read("huggingface", path)
    report = Report()
    (record,) = read("huggingface", path, report, on_error="skip")
    assert (record.annotations, len(report.skipped)) == ((), 1)
