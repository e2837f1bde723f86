"""Pictures out of a sequential decode, some of which are missing."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from common_ml.media.video.sampling import nearest_to_grid
from common_ml.media.video.selection import Grid, Picture

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def picture(index: int, tick: int) -> Picture:
    return Picture(index, tick, cast("VideoFrame", None))


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30)), min_size=1, max_size=60),
    st.integers(1, 50),
)
def test_a_grid_takes_the_nearest_of_the_pictures_that_there_are(
    steps: list[tuple[int, int]], fps: int
) -> None:
    """Indices may have holes, and ticks may repeat."""
    pictures: list[Picture] = []
    index = tick = 0
    for more, later in steps:
        index, tick = index + more, tick + later
        pictures.append(picture(index, tick))
    unit = Fraction(1, 25)

    picked = list(Grid(Fraction(fps)).pick(iter(pictures), unit))

    ticks = [one.tick for one in pictures]
    assert picked == [pictures[n] for n in nearest_to_grid(ticks, 1 / (fps * unit))]
    assert picked[0] is pictures[0]
