"""Read the polygons and turned boxes of a Pascal VOC object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.shapes import CENTRE, rotated_box, turned_corners
from common_ml.data.formats.shared.xml_file import texts

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from common_ml.data.record import Polygon


def polygon_of(element: Element | None, item: Item) -> Polygon | None:
    """Read a polygon: x1, y1, x2, ... as Roboflow writes it, or LabelMe's points, at least 3."""
    if element is None:
        return None
    points = element.findall("pt")
    if len(points) in (1, 2):
        return ()
    if points:
        corners = [Item(texts(one), item.path, item.place, "polygon.pt") for one in points]
        return tuple((one.number("x"), one.number("y")) for one in corners)
    values = Item(texts(element), item.path, item.place, "polygon")
    count = sum(1 for key in values.data if key.startswith("x"))
    return tuple((values.number(f"x{n}"), values.number(f"y{n}")) for n in range(1, count + 1))


def turned_box(item: Item) -> dict[str, Any]:
    """Read the turned box of roLabelImg: centre, size, and clockwise radians."""
    x, y, width, height = (item.number(key) for key in ("cx", "cy", "w", "h"))
    angle = item.number("angle")
    sides = (x - width / 2, y - height / 2, width, height)
    points = turned_corners(sides, math.degrees(angle), pivot=CENTRE)
    return rotated_box(sides, angle, points)
