"""Geometries without a field in annotations, stored in `attributes["geometry"]`.

`attributes["geometry"]` is an object with `type`, `unit` ("pixel" or "ratio") and numbers in that
unit, as the source gives them; a record that is turned from pixels to 0..1 keeps it as it is.

| type | keys |
|---|---|
| `box` | `left`, `top`, `width`, `height`: the numbers of a source that counts so, unrounded |
| `rotated_box` | those, `rotation` in radians, clockwise, and `points`, the 4 corners |
| `line` | `points`: [[x, y], ...] |
| `point` | `points` with one of them |
| `ellipse` | `points`: the 4 ends of its axes; or `center`, `radii` and `rotation` |
| `cuboid` | `points`, and `edges` where the source has them |
| any other | a type that is not known here keeps its name and its numbers |

Scale and CVAT turn a box around its centre, Label Studio around its upper left corner; `points`
says where it lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeGuard

    from common_ml.data.record import Annotation

KEY = "geometry"
CENTRE = (0.5, 0.5)
"""The point around which boxes are turned, in parts of the box."""
_SIDES = ("left", "top", "width", "height")
_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "box": (_SIDES,),
    "rotated_box": ((*_SIDES, "rotation"), ("points",)),
    "line": (("points",),),
    "point": (("points",),),
    "ellipse": (("points",), ("center", "radii")),
}
"""Type -> sets of keys of which it has one whole."""


def geometry_of(annotation: Annotation) -> Mapping[str, Any] | None:
    """Return the geometry in the attributes, if there is one; None for one that is incomplete.

    A known type has its keys, and their values are numbers and points.
    """
    found = annotation.attributes.get(KEY)
    if not isinstance(found, Mapping):
        return None
    kind = found.get("type")
    choices = _KEYS.get(kind, ((),)) if isinstance(kind, str) else ((),)
    is_whole = any(found.keys() >= {*keys} for keys in choices)
    is_whole &= kind != "point" or len(found.get("points") or ()) == 1
    is_whole &= all(is_number(found[key]) for key in (*_SIDES, "rotation") if key in found)
    is_whole &= all(is_point(found[key]) for key in ("center", "radii") if key in found)
    is_whole &= "points" not in found or is_points(found["points"])
    return found if is_whole else None


def rotated_box(
    sides: tuple[float, float, float, float],
    radians: float,
    points: list[list[float]] | None,
    *,
    unit: str = "pixel",
) -> dict[str, Any]:
    """Return the geometry of a turned box.

    Args:
        sides: Left, top, width and height before it was turned.
        radians: How far it is turned, clockwise.
        points: Its corners; None where the source does not say enough for them.
        unit: That of sides and points.
    """
    numbers = dict(zip(_SIDES, sides, strict=True))
    placed = {} if points is None else {"points": points}
    return {"type": "rotated_box", "unit": unit, **numbers, "rotation": radians, **placed}


def turned_corners(
    box: tuple[float, float, float, float],
    degrees: float,
    *,
    pivot: tuple[float, float],
    aspect: float = 1.0,
) -> list[list[float]]:
    """Return the corners of a box turned clockwise, from the upper left one; quarters are exact.

    Args:
        box: Left, top, width and height, in pixels or 0..1.
        degrees: How far it is turned.
        pivot: The point that stays, in parts of the box: (0, 0) its upper left corner.
        aspect: Width of the picture by its height for 0..1; 1 for pixels.
    """
    left, top, width, height = box
    quarter = _QUARTERS.get(degrees % 360)
    angle = math.radians(degrees)
    cos, sin = quarter or (math.cos(angle), math.sin(angle))
    x, y = left + pivot[0] * width, top + pivot[1] * height
    corners = []
    for across, down in ((0, 0), (1, 0), (1, 1), (0, 1)):
        dx, dy = (across - pivot[0]) * width, (down - pivot[1]) * height
        corners.append([x + dx * cos - dy * sin / aspect, y + dx * sin * aspect + dy * cos])
    return corners


_QUARTERS: dict[float, tuple[int, int]] = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}
"""Degrees -> cosine and sine."""


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    is_real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def is_point(value: Any) -> bool:
    """Whether it is a pair of finite numbers."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value))


def is_points(value: Any) -> bool:
    """Whether it is a list of at least one point."""
    return isinstance(value, (list, tuple)) and bool(value) and all(map(is_point, value))


def shape_type(annotation: Annotation) -> str:
    """Return `box`, `polygon`, `mask`, the type in the attributes, or "" for none."""
    geometry = geometry_of(annotation)
    if geometry is not None:
        return str(geometry.get("type", "unknown"))
    for name in ("mask", "polygon", "box"):
        if getattr(annotation, name) is not None:
            return name
    return ""
