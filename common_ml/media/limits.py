"""Limits on the size and duration of media files."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.context import current
from common_ml.errors import LimitError
from common_ml.media.access import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from common_ml.types import StrPath

DEFAULT_MAX_PIXELS = 256_000_000
"""A picture of 16,000 x 16,000: 768 MB as RGB. FFmpeg's own limit lies 5 % above it."""


@dataclass(frozen=True)
class Limits:
    """Limits; files beyond them are refused."""

    max_pixels: int = DEFAULT_MAX_PIXELS
    """Width times height of a picture or frame, >= 1."""
    max_file_seconds: float | None = None
    """How long a video or sound may last, > 0; None for any length."""
    file_timeout_seconds: float | None = None
    """How long the tagging of one file may take, > 0; None for any time."""

    def __post_init__(self) -> None:
        if self.max_pixels < 1:
            raise ValueError(f"max_pixels must be >= 1, got {self.max_pixels}")
        for name in ("max_file_seconds", "file_timeout_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be > 0 or None, got {value}")

    def check_size(self, path: StrPath, width: int, height: int) -> None:
        """Raise if a picture is too large; called before memory is allocated for it.

        Raises:
            LimitError: the picture has too many pixels.
        """
        if width * height > self.max_pixels:
            raise LimitError(
                f"{quoted(path)} is too large: {width} x {height} are {width * height} pixels,"
                f" and at most {self.max_pixels} are allowed (max_pixels)",
                path=path,
            )

    def check_duration(self, path: StrPath, seconds: float | Fraction) -> None:
        """Raise if a file lasts too long.

        Raises:
            LimitError: the file lasts too long.
        """
        if self.max_file_seconds is not None and seconds > self.max_file_seconds:
            raise LimitError(
                f"{quoted(path)} is too long: it lasts {float(seconds):.1f} s, and at most"
                f" {self.max_file_seconds:g} s are allowed (max_file_seconds)",
                path=path,
            )


_DEFAULTS = Limits()


def in_force() -> Limits:
    """Return the limits that are in force now, in any thread."""
    return current().setting(Limits) or _DEFAULTS


@contextmanager
def applied(limits: Limits) -> Iterator[None]:
    """Apply `limits` to all files that are opened in the block, in any thread."""
    with current().replacing(limits):
        yield
