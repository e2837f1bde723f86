"""Log records that cannot harm: not the job, and not the terminal that shows them."""

from __future__ import annotations

import logging
import sys

import pytest

from common_ml.tagging.job.context import JobContext
from common_ml.tagging.job.log import (
    EscapingFormatter,
    SafeLogger,
    escaped,
    escaped_name,
    logging_of_files,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj", r"\u202egpj"),
        ("a\udcff", r"a\udcff"),
        ("\u00e9\U0001f600", "\u00e9\U0001f600"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_name_is_on_one_line() -> None:
    assert escaped_name("a\nERROR b\t") == r"a\nERROR b\t"


def test_a_record_has_the_current_file_and_no_escapes() -> None:
    job = JobContext()
    with logging_of_files(job):
        make = logging.getLogRecordFactory()
        with job.current_file("a\x1b.mp4"):
            record = make("name", logging.INFO, __file__, 1, "%s", ("\x1b[2J",), None)
        outside = make("name", logging.INFO, __file__, 1, "x", (), None)
    assert record.source_media == r"a\x1b.mp4"  # type: ignore[attr-defined] # added
    assert outside.source_media == "-"  # type: ignore[attr-defined] # added
    assert EscapingFormatter().format(record).endswith(r"[a\x1b.mp4] \x1b[2J")


def test_a_traceback_is_escaped() -> None:
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        record = logging.LogRecord("n", logging.ERROR, __file__, 1, "x", (), sys.exc_info())
    assert r"ValueError: \x1b[2J" in EscapingFormatter().format(record)


def test_a_handler_that_raises_does_not_reach_the_caller(capfd: pytest.CaptureFixture[str]) -> None:
    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise SystemExit(3)

    logger, handler = logging.getLogger("tests.raises"), Raises()
    logger.addHandler(handler)
    SafeLogger("tests.raises").error("failed: %s", "a.mp4")
    logger.removeHandler(handler)
    assert "a logging handler failed (SystemExit): failed: %s" in capfd.readouterr().err
