"""How large and how long a file may be before it is refused, in this process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.errors import LimitError
from common_ml.media.access import quoted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from fractions import Fraction
    from typing import TypeAlias

    AnyPath: TypeAlias = str | os.PathLike[str]

DEFAULT_MAX_PIXELS = 256_000_000
"""A picture of 16,000 x 16,000: 768 MB as RGB. FFmpeg's own limit lies 5 % above it."""


@dataclass(frozen=True)
class Limits:
    """What is refused."""

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

    def check_size(self, path: AnyPath, width: int, height: int) -> None:
        """Go on, or raise; called before there is memory for the picture.

        Raises:
            LimitError: the picture has too many pixels.
        """
        if width * height > self.max_pixels:
            raise LimitError(
                f"{quoted(path)} is too large: {width} x {height} are {width * height} pixels,"
                f" and at most {self.max_pixels} are allowed (max_pixels)",
                path=path,
            )

    def check_duration(self, path: AnyPath, seconds: float | Fraction) -> None:
        """Go on, or raise.

        Raises:
            LimitError: the file lasts too long.
        """
        if self.max_file_seconds is not None and seconds > self.max_file_seconds:
            raise LimitError(
                f"{quoted(path)} is too long: it lasts {float(seconds):.1f} s, and at most"
                f" {self.max_file_seconds:g} s are allowed (max_file_seconds)",
                path=path,
            )


class _Process:
    """Limits protect a process, and so whatever opens a file in it keeps to the same."""

    limits: Limits = Limits()


def in_force() -> Limits:
    """The limits that files are held to now, in any thread."""
    return _Process.limits


@contextmanager
def applied(limits: Limits) -> Iterator[None]:
    """Hold all files that are opened in the block to `limits`, whichever thread opens them."""
    former, _Process.limits = _Process.limits, limits
    try:
        yield
    finally:
        _Process.limits = former
