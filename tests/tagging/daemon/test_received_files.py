"""Lines that were received, found again as a whole and by their base name."""

from __future__ import annotations

import os
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.daemon.received_files import ReceivedFiles

PATHS = st.text("a/", min_size=1, max_size=5)


@given(st.lists(PATHS), st.lists(PATHS))
def test_a_line_is_known_and_found_by_its_base_name(lines: list[str], others: list[str]) -> None:
    received, by_base_name = ReceivedFiles(), {}
    for line in lines:
        received.add(line)
        by_base_name[os.path.basename(line)] = line
    for path in [*lines, *others]:
        assert (path in received) == (path in lines)
        assert received.find(path) == by_base_name.get(os.path.basename(path))


def test_a_failure_is_remembered_also_of_what_was_not_received() -> None:
    received = ReceivedFiles()
    received.add("a/one")
    received.mark_failed("a/one")
    received.mark_failed("other")
    assert (received.has_failed("a/one"), "a/one" in received) == (True, True)
    assert (received.has_failed("other"), "other" in received) == (True, False)
    assert not received.has_failed("one")
    received.add("a/one")
    received.add("other")
    assert received.has_failed("a/one")
    assert "other" in received


def test_a_line_takes_less_than_a_hundred_bytes() -> None:
    received = ReceivedFiles()
    tracemalloc.start()
    for number in range(50_000):
        received.add(f"media/part_{number:06}.mp4")
        received.mark_failed(f"media/part_{number:06}.mp4")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 50_000 < 100
