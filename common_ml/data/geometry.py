"""Geometry in pictures: `Box`, polygon, `Mask`, in pixels or 0..1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from common_ml.errors import RecordError
from common_ml.media import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in order, at least 3; the last one is joined to the first."""
Encoding = Literal["gray8", "rgb24"]
"""Encoding of numbers in a label image: one channel, or R + 256 G + 65536 B."""
_MAX_WHOLE = 2**63 - 1
"""What a column of a table can hold."""


@dataclass(frozen=True)
class Box:
    """An axis-aligned rectangle; the origin is the top left corner of the picture.

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
        x1, y1, x2, y2 = self.x1, self.y1, self.x2, self.y2
        are_floats = type(x1) is type(y1) is type(x2) is type(y2) is float
        if not (are_floats and math.isfinite(x1 + y1 + x2 + y2)):
            for name in ("x1", "y1", "x2", "y2"):
                object.__setattr__(self, name, number(getattr(self, name), f"box.{name}"))
        if self.x1 > self.x2 or self.y1 > self.y2:
            raise RecordError(f"box must have x1 <= x2 and y1 <= y2, got {self}", field="box")

    @classmethod
    def around(cls, points: Iterable[tuple[float, float]]) -> Box:
        """Return the smallest box that contains all points (x, y), at least one."""
        xs, ys = zip(*points, strict=True)
        return cls(min(xs), min(ys), max(xs), max(ys))

    def clipped(self, width: float = 1, height: float = 1) -> Box:
        """Clip the box to the picture, 0..width and 0..height."""
        xs = (min(max(x, 0.0), float(width)) for x in (self.x1, self.x2))
        ys = (min(max(y, 0.0), float(height)) for y in (self.y1, self.y2))
        (x1, x2), (y1, y2) = xs, ys
        return Box(x1, y1, x2, y2)

    def scaled(self, x: float, y: float) -> Box:
        """Multiply the edges: `scaled(width, height)` converts 0..1 to pixels."""
        return Box(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)


@dataclass(frozen=True)
class Mask:
    """A set of pixels: as run lengths, or as a number in a label image.

    Raises:
        RecordError: neither or both of `counts` and `image` are given, or the runs do not fill
            the picture.
    """

    width: int | None = None
    """Pixels; needed with `counts`."""
    height: int | None = None
    """Pixels; needed with `counts`."""
    counts: tuple[int, ...] | None = None
    """Run lengths, column by column from the top left, the first one outside the mask
    (it may be 0): COCO's uncompressed form."""
    image: str = ""
    """Path or URL of a label image instead of `counts`."""
    index: int = 1
    """The number of the mask in the label image."""
    encoding: Encoding = "gray8"
    """Encoding of the numbers in the label image."""

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
        """Make a mask from booleans, shape (H, W)."""
        height, width = inside.shape
        flat = np.asarray(inside, bool).ravel(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
        starts_inside = bool(flat.size and flat[0])
        return cls(width, height, (0, *runs) if starts_inside else tuple(runs))

    def to_array(self) -> npt.NDArray[np.bool_]:
        """Return the mask as booleans, shape (H, W).

        Raises:
            RecordError: it is a number in a label image, which has to be read first:
                `mask.pick(read_image(mask.image))`.
        """
        if self.counts is None or self.width is None or self.height is None:
            raise RecordError(
                f"mask stands in the label image {self.image!r}: read it and call pick",
                field="mask.image",
            )
        check_mask_size(self.width, self.height)
        inside = np.arange(len(self.counts)) % 2 == 1
        flat = np.repeat(inside, self.counts)
        return np.ascontiguousarray(flat.reshape((self.height, self.width), order="F"))

    def pick(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Return the mask as booleans, shape (H, W), from its label image.

        Args:
            rgb: The label image, shape (H, W, 3); a grey one has three equal channels.
        """
        weights = (1, 256, 65536) if self.encoding == "rgb24" else (1, 0, 0)
        numbers = rgb.astype(np.int64) @ np.array(weights)
        picked: npt.NDArray[np.bool_] = numbers == self.index
        return picked

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mask:
        """Make a mask from `dataclasses.asdict` output; keys with defaults may be missing."""
        counts = data.get("counts")
        known = {**data, "counts": None if counts is None else tuple(counts)}
        return cls(**known)


def check_mask_size(width: int, height: int) -> None:
    """Raise if a mask is too large; called before memory is allocated for it.

    Raises:
        RecordError: a mask of this size has more pixels than a picture may have.
    """
    most = limits.in_force().max_pixels
    if width * height > most:
        raise RecordError(
            f"mask is too large: {width} x {height} are more than {most} pixels (max_pixels)",
            field="mask",
        )


def polygon(points: Sequence[Sequence[float]]) -> Polygon:
    """Validate corners and convert them to tuples.

    Raises:
        RecordError: fewer than 3, or one that is not two finite numbers.
    """
    if len(points) < 3:
        raise RecordError(f"polygon must have >= 3 corners, got {len(points)}", field="polygon")
    if type(points) is list and set(map(type, points)) == {list}:  # lists, as in JSON
        points = tuple(map(tuple, points))
    if type(points) is tuple and set(map(type, points)) == {tuple} and set(map(len, points)) == {2}:
        flat = [*chain.from_iterable(points)]
        if set(map(type, flat)) == {float} and math.isfinite(sum(flat)):
            return points  # fast path: corner by corner it takes ten times as long
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
    """Return a finite number as a float; raise RecordError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise RecordError(f"{field} must be a number, got {value!r}", field=field)
    try:
        converted = float(value)
    except OverflowError:  # a whole number beyond 1e308
        converted = math.inf
    if not math.isfinite(converted):
        raise RecordError(f"{field} must be finite, got {value!r:.80}", field=field)
    return converted


def whole(value: Any, field: str) -> int:
    """Return a whole number of 0..2^63-1 as an int; raise RecordError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise RecordError(f"{field} must be a whole number >= 0, got {value!r}", field=field)
    if value > _MAX_WHOLE:
        raise RecordError(
            f"{field} must be <= {_MAX_WHOLE}, got a number of {int(value).bit_length()} bits",
            field=field,
        )
    return int(value)
