"""FFmpeg's rates and time bases as Fractions, whatever PyAV calls them."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol


class Ratio(Protocol):
    """A Fraction up to PyAV 18, a class of PyAV's own from 19 on, which counts in 32 bits."""

    @property
    def numerator(self) -> int:
        """The part above the line."""

    @property
    def denominator(self) -> int:
        """The part below it, > 0."""


def fraction(ratio: Ratio) -> Fraction:
    """The same value, exact in all that follows. A time base always has one."""
    return Fraction(ratio.numerator, ratio.denominator)


def rate(ratio: Ratio | None) -> Fraction | None:
    """A rate in pictures per second; None where it is unknown: None, or FFmpeg's 0/0 and n/0."""
    if ratio is None or ratio.denominator == 0 or ratio.numerator == 0:
        return None
    return fraction(ratio)
