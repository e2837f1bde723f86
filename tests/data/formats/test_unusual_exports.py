"""Exports with one meaning, or with parts that are left out and have to be reported."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from pycocotools import mask as coco_mask

from common_ml.data import formats
from common_ml.data.geometry import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Annotation, Record

CORNERS = ((0.1, 0.2), (0.3, 0.2), (0.3, 0.6))
FLAT = [10, 10, 30, 10, 30, 30]
RUNS = {"size": [50, 100], "counts": [0, 5, 4995]}


def coco(path: Path, report: Report | None = None, **values: Any) -> Annotation:
    """The only annotation of a file, with these values."""
    good = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{key: one for key, one in (good | values).items() if one != "none"}],
    }
    (path / "c.json").write_text(json.dumps(data))
    (record,) = formats.get("coco").read(path / "c.json", report=report)
    (found,) = record.annotations
    return found


def test_numbers_of_coco_may_be_texts(tmp_path: Path) -> None:
    found = coco(tmp_path, bbox=["10", "10.0", "20", "2e1"], area="400")
    assert found.box == Box(0.1, 0.2, 0.3, 0.6)
    assert found.attributes["area"] == 400


@pytest.mark.parametrize(
    "segmentation",
    [
        [FLAT],
        [list(map(str, FLAT))],
        [[10, 10], [30, 10], [30, 30]],
        [[[10, 10], [30, 10], [30, 30]]],
        [FLAT, [10, 10, 30, 30]],
    ],
)
def test_corners_of_coco_have_one_meaning(tmp_path: Path, segmentation: Any) -> None:
    report = Report()
    assert coco(tmp_path, report, segmentation=segmentation).polygon == CORNERS
    assert sum(report.repaired.values()) == (len(segmentation) == 2)


def test_a_polygon_of_two_corners_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="fewer than 3 corners"):
        coco(tmp_path, segmentation=[[10, 10, 30, 30]])


@pytest.mark.parametrize(
    "segmentation",
    [
        RUNS,
        [RUNS],
        {**RUNS, "size": ["50", "100"]},
        {**RUNS, "counts": [0.0, 5.0, 4995.0]},
        {**RUNS, "counts": str(coco_mask.frPyObjects(RUNS, 50, 100)["counts"])},
    ],
)
def test_run_lengths_of_coco_have_one_meaning(tmp_path: Path, segmentation: Any) -> None:
    report = Report()
    found = coco(tmp_path, report, segmentation=segmentation)
    assert found.mask is not None
    assert found.mask.counts == (0, 5, 4995)
    assert report.warnings == []


def test_a_mask_of_another_size_is_reported(tmp_path: Path) -> None:
    report = Report()
    coco(tmp_path, report, segmentation={**RUNS, "size": [100, 50]})
    assert report.warnings == ["a mask has another size than its picture"]


def test_other_keys_of_a_coco_annotation_are_kept(tmp_path: Path) -> None:
    found = coco(tmp_path, track_id=7, isbbox=False, extra={"a": 1}, attributes={"isbbox": True})
    assert found.track == "7"
    assert (found.attributes["isbbox"], found.attributes["extra"]) == (True, {"a": 1})


@pytest.mark.parametrize(
    ("key", "value", "what"), [("segments_info", [], "panoptic"), ("caption", "a cat", "caption")]
)
def test_other_kinds_of_coco_are_named(tmp_path: Path, key: str, value: Any, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        coco(tmp_path, category_id="none", bbox="none", **{key: value})


REGION: dict[str, Any] = {
    "id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
    "original_width": 100, "original_height": 50,
    "value": {"x": 10, "y": 20, "width": 20, "height": 40, "rotation": 0,
              "rectanglelabels": ["cat"]},
}  # fmt: skip


BITMASK = {"imageDataURL": "data:", "bitmasklabels": ["cat"]}


def label_studio(path: Path, data: Any, report: Report | None = None) -> Record:
    """The only task of a file, which is recognised."""
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    assert formats.recognise(path) == "labelstudio"
    (record,) = formats.get("labelstudio").read(path, report=report)
    return record


def task(**more: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": [REGION]}], **more}


@pytest.mark.parametrize("key", ["image", "photo"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("host", ["", "https://labels.example"])
def test_presigned_addresses_are_those_of_the_storage(
    tmp_path: Path, host: str, encode: Any, key: str
) -> None:
    address = "s3://bucket/dir/my photo ü~~>~.jpg"
    hidden = encode(address.encode()).decode()
    data = {key: f"{host}/tasks/1/presign/?fileuri={hidden}"}
    assert label_studio(tmp_path / "a.json", [task(data=data)]).media == address


@pytest.mark.parametrize("text", ["?fileuri=", "?fileuri=%%%", "?fileuri=YWJj", "?fileuri=/w=="])
def test_what_hides_no_address_stays(tmp_path: Path, text: str) -> None:
    media = f"/tasks/1/presign/{text}"
    assert label_studio(tmp_path / "a.json", [task(data={"image": media})]).media == media


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"annotations": [{"result": [REGION]}, {"result": [REGION]}]}, "before the newest"),
        ({"annotations": [{"result": [REGION], "was_cancelled": True}]}, "a cancelled"),
        ({"annotations": [], "drafts": [{"result": [REGION]}]}, "a draft"),
    ],
)
def test_annotations_of_label_studio_that_are_not_read_are_reported(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    report = Report()
    label_studio(tmp_path / "a.json", [task(**change)], report)
    (skipped,) = report.skipped
    assert (skipped.place, reason in skipped.reason) == ("item 1", True)


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"predictions": [{"result": [REGION]}]}, "predictions of tasks that have annotations"),
        ({"annotations": [{"result": [REGION, {"type": "relation"}]}]}, "relations"),
        (
            {"annotations": [{"result": [{**REGION, "value": BITMASK}]}]},
            "places of rectanglelabels",
        ),
    ],
)  # fmt: skip
def test_parts_of_label_studio_that_are_not_read_are_reported(
    tmp_path: Path, change: dict[str, Any], warning: str
) -> None:
    report = Report()
    record = label_studio(tmp_path / "a.json", [task(**change)], report)
    assert [one.label for one in record.annotations] == ["cat"]
    (found,) = report.warnings
    assert warning in found


@pytest.mark.parametrize("closed", [True, False])
def test_vectors_of_label_studio_are_polygons_or_lines(tmp_path: Path, *, closed: bool) -> None:
    corners = [{"id": str(x), "x": x * 100, "y": y * 100} for x, y in CORNERS]
    value = {"vertices": corners, "closed": closed, "vectorlabels": ["cat"]}
    region = {**REGION, "type": "vectorlabels", "value": value}
    record = label_studio(tmp_path / "a.json", [task(annotations=[{"result": [region]}])])
    (found,) = record.annotations
    assert (found.polygon is not None) == closed
    points: Any = found.polygon if closed else found.attributes["geometry"]["points"]
    assert [pytest.approx(one) for one in CORNERS] == [tuple(one) for one in points]


MINIMAL = {"image": "a.png", "id": 1, "label": [REGION["value"]], "annotator": 1,
           "annotation_id": 2, "lead_time": 1.5}  # fmt: skip


def table(separator: str) -> str:
    cells = [json.dumps(one) if isinstance(one, list) else str(one) for one in MINIMAL.values()]
    quoted = ['"{}"'.format(one.replace('"', '""')) for one in cells]
    return f"{separator.join(MINIMAL)}\n{separator.join(quoted)}\n"


@pytest.mark.parametrize(
    "data",
    [
        task(),
        [MINIMAL],
        {"id": 5, "result": [REGION], "task": {"id": 1, "data": {"image": "a.png"}}},
        table(","),
        table("\t"),
    ],
)
def test_every_export_of_label_studio_is_read(tmp_path: Path, data: Any) -> None:
    record = label_studio(tmp_path / "a.file", data)
    assert (record.media, record.id) == ("a.png", "1")
    (found,) = record.annotations
    assert found.label == "cat"
    assert found.box is not None
    assert [found.box.x1, found.box.x2] == pytest.approx([0.1, 0.3])


def test_parts_and_further_boxes_of_voc_are_reported(tmp_path: Path) -> None:
    box = "<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>"
    (tmp_path / "a.xml").write_text(
        "<annotation><filename>a.png</filename><size><width>100</width><height>50</height></size>"
        f"<object><name>person</name>{box}{box}<actions><jumping>1</jumping></actions>"
        f"<part><name>head</name>{box}</part></object></annotation>"
    )
    report = Report()
    (record,) = formats.get("voc").read(tmp_path / "a.xml", report=report)
    (found,) = record.annotations
    assert (found.box, found.attributes) == (Box(0.1, 0.2, 0.3, 0.6), {"actions": {"jumping": 1}})
    assert [one.reason for one in report.skipped] == [
        "part 'head': parts are not read", "bndbox: a further box is not read",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["task", "job"])
def test_masks_of_cvat_tracks_are_read_from_a_job_too(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.xml").write_text(
        f"<annotations><meta><{kind}><source>a.mp4</source><original_size><width>9</width>"
        f'<height>9</height></original_size></{kind}></meta><track id="0" label="cat">'
        '<mask frame="0" outside="0" rle="1, 3" left="1" top="1" width="2" height="2"/></track>'
        "</annotations>"
    )
    (record,) = formats.get("cvat").read(tmp_path / "a.xml")
    assert record.annotations[0].mask is not None
    assert int(record.annotations[0].mask.to_array().sum()) == 3
