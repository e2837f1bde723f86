"""Warnings, found in logs."""

from __future__ import annotations

import logging
import time

import pytest

from common_ml.runtime.log_lines import MAX_WARNINGS, warnings_in


@pytest.mark.parametrize(
    ("line", "warnings"),
    [
        (
            "2026-11-26 01:02:03,456 WARNING common_ml.calls [media/a b.mp4] 3 boxes clipped",
            ["media/a b.mp4: 3 boxes clipped"],
        ),
        ("2026-11-26 01:02:03,456 WARNING common_ml.calls [-] no file", ["no file"]),
        ("WARNING:root:low memory", []),  # no space: not the form that is known
        ("WARNING root low memory", ["low memory"]),
        ("2026-11-26 01:02:03,456 INFO x [-] WARNING is only a word here", []),
        ("no level at all", []),
        ("", []),
    ],
)
def test_a_warning_has_its_file_and_text(line: str, warnings: list[str]) -> None:
    assert warnings_in(line) == warnings


def test_the_log_of_the_sdk_is_understood() -> None:
    record = logging.LogRecord("common_ml", logging.WARNING, "", 0, "odd: %d", (3,), None)
    record.source_media = "media/a.mp4"
    form = "%(asctime)s %(levelname)s %(name)s [%(source_media)s] %(message)s"

    assert warnings_in(logging.Formatter(form).format(record)) == ["media/a.mp4: odd: 3"]


def test_equal_warnings_are_counted() -> None:
    log = "WARNING x a\nINFO x y\nWARNING x b\nWARNING x a\n"

    assert warnings_in(log) == ["a (2 times)", "b"]


def test_a_flood_is_bounded() -> None:
    log = "\n".join(f"WARNING x {number}" for number in range(MAX_WARNINGS * 3))

    assert len(warnings_in(log)) == MAX_WARNINGS


def test_hostile_lines_take_linear_time() -> None:
    """Twice the bytes take about twice the time: no backtracking over the whole line."""

    def seconds(size: int) -> float:
        log = "\n".join(["a b c WARNING " + "[x" * size, "WARNING: " + "x " * size] * 50)
        start = time.process_time()
        warnings_in(log)
        return time.process_time() - start

    assert seconds(20_000) < 4 * seconds(10_000) + 0.5
