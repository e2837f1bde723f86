"""Turned boxes lie where their tool shows them: each tool turns them around another point."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.record import Box

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Annotation

WIDTH, HEIGHT = 1000, 500


def labelstudio(folder: Path, *, sized: bool = True, **result: Any) -> Annotation:
    """The first box of label-studio#2293: 200, 100, 300 x 100 pixels, turned."""
    value = {"x": 20, "y": 20, "width": 30, "height": 20, "rectanglelabels": ["a"]}
    value |= result.pop("value", {})
    size = {"original_width": WIDTH, "original_height": HEIGHT} if sized else {}
    region = {"id": "r", "type": "rectanglelabels", "value": value, **size, **result}
    task = {"data": {"image": "a.png"}, "annotations": [{"result": [region]}]}
    (folder / "a.json").write_text(json.dumps([task]))
    (record,) = formats.get("labelstudio").read(folder / "a.json")
    return record.annotations[0]


def cvat(folder: Path, rotation: float) -> Annotation:
    shape = f'<box label="a" xtl="200" ytl="100" xbr="500" ybr="200" rotation="{rotation}"/>'
    picture = f'<image id="0" name="a.png" width="{WIDTH}" height="{HEIGHT}">{shape}</image>'
    (folder / "a.xml").write_text(f"<annotations>{picture}</annotations>")
    (record,) = formats.get("cvat").read(folder / "a.xml")
    return record.annotations[0]


@pytest.mark.parametrize("image_rotation", [0, 90, 180, 270])
def test_the_view_of_label_studio_does_not_turn_the_box(
    tmp_path: Path, image_rotation: int
) -> None:
    """Its editor turns places back before it writes them: they are of the stored picture."""
    assert labelstudio(tmp_path, image_rotation=image_rotation).box == Box(0.2, 0.2, 0.5, 0.4)


@pytest.mark.parametrize(
    ("rotation", "box"),
    [(90, (0.1, 0.2, 0.2, 0.8)), (-90, (0.2, -0.4, 0.3, 0.2)), (180, (-0.1, 0.0, 0.2, 0.2)),
     (360, (0.2, 0.2, 0.5, 0.4))],
)  # fmt: skip
def test_a_quarter_turn_of_label_studio_is_an_upright_box(
    tmp_path: Path, rotation: float, box: tuple[float, float, float, float]
) -> None:
    found = labelstudio(tmp_path, value={"rotation": rotation})
    assert found.box is not None
    edges = (found.box.x1, found.box.y1, found.box.x2, found.box.y2)
    assert edges == pytest.approx(tuple(min(max(one, 0), 1) for one in box), abs=1e-12)
    assert found.attributes == {}


def test_a_quarter_turn_of_a_picture_of_unknown_size_stays_a_geometry(tmp_path: Path) -> None:
    found = labelstudio(tmp_path, sized=False, value={"rotation": 90})
    assert found.box is None
    assert found.attributes["geometry"]["rotation"] == pytest.approx(np.pi / 2)
    assert "points" not in found.attributes["geometry"]


def test_corners_of_label_studio_are_turned_around_the_upper_left_one(tmp_path: Path) -> None:
    found = labelstudio(tmp_path, value={"rotation": 30})
    points = np.array(found.attributes["geometry"]["points"]) * (WIDTH, HEIGHT)
    matrix = cv2.getRotationMatrix2D((200, 100), -30, 1)
    expected = np.array([[200, 100, 1], [500, 100, 1], [500, 200, 1], [200, 200, 1]]) @ matrix.T
    np.testing.assert_allclose(points, expected, atol=1e-9)


def test_corners_of_cvat_are_turned_around_the_centre(tmp_path: Path) -> None:
    found = cvat(tmp_path, 30)
    matrix = cv2.getRotationMatrix2D((350, 150), -30, 1)
    expected = np.array([[200, 100, 1], [500, 100, 1], [500, 200, 1], [200, 200, 1]]) @ matrix.T
    np.testing.assert_allclose(found.attributes["geometry"]["points"], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("rotation", "box"),
    [(90.0, Box(0.3, 0, 0.4, 0.6)), (180.0, Box(0.2, 0.2, 0.5, 0.4)),
     (360.0, Box(0.2, 0.2, 0.5, 0.4))],
)  # fmt: skip
def test_a_quarter_turn_of_cvat_is_an_upright_box(
    tmp_path: Path, rotation: float, box: Box
) -> None:
    found = cvat(tmp_path, rotation)
    assert (found.box, found.attributes) == (box, {})
