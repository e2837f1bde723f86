"""FFmpeg's rates and time bases as Fractions, whatever PyAV calls them."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol, overload


class Ratio(Protocol):
    """A Fraction up to PyAV 18, a class of PyAV's own from 19 on, which counts in 32 bits."""

    @property
    def numerator(self) -> int:
        """The part above the line."""

    @property
    def denominator(self) -> int:
        """The part below it, > 0."""


@overload
def fraction(ratio: Ratio) -> Fraction: ...
@overload
def fraction(ratio: Ratio | None) -> Fraction | None: ...
def fraction(ratio: Ratio | None) -> Fraction | None:
    """The same value, exact in all that follows; None stays None."""
    return None if ratio is None else Fraction(ratio.numerator, ratio.denominator)
