"""The source of a tagger's next files, and the events that end a file."""

from __future__ import annotations

import pytest

from common_ml.runtime.file_events import (
    Cancelled,
    Event,
    NextFiles,
    Retry,
    TaggerDiedError,
    file_source,
    is_outcome,
)
from common_ml.tagging.messages import Error, Progress, Tag


def test_files_are_read_as_the_tagger_has_capacity() -> None:
    paths = iter("abcd")
    take = file_source(paths, num_ahead=2, num_looked_ahead=0)

    assert take(0) == NextFiles(["a", "b"], is_over=False)
    assert take(2) == NextFiles([], is_over=False)
    assert take(1) == NextFiles(["c"], is_over=False)
    assert next(paths) == "d"  # not read in advance
    assert take(0) == NextFiles([], is_over=True)


def test_looking_ahead_finds_the_end_with_the_last_file() -> None:
    take = file_source(iter("ab"), num_ahead=1, num_looked_ahead=1)

    assert take(0) == NextFiles(["a"], is_over=False)
    assert take(0) == NextFiles(["b"], is_over=True)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Progress("a"), True),
        (Error("cannot be read", "a"), True),
        (TaggerDiedError("the tagger died", "a"), True),
        (Cancelled("a"), True),
        (Error("of the job", None), False),
        (Retry("a", "the tagger died", 2), False),
        (Tag(0, 0, "car", source_media="a"), False),
    ],
)
def test_the_outcome_of_a_file(event: Event, expected: bool) -> None:
    assert is_outcome(event) is expected
