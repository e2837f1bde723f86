"""Where in a picture something is: `Box`, polygon, `Mask`, and pixels turned into 0..1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from common_ml.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in order, at least 3; the last one is joined to the first."""
Encoding = Literal["gray8", "rgb24"]
"""How a label image holds its numbers: in one channel, or as R + 256 G + 65536 B."""


@dataclass(frozen=True)
class Box:
    """An upright rectangle, from the top left corner of the picture.

    In a record whose `unit` is "ratio" (all but a few) the edges are 0..1 of width and height.

    Raises:
        RecordError: an edge is no finite number, or they are out of order.
    """

    x1: float
    """Left edge."""
    y1: float
    """Upper edge."""
    x2: float
    """Right edge, >= x1."""
    y2: float
    """Lower edge, >= y1."""

    def __post_init__(self) -> None:
        for name in ("x1", "y1", "x2", "y2"):
            object.__setattr__(self, name, number(getattr(self, name), f"box.{name}"))
        if self.x1 > self.x2 or self.y1 > self.y2:
            raise RecordError(f"box must have x1 <= x2 and y1 <= y2, got {self}", field="box")

    @classmethod
    def around(cls, points: Iterable[tuple[float, float]]) -> Box:
        """The smallest box that holds all points (x, y), at least one."""
        xs, ys = zip(*points, strict=True)
        return cls(min(xs), min(ys), max(xs), max(ys))

    def clipped(self, width: float = 1, height: float = 1) -> Box:
        """What of it lies in the picture, 0..width and 0..height."""
        xs = (min(max(x, 0.0), float(width)) for x in (self.x1, self.x2))
        ys = (min(max(y, 0.0), float(height)) for y in (self.y1, self.y2))
        (x1, x2), (y1, y2) = xs, ys
        return Box(x1, y1, x2, y2)

    def scaled(self, x: float, y: float) -> Box:
        """The box with its edges multiplied: `scaled(width, height)` gives pixels of 0..1."""
        return Box(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)


@dataclass(frozen=True)
class Mask:
    """The pixels that belong to something: as run lengths, or as a number in a label image.

    Raises:
        RecordError: neither or both of `counts` and `image` are given, or the runs do not fill
            the picture.
    """

    width: int | None = None
    """Pixels; needed with `counts`."""
    height: int | None = None
    """Pixels; needed with `counts`."""
    counts: tuple[int, ...] | None = None
    """Lengths of runs, column by column from the top left, the first one outside of the mask
    (it may be 0): COCO's uncompressed form."""
    image: str = ""
    """Path or URL of a label image instead of `counts`."""
    index: int = 1
    """The number in the label image that is meant; others are something else."""
    encoding: Encoding = "gray8"
    """How the label image holds its numbers."""

    def __post_init__(self) -> None:
        if (self.counts is None) == (not self.image):
            raise RecordError("mask must have either counts or image", field="mask")
        if self.encoding not in get_args(Encoding):
            known = ", ".join(get_args(Encoding))
            raise RecordError(
                f"mask.encoding must be one of {known}, got {self.encoding!r}",
                field="mask.encoding",
            )
        if self.counts is None:
            return
        counts = tuple(whole(count, "mask.counts") for count in self.counts)
        object.__setattr__(self, "counts", counts)
        size = whole(self.width, "mask.width") * whole(self.height, "mask.height")
        if sum(counts) != size:
            raise RecordError(
                f"mask.counts must add up to width * height = {size}, got {sum(counts)}",
                field="mask.counts",
            )

    @classmethod
    def from_array(cls, inside: npt.NDArray[Any]) -> Mask:
        """Takes a picture of truth values, shape (H, W)."""
        height, width = inside.shape
        flat = np.asarray(inside, bool).ravel(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
        starts_inside = bool(flat.size and flat[0])
        return cls(width, height, (0, *runs) if starts_inside else tuple(runs))

    def to_array(self) -> npt.NDArray[np.bool_]:
        """The mask as truth values, shape (H, W).

        Raises:
            RecordError: it is a number in a label image, which has to be read first:
                `mask.pick(read_image(mask.image))`.
        """
        if self.counts is None or self.width is None or self.height is None:
            raise RecordError(
                f"mask stands in the label image {self.image!r}: read it and call pick",
                field="mask.image",
            )
        inside = np.arange(len(self.counts)) % 2 == 1
        flat = np.repeat(inside, self.counts)
        return np.ascontiguousarray(flat.reshape((self.height, self.width), order="F"))

    def pick(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """The mask as truth values, shape (H, W), from its label image.

        Args:
            rgb: The label image, shape (H, W, 3); a grey one has three channels alike.
        """
        weights = (1, 256, 65536) if self.encoding == "rgb24" else (1, 0, 0)
        numbers = rgb.astype(np.int64) @ np.array(weights)
        picked: npt.NDArray[np.bool_] = numbers == self.index
        return picked

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mask:
        """Takes what `dataclasses.asdict` gives; keys with defaults may be missing."""
        counts = data.get("counts")
        known = {**data, "counts": None if counts is None else tuple(counts)}
        return cls(**known)


def polygon(points: Sequence[Sequence[float]]) -> Polygon:
    """Checks corners and makes them tuples.

    Raises:
        RecordError: fewer than 3, or one that is not two finite numbers.
    """
    if len(points) < 3:
        raise RecordError(f"polygon must have >= 3 corners, got {len(points)}", field="polygon")
    corners = []
    for place, point in enumerate(points):
        if len(point) != 2:
            raise RecordError(
                f"polygon[{place}] must be (x, y), got {point!r}", field=f"polygon[{place}]"
            )
        x, y = (number(value, f"polygon[{place}]") for value in point)
        corners.append((x, y))
    return tuple(corners)


def number(value: Any, field: str) -> float:
    """A finite number as a float; raises RecordError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise RecordError(f"{field} must be a number, got {value!r}", field=field)
    if not math.isfinite(value):
        raise RecordError(f"{field} must be finite, got {value!r}", field=field)
    return float(value)


def whole(value: Any, field: str) -> int:
    """A whole number >= 0 as an int; raises RecordError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise RecordError(f"{field} must be a whole number >= 0, got {value!r}", field=field)
    return int(value)
