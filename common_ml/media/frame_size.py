"""`FrameSize`: the size that a model wants its pictures in, as arithmetic on widths and heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Fit = Literal["contain", "cover", "stretch"]


@dataclass(frozen=True)
class FrameSize:
    """A size of pictures, and how they come to it.

    Raises:
        ValueError: a value is out of its range.
    """

    width: int
    """Pixels, >= 1; of the longer side, where `height` is None."""
    height: int | None = None
    """Pixels, >= 1; None: the sides keep their ratio, and the longer one is `width`."""
    fit: Fit = "contain"
    """contain: the whole picture, with black bars; cover: without bars, what reaches out is cut
    off; stretch: without regard to the ratio of the sides."""

    def __post_init__(self) -> None:
        for side in (self.width, self.height):
            is_side = type(side) is int and side >= 1
            if not (is_side or (side is None and side is self.height)):
                expected = "a number of pixels such as 224, or (width, height), each >= 1"
                raise ValueError(f"frame_size must be {expected}, got {side!r}")
        if self.fit not in get_args(Fit):
            raise ValueError(f"fit must be one of {', '.join(get_args(Fit))}, got {self.fit!r}")

    @classmethod
    def of(cls, value: Any, fit: Any = "contain") -> FrameSize:
        """Return the size for 224 (the longer side) or (width, height).

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, (tuple, list)) and len(value) == 2:
            if None in value:
                raise ValueError(f"frame_size must have a width and a height, got {value!r}")
            return cls(value[0], value[1], fit)
        return cls(value, None, fit)

    def result(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the result for a picture."""
        return self.scaled(width, height) if self.height is None else (self.width, self.height)

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height that a picture is scaled to, before bars are added or cut off."""
        if self.height is None:
            longer = max(width, height)
            return tuple(max(1, round(side * self.width / longer)) for side in (width, height))  # type: ignore[return-value] # two of them
        if self.fit == "stretch":
            return self.width, self.height
        by_width, by_height = self.width / width, self.height / height
        if self.fit == "contain":
            scale = min(by_width, by_height)
            wide, high = min(self.width, round(width * scale)), round(height * scale)
            return max(1, wide), max(1, min(self.height, high))
        scale = max(by_width, by_height)
        return max(self.width, round(width * scale)), max(self.height, round(height * scale))

    def offset(self, width: int, height: int) -> tuple[int, int]:
        """Return where the left top corner of the scaled picture lies in the result.

        Positive: behind a bar; negative: cut off.
        """
        (wide, high), (out_wide, out_high) = self.scaled(width, height), self.result(width, height)
        # // rounds down: half a pixel goes to the right and to the bottom
        return (out_wide - wide) // 2, (out_high - high) // 2

    def box_of_whole(self, box: dict[str, float], width: int, height: int) -> dict[str, float]:
        """Return a box of the result as one of the whole picture, both 0..1.

        Args:
            box: x1, y1, x2, y2 of the result.
            width: Of the whole picture, in pixels.
            height: The same.
        """
        (wide, high), (out_wide, out_high) = self.scaled(width, height), self.result(width, height)
        left, top = self.offset(width, height)

        def across(share: float, out: int, begin: int, length: int) -> float:
            return min(max((share * out - begin) / length, 0.0), 1.0)

        return {
            "x1": across(box["x1"], out_wide, left, wide),
            "y1": across(box["y1"], out_high, top, high),
            "x2": across(box["x2"], out_wide, left, wide),
            "y2": across(box["y2"], out_high, top, high),
        }
