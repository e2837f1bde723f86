"""Formats of training tools: read their files, and let them read ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from common_ml.data import formats
from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from tests.data.made import write_picture

CAR = Annotation("car", box=Box(0.25, 0.25, 0.5, 0.75))
PERSON = Annotation("person", polygon=((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)))


def parsed(path: Path) -> ET.Element:
    """The root of a file that we have written."""
    return ET.fromstring(path.read_bytes())


def pictures(folder: Path) -> list[Record]:
    """Two pictures of 64 x 48 in folders of their own, of one name."""
    made = []
    for number, part in enumerate(("a", "b")):
        (folder / part).mkdir(parents=True)
        write_picture(folder / part / "same.png", number)
        split = "train" if part == "a" else "val"
        made.append(
            Record(
                f"{part}/same.png",
                kind="image",
                width=64,
                height=48,
                annotations=(CAR, PERSON) if part == "a" else (),
                metadata={"split": split},
            )
        )
    return made


def test_yolo_is_laid_out_as_ultralytics_looks_for_it(tmp_path: Path) -> None:
    """Its rule: of each picture in the list, the last /images/ is /labels/, the extension .txt."""
    records = pictures(tmp_path / "media")
    report = formats.get("yolo").write(  # type: ignore[attr-defined] # it can be written
        records, tmp_path / "set", task="detect", media_root=tmp_path / "media"
    )
    described = yaml.safe_load((tmp_path / "set" / "data.yaml").read_text())

    assert (report.written, report.skipped, report.warnings) == (2, [], [])
    assert described["names"] == {0: "car", 1: "person"}
    found = {}
    for part in ("train", "val"):
        for line in (tmp_path / "set" / described[part]).read_text().splitlines():
            picture = line.replace("./", f"{tmp_path / 'set'}/", 1)
            assert Path(picture).read_bytes()[:4] == b"\x89PNG"
            before, after = picture.rsplit("/images/", 1)
            label = f"{before}/labels/{after}".rsplit(".", 1)[0] + ".txt"
            found[part, after] = Path(label).read_text().splitlines()
    assert found == {
        ("train", "train/a/same.png"): ["0 0.375 0.5 0.25 0.5", "1 0.5 0.5 1 1"],
        ("val", "val/b/same.png"): [],
    }
    read = list(formats.get("yolo").read(tmp_path / "set"))
    assert [one.media for one in read] == [
        str(tmp_path / "set/images/train/a/same.png"), str(tmp_path / "set/images/val/b/same.png"),
    ]  # fmt: skip
    assert Dataset.from_records(read)[0].image.shape == (48, 64, 3)


def test_yolo_datasets_of_other_tools_are_read(tmp_path: Path) -> None:
    """Folders and lists of them, `../train/images` of Roboflow, predictions, keypoints."""
    for part in ("train", "valid"):
        (tmp_path / part / "images").mkdir(parents=True)
        (tmp_path / part / "labels").mkdir()
        write_picture(tmp_path / part / "images" / "x.jpg.png")
    (tmp_path / "train/labels/x.jpg.txt").write_text("1 0.5 0.5 0.25 0.5 0.875\n")
    (tmp_path / "valid/labels/x.jpg.txt").write_text("0 .1 .1 .9 .1 .9 .9 .1 .9\n")
    text = "train: ../train/images\nval:\n- valid/images\nnc: 2\nnames: ['no', 'yes: \"a\"']\n"
    (tmp_path / "data.yaml").write_text(text)

    first, second = formats.get("yolo").read(tmp_path)

    assert first.annotations == (
        Annotation('yes: "a"', box=Box(0.375, 0.25, 0.625, 0.75), confidence=0.875),
    )
    assert second.annotations[0].polygon == ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
    assert second.annotations[0].label == "no"
    assert [one.metadata["split"] for one in (first, second)] == ["train", "val"]

    (tmp_path / "train/labels/x.jpg.txt").write_text("1 0.5 0.5 0.25 0.5 .1 .2 2 .3 .4 1\n")
    (tmp_path / "data.yaml").write_text(f"{text}kpt_shape: [2, 3]\n")
    report = Report()
    first, second = formats.get("yolo").read(tmp_path, on_error="skip", report=report)
    assert first.annotations[0].attributes == {"keypoints": [0.1, 0.2, 2, 0.3, 0.4, 1]}
    assert second.annotations == ()
    assert [one.place for one in report.skipped] == ["line 1"]


def test_yolo_of_label_studio_has_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "classes.txt").write_text("car\nperson\n")
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 1 1\n")

    (record,) = formats.get("yolo").read(tmp_path)

    assert (record.media, record.labels()) == ("a", ("person",))


VOC = """<annotation><folder>VOC2007</folder><filename>000005.jpg</filename>
<source><database>The VOC2007 Database</database><annotation>PASCAL VOC2007</annotation></source>
<size><width>500</width><height>375</height><depth>3</depth></size><segmented>0</segmented>
<object><name>chair</name><pose>Rear</pose><truncated>0</truncated><difficult>1</difficult>
<bndbox><xmin>263</xmin><ymin>211</ymin><xmax>324</xmax><ymax>339</ymax></bndbox>
<part><name>leg</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
</object>
<object><name>bad</name><bndbox><xmin>nan</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>
</annotation>"""


def test_voc_as_the_challenge_has_it(tmp_path: Path) -> None:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "Annotations/000005.xml").write_text(VOC)
    (tmp_path / "ImageSets/Main/val.txt").write_text("000005\n")
    (tmp_path / "ImageSets/Main/chair_val.txt").write_text("000005  1\n")
    report = Report()

    (record,) = formats.get("voc").read(tmp_path, on_error="skip", report=report)
    (exact,) = formats.get("voc").read(tmp_path, on_error="skip", one_based=True)

    (chair,) = record.annotations
    assert (chair.label, chair.attributes) == ("chair", {"pose": "Rear", "difficult": 1})
    assert chair.box == Box(263 / 500, 211 / 375, 324 / 500, 339 / 375)
    assert exact.annotations[0].box == Box(262 / 500, 210 / 375, 324 / 500, 339 / 375)
    assert record.metadata == {
        "folder": "VOC2007", "database": "The VOC2007 Database", "split": "val",
    }  # fmt: skip
    # the part of the first one is reported, too
    assert [one.place for one in report.skipped] == ["object 1", "object 2"]


def test_voc_that_is_written_has_what_readers_ask_for(tmp_path: Path) -> None:
    """As torchvision's and others' readers go through it."""
    formats.get("voc").write(pictures(tmp_path / "media"), tmp_path / "set")  # type: ignore[attr-defined] # the format is chosen by name
    root = parsed(tmp_path / "set/Annotations/a/same.xml")

    assert root.findtext("filename") == "a/same.png"
    assert [root.findtext(f"size/{key}") for key in ("width", "height", "depth")] == [
        "64",
        "48",
        "3",
    ]
    boxes = [
        [float(one.findtext(f"bndbox/{edge}") or "") for edge in ("xmin", "ymin", "xmax", "ymax")]
        for one in root.iter("object")
    ]
    assert boxes == [[16, 12, 32, 36], [0, 0, 64, 48]]
    for key in ("name", "pose", "truncated", "difficult"):
        assert root.find(f"object/{key}") is not None
    assert (tmp_path / "set/ImageSets/Main/train.txt").read_text() == "a/same\n"


CVAT_VIDEO = """<annotations><version>1.1</version><meta><task><name>t</name><size>9</size>
<original_size><width>100</width><height>50</height></original_size></task>
<source>film.mp4</source></meta>
<track id="3" label="car" source="manual">
<box frame="2" outside="0" occluded="1" keyframe="1" xtl="10" ytl="5" xbr="20" ybr="10" z_order="0">
<attribute name="colour">red</attribute><attribute name="parked">false</attribute></box>
<box frame="3" outside="0" occluded="0" keyframe="0" xtl="11" ytl="5" xbr="21" ybr="10"/>
<box frame="4" outside="1" occluded="0" keyframe="1" xtl="11" ytl="5" xbr="21" ybr="10"/>
</track></annotations>"""


def test_cvat_for_video_gives_frames_of_tracks(tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(CVAT_VIDEO)

    (record,) = formats.get("cvat").read(path)

    assert (record.media, record.kind, record.width) == ("film.mp4", "video", 100)
    first, second = record.annotations
    assert (first.track, first.frame_index, first.box) == ("3", 2, Box(0.1, 0.1, 0.2, 0.2))
    assert first.attributes == {"occluded": 1, "colour": "red", "parked": False}
    assert (second.frame_index, second.attributes) == (3, {"keyframe": 0})

    formats.get("cvat").write([record], tmp_path / "again.xml")  # type: ignore[attr-defined] # the format is chosen by name
    track = parsed(tmp_path / "again.xml").findall("track/box")
    assert [(one.get("frame"), one.get("outside")) for one in track] == [
        ("2", "0"), ("3", "0"), ("4", "1"),
    ]  # fmt: skip
    assert formats.recognise(path) == formats.recognise(tmp_path / "again.xml") == "cvat"


def test_cvat_masks_are_runs_of_rows_in_a_rectangle(tmp_path: Path) -> None:
    """The picture is 4 x 3; of the rectangle at (1, 1), 2 x 2, all but the first pixel."""
    inside = np.zeros((3, 4), bool)
    inside[1:3, 1:3] = [[False, True], [True, True]]
    record = Record("a.png", kind="image", width=4, height=3,
                    annotations=(Annotation("x", mask=Mask.from_array(inside)),))  # fmt: skip
    formats.get("cvat").write([record], tmp_path / "a.xml")  # type: ignore[attr-defined] # the format is chosen by name
    element = parsed(tmp_path / "a.xml").find("image/mask")
    assert element is not None
    shape = {key: element.get(key) for key in ("rle", "left", "top", "width", "height")}
    assert shape == {"rle": "1, 3", "left": "1", "top": "1", "width": "2", "height": "2"}
    (read,) = formats.get("cvat").read(tmp_path / "a.xml")
    assert read.annotations[0].mask is not None
    assert np.array_equal(read.annotations[0].mask.to_array(), inside)


def test_fiftyone_is_written_as_its_importer_documents(tmp_path: Path) -> None:
    records = pictures(tmp_path / "media")
    report = formats.get("fiftyone").write(  # type: ignore[attr-defined] # it can be written
        records, tmp_path / "set", media_root=tmp_path / "media"
    )
    labels = json.loads((tmp_path / "set/labels.json").read_text())
    data = json.loads((tmp_path / "set/data.json").read_text())

    assert labels["classes"] == ["car", "person"]
    assert labels["labels"]["b/same"] is None
    assert labels["labels"]["a/same"] == [
        {"label": "car", "bounding_box": [0.25, 0.25, 0.25, 0.5]},
        {"label": "person", "bounding_box": [0, 0, 1, 1]},
    ]
    assert all(Path(path).is_file() for path in data.values())
    copies = {
        one.relative_to(tmp_path / "set/data") for one in (tmp_path / "set/data").rglob("*.*")
    }
    assert {one.with_suffix("").as_posix() for one in copies} == set(data) == set(labels["labels"])
    assert "polygon of annotations is not kept" in report.warnings[1]


def test_fiftyone_classes_may_be_numbers(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_picture(tmp_path / "data" / "a.png")
    text = {"classes": ["cat", "dog"], "labels": {"a": 1, "b": ["x", {"label": 0}], "c": None}}
    (tmp_path / "labels.json").write_text(json.dumps(text))

    found = list(formats.get("fiftyone").read(tmp_path))

    assert [one.labels() for one in found] == [("dog",), ("x", "cat"), ()]
    assert found[0].media == str(tmp_path / "data" / "a.png")


def test_hugging_face_has_pictures_and_objects_of_coco(tmp_path: Path) -> None:
    target = tmp_path / "train.parquet"
    records = pictures(tmp_path / "media")
    formats.get("huggingface").write(  # type: ignore[attr-defined] # it can be written
        records, target, media_root=tmp_path / "media"
    )
    first, second = pq.read_table(target).to_pylist()

    assert first["image"]["bytes"] == (tmp_path / "media/a/same.png").read_bytes()
    assert first["objects"]["bbox"] == [[16, 12, 16, 24], [0, 0, 64, 48]]
    assert first["objects"]["category"] == [0, 1]
    assert second["objects"]["bbox"] == []
    assert list(formats.get("huggingface").read(target)) == records
    assert formats.recognise(target) == "huggingface"


def test_hugging_faces_own_library_loads_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the library is not installed")
    target = tmp_path / "train.parquet"
    formats.get("huggingface").write(  # type: ignore[attr-defined] # it can be written
        pictures(tmp_path / "media"), target, media_root=tmp_path / "media"
    )

    loaded: Any = datasets.load_dataset(
        "parquet", data_files=str(target), split="train", cache_dir=str(tmp_path / "cache")
    )

    assert loaded[0]["image"].size == (64, 48)
    assert loaded[0]["objects"]["bbox"][0] == [16, 12, 16, 24]
    kind = loaded.features["objects"]["category"].feature
    assert kind.int2str(loaded[0]["objects"]["category"]) == ["car", "person"]


def test_objects_of_sets_on_the_hub_are_read_without_our_column(tmp_path: Path) -> None:
    import pyarrow as pa

    objects = {"bbox": [[1.0, 2.0, 3.0, 4.0]], "category": [0], "area": [12.0]}
    image = {"bytes": b"", "path": "7.jpg"}
    rows = [{"image": image, "image_id": 7, "width": 10, "height": 10, "objects": objects}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "hub.parquet")

    (record,) = formats.get("huggingface").read(tmp_path / "hub.parquet")

    assert record.media == "7.jpg"
    assert record.annotations == (
        Annotation("0", box=Box(0.1, 0.2, 0.4, 0.6), attributes={"area": 12.0}),
    )


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("yolo", "data.yaml", "path: .\ntrain: images\nnames: [a]\n"),
        ("voc", "a.xml", "<?xml version='1.0'?>\n<annotation></annotation>"),
        ("fiftyone", "labels.json", '{"classes": [], "labels": {"a": null}}'),
    ],
)
def test_they_are_recognised_by_their_content(
    tmp_path: Path, name: str, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)

    assert formats.recognise(tmp_path / file) == name


def test_entities_in_xml_are_refused(tmp_path: Path) -> None:
    """A document type could read files or fill the memory."""
    path = tmp_path / "a.xml"
    path.write_text(
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation>&b;</annotation>'
    )

    with pytest.raises(FormatError, match="document type"):
        list(formats.get("voc").read(path))
