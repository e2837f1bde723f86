"""A map of texts in few bytes: like a dict, as long as no two hashes meet."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.tags_file.compact_set import CompactMap

NAMES = st.text(max_size=3)


@given(st.lists(st.tuples(NAMES, st.integers(0, 2**32 - 1))), st.lists(NAMES))
def test_it_holds_what_a_dict_holds(pairs: list[tuple[str, int]], others: list[str]) -> None:
    made, twin = CompactMap(), dict(pairs)
    for text, value in pairs:
        made.set(text, value)
    assert len(made) == len(twin)
    for text in [*twin, *others]:
        assert made.get(text) == twin.get(text)
        assert (text in made) == (text in twin)


def test_it_grows() -> None:
    made = CompactMap()
    for number in range(10_000):
        made.set(f"media/{number}.mp4", number)
    assert len(made) == 10_000
    assert all(made.get(f"media/{number}.mp4") == number for number in range(10_000))
    assert "media/10000.mp4" not in made


def test_a_text_takes_less_than_forty_bytes() -> None:
    tracemalloc.start()
    made = CompactMap()
    for number in range(50_000):
        made.set(f"media/part_{number:06}.mp4")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 50_000 < 40
