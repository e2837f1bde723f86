"""Tables with the names of columns that other tools and competitions use."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.record import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Record


def read(folder: Path, text: str, report: Report | None = None, **options: object) -> list[Record]:
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    assert formats.recognise(path) == "csv"
    return list(formats.get("csv").read(path, report=report, **options))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,100,50,cat,10,5,50,25"),
        ("image,x1,y1,x2,y2,label,width,height", "a.jpg,10,5,50,25,cat,100,50"),
        ("image_path,label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_width,image_height",
         "a.jpg,cat,10,5,40,20,100,50"),
        ("Image Path,Class,Left,Top,Width,Height,Image Width,Image Height",
         "a.jpg,cat,10,5,40,20,100,50"),
        ("file_name,category,x_center,y_center,w,h,width,height", "a.jpg,cat,30,15,40,20,100,50"),
        ("image_id,width,height,bbox,class", 'a.jpg,100,50,"[10.0, 5.0, 40.0, 20.0]",cat'),
        ("image_id,width,height,bbox_xyxy,class", "a.jpg,100,50,(10 5 50 25),cat"),
        ("url,label,x_min,x_max,y_min,y_max", "a.jpg,cat,0.1,0.5,0.1,0.5"),
        ("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax", "a.jpg,x,cat,1,.1,.5,.1,.5"),
        ("media,label,xmin,ymin,xmax,ymax", "a.jpg,cat,.1,.1,.5,.5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_boxes_of_other_tables(tmp_path: Path, header: str, row: str, separator: str) -> None:
    table = [header.split(","), next(csv.reader([row]))]
    with (tmp_path / "made.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(table)
    (record,) = read(tmp_path, (tmp_path / "made.csv").read_text(encoding="utf-8"))
    (found,) = record.annotations
    assert (record.media, found.label, record.unit) == ("a.jpg", "cat", "ratio")
    assert found.box is not None
    edges = (found.box.x1, found.box.y1, found.box.x2, found.box.y2)
    assert edges == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-12)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_and_quoted_line_ends(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    text = 'filename;class;xmin;ymin;xmax;ymax\r\n"a.png";"big\r\ncafé";1;2;3;4\r\n'
    path.write_bytes(text.encode(encoding))
    assert formats.recognise(path) == "csv"
    (record,) = formats.get("csv").read(path)
    assert (record.unit, record.media) == ("pixel", "a.png")
    (found,) = record.annotations
    assert (found.label, found.box) == ("big\r\ncafé", Box(1, 2, 3, 4))


def test_one_small_box_among_pixels_is_in_pixels(tmp_path: Path) -> None:
    text = "filename,xmin,ymin,xmax,ymax\na.png,0,0,1,1\nb.png,0,0,90,9\nc.png,,,,\n"
    found = read(tmp_path, text)
    assert [one.unit for one in found] == ["pixel"] * 3
    assert [[a.box for a in one.annotations] for one in found] == [
        [Box(0, 0, 1, 1)], [Box(0, 0, 90, 9)], [],
    ]  # fmt: skip


def test_ids_of_rows_do_not_split_a_picture(tmp_path: Path) -> None:
    report = Report()
    text = "id,image,label,x1,y1,x2,y2\n1,a.png,cat,1,2,3,4\n2,a.png,dog,5,6,7,8\n"
    (record,) = read(tmp_path, text, report)
    assert [one.label for one in record.annotations] == ["cat", "dog"]
    assert report.warnings == ["columns that are not read: id"]


def test_an_id_beside_the_file_name_is_the_id_of_the_picture(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "image_id,file_name,class\n7,a.png,cat\n")
    assert (record.id, record.media, record.labels()) == ("7", "a.png", ("cat",))


def test_a_picture_named_by_its_id_is_found(tmp_path: Path) -> None:
    """The wheat competition's table has ids without endings, and boxes as in COCO."""
    write_image(tmp_path / "b6ab.jpg", np.zeros((50, 100, 3), np.uint8))
    report = Report()
    text = 'image_id,width,height,bbox,source\nb6ab,100,50,"[10.0, 5.0, 40.0, 20.0]",usask\n'
    (record,) = read(tmp_path, text, report, media_root=tmp_path)
    assert (record.media, record.kind) == (str(tmp_path / "b6ab.jpg"), "image")
    assert [one.box for one in record.annotations] == [Box(0.1, 0.1, 0.5, 0.5)]
    assert [one.partition(";")[0] for one in report.warnings] == [
        "columns that are not read: source", "bbox is read as x, y, width, height",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("video,start,end,label", "1.5", "62"),
        ("video,start,end,label", "00:00:01.5", "00:01:02"),
        ("media,start_seconds,end_seconds,label", "0:01.500", "1:02"),
        ("filename,onset,stop,class", "00:00:01,500", "1:02,0"),
        ("path,start_ms,end_ms,tag", "1500", "62000"),
    ],
)
def test_times(tmp_path: Path, header: str, start: str, end: str) -> None:
    (record,) = read(tmp_path, f'{header}\na.mp4,"{start}","{end}",x\n')
    shown = [(one.label, one.start_seconds, one.end_seconds) for one in record.annotations]
    assert shown == [("x", 1.5, 62.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,xmin,ymin,xmax,ymax\na.png,1,2,x,4\n",
         "line 2, xmax: must be a number, got 'x'"),
        ("filename,xmin,ymin,xmax,ymax\na.png,1,2,,4\n",
         "line 2, xmax: must be given: a box needs xmin, ymin, xmax, ymax"),
        ("image_id,bbox\na,\"[1, 2, 3]\"\n",
         "line 2, bbox: must be four numbers such as [1, 2, 3, 4], got '[1, 2, 3]'"),
        ("video,start,label\na.mp4,00:99:00,x\n",
         "line 2, start: must be seconds or hh:mm:ss, got '00:99:00'"),
        ("video,start,end,label\na.mp4,0:09,0:03,x\n", "line 2"),
    ],
)  # fmt: skip
def test_errors_name_the_column_of_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "hint: " in str(caught.value)
    report = Report()
    (record,) = read(tmp_path, text, report, on_error="skip")
    assert len(report.skipped) == 1
    assert record.annotations == ()  # the picture stays


def test_labels_of_open_images_may_be_verified_to_be_absent(tmp_path: Path) -> None:
    """A confidence of 0 by a person means so; by a machine it is one."""
    rows = "a,verification,/m/1,0\na,verification,/m/2,1\na,machine,/m/3,0\n"
    report = Report()
    (record,) = read(tmp_path, f"ImageID,Source,LabelName,Confidence\n{rows}", report)
    assert [(one.label, one.value, one.confidence) for one in record.annotations] == [
        ("/m/1", 0, None), ("/m/2", 1, 1), ("/m/3", 1, 0),
    ]  # fmt: skip
    assert report.warnings == []


def test_a_table_of_via_is_named(tmp_path: Path) -> None:
    path = tmp_path / "via.csv"
    path.write_text("filename,region_shape_attributes,region_attributes\na.png,{},{}\n")
    with pytest.raises(FormatError, match=r"region_shape_attributes: .*; hint: export COCO"):
        formats.get("csv").read(path)


def test_a_table_without_header_gets_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a.jpg,10,5,50,25,cat\n")
    with pytest.raises(FormatError) as caught:
        formats.get("csv").read(path)
    assert (
        "line 1: column media is missing, got a.jpg, 10, 5, 50, 25, cat; hint: the first line"
        in (str(caught.value))
    )
