"""XML of Pascal VOC and CVAT as other tools, and hands, write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.record import Box
from common_ml.data.report import Report
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Record

BOX = "<bndbox><xmin>10</xmin><ymin>5</ymin><xmax>50</xmax><ymax>25</ymax></bndbox>"


def voc(folder: Path, objects: str, *, name: str = "a.png", report: Report | None = None) -> Record:
    for part in ("Annotations", "JPEGImages"):
        (folder / part).mkdir(exist_ok=True)
    write_image(folder / "JPEGImages" / "a.png", np.zeros((50, 100, 3), np.uint8))
    (folder / "Annotations" / "a.xml").write_text(
        f"<annotation><filename>{name}</filename><size><width>100</width><height>50</height></size>"
        f"{objects}</annotation>"
    )
    (record,) = formats.get("voc").read(folder, report=report)
    return record


def cvat(folder: Path, body: str, report: Report | None = None) -> Record:
    meta = "<meta><task><name>v.mp4</name></task></meta>"
    (folder / "a.xml").write_text(f"<annotations>{meta}{body}</annotations>")
    (record,) = formats.get("cvat").read(folder / "a.xml", report=report)
    return record


@pytest.mark.parametrize(
    ("name", "count"),
    [("/home/x/a.png", 0), ("C:\\x\\a.png", 0), ("a", 0), ("other.png", 1), ("/x/other.png", 1)],
)
def test_a_picture_of_voc_is_found_by_the_names_that_there_are(
    tmp_path: Path, name: str, count: int
) -> None:
    report = Report()
    record = voc(tmp_path, f"<object><name>cat</name>{BOX}</object>", name=name, report=report)
    assert record.media == str(tmp_path / "JPEGImages" / "a.png")
    assert sum(report.repaired.values()) == count


def test_a_turned_box_of_rolabelimg(tmp_path: Path) -> None:
    """Its angle is in radians, clockwise, around the centre: a quarter swaps the sides."""
    turned = "<cx>50</cx><cy>25</cy><w>20</w><h>10</h><angle>1.5707963267948966</angle>"
    record = voc(tmp_path, f"<object><name>ship</name><robndbox>{turned}</robndbox></object>")
    (found,) = record.annotations
    shape: Any = found.attributes["geometry"]
    assert (found.box, shape["type"], shape["rotation"]) == (None, "rotated_box", np.pi / 2)
    assert {key: shape[key] for key in ("left", "top", "width", "height")} == {
        "left": 40, "top": 20, "width": 20, "height": 10,
    }  # fmt: skip
    corners = [[55, 15], [55, 35], [45, 35], [45, 15]]
    np.testing.assert_allclose(shape["points"], corners, atol=1e-12)


def test_a_polygon_of_labelme(tmp_path: Path) -> None:
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((0, 0), (50, 0), (50, 25)))
    record = voc(tmp_path, f"<object><name>cat</name><polygon>{points}</polygon></object>")
    assert record.annotations[0].polygon == ((0, 0), (0.5, 0), (0.5, 0.5))


ATTRIBUTES = {
    "007": "007", "-7": -7, "0": 0, "1.5": 1.5, "9007199254740993": 9007199254740993, "1_0": "1_0",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), ATTRIBUTES.items())
def test_attributes_are_numbers_only_where_nothing_is_lost(
    tmp_path: Path, text: str, value: Any
) -> None:
    pair = f"<attributes><attribute><name>n</name><value>{text}</value></attribute></attributes>"
    record = voc(tmp_path, f"<object><name>cat</name>{BOX}{pair}</object>")
    assert record.annotations[0].attributes == {"n": value}
    attribute = f'<attribute name="n">{text}</attribute>'
    box = f'<box frame="0" xtl="1" ytl="2" xbr="3" ybr="4">{attribute}</box>'
    video = cvat(tmp_path, f'<track id="0" label="a">{box}</track>')
    assert video.annotations[0].attributes == {"n": value}


def test_tracks_of_cvat_keep_their_group_and_stay_apart(tmp_path: Path) -> None:
    box = '<box frame="0" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    first = f'<track id="0" label="a" group_id="4" source="auto">{box}</track>'
    report = Report()
    record = cvat(tmp_path, first + f'<track id="0" label="b">{box}</track>', report)
    assert [(one.label, one.track, one.attributes, one.box) for one in record.annotations] == [
        ("a", "0", {"group_id": 4, "source": "auto"}, Box(1, 2, 3, 4)),
        ("b", "0#2", {}, Box(1, 2, 3, 4)),
    ]
    assert sum(report.repaired.values()) == 1


def test_shapes_of_cvat_that_are_not_known_are_reported(tmp_path: Path) -> None:
    report = Report()
    cvat(
        tmp_path,
        '<image id="0" name="a.png"><circle label="a"/><skeleton label="b"/></image>',
        report,
    )
    assert [(one.what, one.reason) for one in report.skipped] == [
        ("image 1", "circle[0]: <circle> is not read"),
        ("image 1", "skeleton[1]: skeletons are not read"),
    ]
