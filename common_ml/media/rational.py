"""Convert FFmpeg's rates and time bases to Fraction, for all PyAV versions."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol


class Ratio(Protocol):
    """A Fraction up to PyAV 18, a class of PyAV's own from 19 on, which counts in 32 bits."""

    @property
    def numerator(self) -> int:
        """The numerator."""

    @property
    def denominator(self) -> int:
        """The denominator, > 0."""


def fraction(ratio: Ratio) -> Fraction:
    """Convert a time base, which is never None, to a Fraction."""
    return Fraction(ratio.numerator, ratio.denominator)


def rate(ratio: Ratio | None) -> Fraction | None:
    """Convert a frame rate to a Fraction; None where unknown: None, or FFmpeg's 0/0 and n/0."""
    if ratio is None or ratio.denominator == 0 or ratio.numerator == 0:
        return None
    return fraction(ratio)
