"""Geometries that an annotation has no field for: kept in `attributes["geometry"]`.

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
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common_ml.data.record import Annotation

KEY = "geometry"


def geometry_of(annotation: Annotation) -> Mapping[str, Any] | None:
    """The geometry in the attributes, if there is one."""
    found = annotation.attributes.get(KEY)
    return found if isinstance(found, Mapping) else None


def shape_type(annotation: Annotation) -> str:
    """`box`, `polygon`, `mask`, the type of the geometry in the attributes, or "" for none."""
    geometry = geometry_of(annotation)
    if geometry is not None:
        return str(geometry.get("type", "unknown"))
    for name in ("mask", "polygon", "box"):
        if getattr(annotation, name) is not None:
            return name
    return ""
