"""Folders and lines of YOLO as LabelImg, Darknet, CVAT, trackers and other systems leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.geometry import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Annotation, Record

BOX = "0 .5 .5 .2 .4\n"
PLACE = Box(0.4, 0.3, 0.6, 0.7)


def folder_of(folder: Path, files: dict[str, str]) -> Path:
    """A folder of files; those of pictures hold one."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            write_image(path, np.zeros((50, 100, 3), np.uint8))
        else:
            path.write_text(text)
    return folder


def read(source: Path, report: Report | None = None, **options: Any) -> list[Record]:
    assert formats.recognise(source) == "yolo"
    return list(formats.get("yolo").read(source, report=report, **options))


def annotation(folder: Path, line: str, more: str = "") -> Annotation:
    """The first annotation of a set with one picture and these lines."""
    folder_of(
        folder,
        {
            "images/a.png": "",
            "labels/a.txt": line,
            "data.yaml": f"names: [cat, stop sign]\ntrain: images\n{more}",
        },
    )
    return read(folder)[0].annotations[0]


@pytest.mark.parametrize("line", ["0,.5,.5,.2,.4", "0, .5, .5, .2, .4", "cat .5 .5 .2 .4"])
def test_commas_and_names_of_classes_are_read(tmp_path: Path, line: str) -> None:
    found = annotation(tmp_path, line)
    assert found.label == "cat"
    assert found.box is not None
    assert found.box.x1 == pytest.approx(PLACE.x1)


def test_the_name_of_a_class_may_have_blanks(tmp_path: Path) -> None:
    assert annotation(tmp_path, "stop sign .5 .5 .2 .4").label == "stop sign"


def test_a_class_of_another_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="class: must be numbers, got 'dog'"):
        annotation(tmp_path, "dog .5 .5 .2 .4")


@pytest.mark.parametrize(
    ("line", "corners", "confidence", "track"),
    [
        ("0 .5 .5 .2 .4 .9 17", 0, 0.9, "17"),
        ("0 .5 .5 .2 .4 17", 0, None, "17"),
        # a number 1 is known by the other lines of the file
        ("0 .5 .5 .2 .4 .9 1\n0 .5 .5 .2 .4 .9 2", 0, 0.9, "1"),
        ("0 .1 .1 .2 .1 .2 .2 .9", 3, 0.9, ""),
        ("0 .1 .1 .2 .1 .2 .2 .9 17", 3, 0.9, "17"),
        ("0 .1 .1 .2 .1 .2 .2 .1 .2", 4, None, ""),
        ("0 .1 .1 .2 .1 1 1", 3, None, ""),
    ],
)
def test_what_predictions_have_behind_the_place(
    tmp_path: Path, line: str, corners: int, confidence: float | None, track: str
) -> None:
    """As `yolo track save_txt=True save_conf=True` writes boxes and polygons."""
    found = annotation(tmp_path, line)
    assert (len(found.polygon or ()), found.confidence, found.track) == (corners, confidence, track)


def test_keypoints_have_confidence_and_track_behind_them(tmp_path: Path) -> None:
    found = annotation(tmp_path, "0 .5 .5 .2 .4 .4 .4 2 .9 17", "kpt_shape: [1, 3]\n")
    assert found.attributes == {"keypoints": [0.4, 0.4, 2.0]}
    assert (found.confidence, found.track) == (0.9, "17")


def test_pixels_are_still_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="divide pixels"):
        annotation(tmp_path, "0 50 25 60 25 60 30")


def test_labels_of_other_case_count_and_those_without_picture_are_reported(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        {
            "images/a.png": "",
            "labels/a.TXT": BOX,
            "labels/gone.txt": BOX,
            "labels/README.txt": "",
            "data.yaml": "names: [cat]\ntrain: images\n",
        },
    )
    report = Report()
    (record,) = read(tmp_path, report)
    assert [one.label for one in record.annotations] == ["cat"]
    assert [one.what for one in report.skipped] == [str(tmp_path / "labels" / "gone.txt")]


def test_labels_of_pictures_that_are_not_listed_are_not_reported(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        {
            "images/a.png": "",
            "images/b.png": "",
            "labels/a.txt": BOX,
            "labels/b.txt": BOX,
            "train.txt": "./images/a.png\n",
            "data.yaml": "names: [cat]\ntrain: train.txt\n",
        },
    )
    report = Report()
    assert len(read(tmp_path, report)) == 1
    assert report.skipped == []


def test_what_macos_leaves_is_no_picture(tmp_path: Path) -> None:
    folder_of(
        tmp_path, {"images/a.png": "", "labels/a.txt": BOX, "data.yaml": "names: [cat]\ntrain: .\n"}
    )
    (tmp_path / "images" / "._a.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "._data.yaml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "b.png").write_bytes(b"")
    assert [one.media for one in read(tmp_path)] == [str(tmp_path / "images" / "a.png")]


@pytest.mark.parametrize(("pictures", "labels"), [("", ""), ("images/", "labels/")])
def test_labelimg_keeps_its_classes_beside_the_labels(
    tmp_path: Path, labels: str, pictures: str
) -> None:
    files = {
        f"{pictures}a.png": "",
        f"{labels}a.txt": BOX,
        f"{labels}classes.txt": "cat\n",
    }
    folder_of(tmp_path, files)
    (record,) = read(tmp_path)
    assert [one.label for one in record.annotations] == ["cat"]


@pytest.mark.parametrize("has_pictures", [True, False])
@pytest.mark.parametrize("name", ["", "obj.data"])
def test_cvat_yolo_1_1_is_read(tmp_path: Path, name: str, *, has_pictures: bool) -> None:
    """Its paths begin with data/, the folder in which Darknet has the export."""
    folder_of(
        tmp_path,
        {
            "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
            "obj.names": "cat\nstop sign\n",
            "train.txt": "data/obj_train_data/a.png\n",
            "obj_train_data/a.txt": "1 .5 .5 .2 .4\n",
            **({"obj_train_data/a.png": ""} if has_pictures else {}),
        },
    )
    (record,) = read(tmp_path / name)
    assert [one.label for one in record.annotations] == ["stop sign"]
    assert record.media.endswith("obj_train_data/a.png")
    assert record.metadata == {"split": "train"}


@pytest.mark.parametrize("key", ["valid", "validation"])
def test_other_names_of_the_second_part(tmp_path: Path, key: str) -> None:
    folder_of(
        tmp_path,
        {"images/a.png": "", "labels/a.txt": BOX, "data.yaml": f"names: [cat]\n{key}: images\n"},
    )
    (record,) = read(tmp_path)
    assert record.metadata == {"split": "val"}


def test_a_description_without_parts_is_about_its_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, {"data.yaml": "names: [cat]\nnc: 1\n", "labels/x.md": ""})
    with pytest.raises(FormatError, match="train: is missing"):
        read(tmp_path)
    folder_of(tmp_path, {"images/a.png": "", "labels/a.txt": BOX})
    (record,) = read(tmp_path)
    assert len(record.annotations) == 1


def test_lists_of_pictures_that_are_not_here_keep_their_labels(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        {
            "labels/a.txt": BOX,
            "train.txt": "images/a.png\n",
            "data.yaml": "names: [cat]\ntrain: train.txt\n",
        },
    )
    (record,) = read(tmp_path)
    assert (record.media, len(record.annotations)) == ("a.png", 1)
