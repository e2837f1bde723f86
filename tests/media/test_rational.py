"""Rates of every PyAV become Fractions, and stay exact."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from common_ml.media.decode import VideoReader
from common_ml.media.probe import probe
from common_ml.media.rational import fraction, rate
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_rate_is_none() -> None:
    class Unknown:  # what PyAV 19 gives for a file of no known rate
        numerator, denominator = 0, 0

    assert rate(None) is None
    assert rate(Unknown()) is None


def test_what_has_two_parts_becomes_a_fraction() -> None:
    class Ratio:
        numerator, denominator = 30_000, 1_001

    assert rate(Ratio()) == fraction(Ratio()) == Fraction(30_000, 1_001)


def test_facts_and_index_hold_fractions(tmp_path: Path) -> None:
    path = tmp_path / "ntsc.mp4"
    recipes.write(path, recipes.Video(rate=Fraction(30_000, 1_001), num_frames=5))
    video = probe(path).video
    assert video is not None
    index = VideoReader(path).index
    for value in (video.average_rate, video.time_base, video.duration_seconds, index.rate):
        assert type(value) is Fraction
    assert video.average_rate == Fraction(30_000, 1_001)
