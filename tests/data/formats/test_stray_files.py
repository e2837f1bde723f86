"""Files as other programs really write them: encodings, archives, names left out, wrong units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import Dataset
from common_ml.data.geometry import Box
from common_ml.data.report import Report
from common_ml.errors import CommonMLError, DatasetError, FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
    "categories": [{"id": 1, "name": "café"}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}],
}
OBJECT = (
    "<object><name>{}</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax>"
    "</bndbox></object>"
)


def labels(source: Path) -> list[str]:
    return [tag.label for record in Dataset.open(source).records() for tag in record.annotations]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((50, 100, 3), np.uint8))


def voc(folder: Path, document: str, *, encoding: str = "utf-8", declared: str = "") -> Path:
    """A folder with one document."""
    picture(folder / "JPEGImages" / "a.png")
    (folder / "Annotations").mkdir()
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    text = f"{declaration}<annotation>{document}</annotation>"
    (folder / "Annotations" / "a.xml").write_bytes(text.encode(encoding))
    return folder


def yolo(folder: Path, names: str, line: str) -> Path:
    """A folder with one picture."""
    picture(folder / "images" / "a.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(line)
    (folder / "data.yaml").write_text(f"names: {names}\ntrain: images\n")
    return folder


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_json_in_other_encodings_is_recognised(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(COCO, ensure_ascii=False), encoding=encoding)
    assert labels(path) == ["café"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (json.dumps(COCO).replace("]}", "],}").encode(), "line 1, column"),
        (json.dumps(COCO).encode() * 2, "Extra data"),
        (json.dumps(COCO, ensure_ascii=False).encode("latin-1"), "hint: convert the file to UTF-8"),
        (json.dumps(COCO).encode()[:-1] + b', "x": ' + b"[" * 9999, "nested too deeply"),
    ],
    ids=["a comma too many", "twice", "Latin-1", "deep"],
)
def test_json_that_cannot_be_parsed_is_recognised_and_its_fault_named(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=problem):
        labels(path)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04", "a ZIP archive; hint: unpack it"),
        (b"\x1f\x8b\x08", "compressed with gzip; hint: unpack it"),
        (b"", "is empty"),
    ],
)
def test_what_cannot_be_annotations_is_said(tmp_path: Path, head: bytes, what: str) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(head + b"\0" * 40 if head else head)
    with pytest.raises(DatasetError, match=what):
        labels(path)


def test_a_table_in_latin_1_is_recognised_and_its_fault_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes("media,label\na.png,café\n".encode("latin-1"))
    with pytest.raises(FormatError, match=r"line 2, column 10: not UTF-8.*; hint: convert"):
        labels(path)


def test_lvis_has_addresses_in_place_of_names(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    image = {"id": 1, "coco_url": "http://host/train2017/a.png", "width": 100, "height": 50}
    path = tmp_path / "lvis.json"
    path.write_text(json.dumps({**COCO, "images": [image]}))
    with Dataset.open(path, media_root=tmp_path) as dataset:
        assert dataset[0].image.shape == (50, 100, 3)


@pytest.mark.parametrize(
    ("declared", "encoding", "label"),
    [
        ("gb2312", "gb2312", "猫"),
        ("shift_jis", "shift_jis", "ねこ"),
        ("windows-1252", "cp1252", "café"),
        ("utf-16", "utf-16", "кот"),
        ("utf-16", "utf-8", "кот"),  # as programs write that make the text first
        ("", "utf-8-sig", "кот"),
    ],
)
def test_xml_in_other_encodings(tmp_path: Path, declared: str, encoding: str, label: str) -> None:
    document = f"<filename>a.png</filename>{OBJECT.format(label)}"
    assert labels(voc(tmp_path, document, encoding=encoding, declared=declared)) == [label]


def test_a_namespace_does_not_matter(tmp_path: Path) -> None:
    folder = voc(tmp_path, f"<filename>a.png</filename>{OBJECT.format('cat')}")
    document = folder / "Annotations" / "a.xml"
    document.write_text(document.read_text().replace("<annotation>", '<annotation xmlns="urn:x">'))
    assert labels(folder) == ["cat"]


def test_points_of_cvat_may_end_in_their_separator(tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(
        '<annotations><image id="0" name="a.png" width="100" height="50">'
        '<polygon label="cat" points="1,2;3,4;5,2;"/></image></annotations>'
    )
    (record,) = Dataset.open(path).records()
    assert record.annotations[0].polygon == ((0.01, 0.04), (0.03, 0.08), (0.05, 0.04))


def test_a_region_whose_place_is_null_is_refused(tmp_path: Path) -> None:
    value = {"x": None, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["cat"]}
    task = {"data": {"image": "a.png"}, "annotations": [{"result": [{"id": "r", "value": value}]}]}
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([task]))
    with pytest.raises(FormatError, match=r"value\.x.*hint: on_error"):
        labels(path)


@pytest.mark.parametrize("declared", ["punycode", "rot13", "unicode_escape", "x-none"])
def test_an_encoding_that_is_none_for_documents(tmp_path: Path, declared: str) -> None:
    with pytest.raises(FormatError, match=f"unknown encoding: {declared}"):
        labels(voc(tmp_path, "<filename>a.png</filename>", declared=declared))


def test_a_document_type_is_seen_in_any_encoding(tmp_path: Path) -> None:
    folder = voc(tmp_path, "<filename>a.png</filename>")
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><annotation/>'
    (folder / "Annotations" / "a.xml").write_bytes(text.encode("utf-16"))
    with pytest.raises(FormatError, match="has a document type"):
        labels(folder)


@pytest.mark.parametrize("name", ["a.png", "a", "", r"C:\Users\me\a.png", "../x/a.png"])
def test_a_picture_is_found_whatever_is_left_of_its_name(tmp_path: Path, name: str) -> None:
    folder = voc(tmp_path, f"<filename>{name}</filename>{OBJECT.format('cat')}")
    with Dataset.open(folder) as dataset:
        assert dataset[0].image.shape == (50, 100, 3)


@pytest.mark.parametrize(
    ("names", "label"),
    [("[no, yes]", "no"), ("[1e3, 2]", "1e3"), ("{'0': cat}", "cat"), ("{0: ~}", "~")],
)
def test_names_of_classes_are_texts(tmp_path: Path, names: str, label: str) -> None:
    assert labels(yolo(tmp_path, names, "0 .5 .5 .2 .2")) == [label]


@pytest.mark.parametrize("line", ["0 50 25 20 20", "0 10 10 30 10 30 30", "0 -2 .5 .2 .2"])
def test_a_place_beside_the_picture_is_an_error(tmp_path: Path, line: str) -> None:
    folder = yolo(tmp_path, "[cat]", line)
    with pytest.raises(CommonMLError, match=r"outside of the picture.*; hint: divide pixels"):
        labels(folder)
    with Dataset.open(folder, on_error="skip") as dataset:
        assert [record.annotations for record in dataset.records()] == [()]


def test_ids_are_the_same_as_numbers_and_as_texts(tmp_path: Path) -> None:
    annotation = {"image_id": "1", "category_id": "1", "bbox": [10, 10, 20, 20]}
    path = tmp_path / "via.json"
    path.write_text(json.dumps({**COCO, "annotations": [annotation, {**annotation, "id": 2}]}))
    assert labels(path) == ["café", "café"]


@pytest.mark.parametrize("size", [-1, 0])
def test_a_picture_without_a_size_has_its_own(tmp_path: Path, size: int) -> None:
    picture(tmp_path / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": size, "height": size}
    path = tmp_path / "via.json"
    path.write_text(json.dumps({**COCO, "images": [image]}))
    report = Report()
    with Dataset.open(path, media_root=tmp_path, report=report) as dataset:
        (record,) = dataset.records()
    assert (record.width, record.height) == (100, 50)
    assert record.annotations[0].box == Box(0.1, 0.2, 0.3, 0.6)
    assert report.repaired["size of a picture of 0 or less: taken for unknown"] == 2


def test_one_polygon_needs_no_outer_list(tmp_path: Path) -> None:
    annotation = {"image_id": 1, "category_id": 1, "segmentation": [10, 10, 30, 10, 30, 30]}
    path = tmp_path / "via.json"
    path.write_text(json.dumps({**COCO, "annotations": [annotation]}))
    (record,) = Dataset.open(path).records()
    assert record.annotations[0].polygon == ((0.1, 0.2), (0.3, 0.2), (0.3, 0.6))


def parquet(path: Path, columns: dict[str, Any], features: dict[str, Any] | None = None) -> Path:
    """A Parquet file as `datasets` writes it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    if features is not None:
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(metadata)
    pq.write_table(table, path)
    return path


def test_classes_of_a_hugging_face_set_for_classification(tmp_path: Path) -> None:
    columns = {"image": [{"bytes": b"", "path": "a.png"}] * 3, "label": [1, 0, None]}
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    assert labels(parquet(tmp_path / "train.parquet", columns, features)) == ["dog", "cat"]


def test_columns_of_other_hugging_face_sets(tmp_path: Path) -> None:
    columns = {
        "image": ["a.png"],
        "objects": [[{"bbox": [1.0, 2.0, 3.0, 4.0], "category_id": 7}]],
    }
    (record,) = Dataset.open(parquet(tmp_path / "train.parquet", columns)).records()
    assert record.media == "a.png"
    assert [tag.label for tag in record.annotations] == ["7"]
