"""Ranges of bytes and entity tags, as pure functions."""

from __future__ import annotations

import pytest

from common_ml.service.api.ranges import byte_range, matches
from common_ml.service.problems import Problem


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=3-5", (3, 6)),
        ("bytes=3-99", (3, 10)),
        ("bytes=-4", (6, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=0-1,3-4", None),
        ("bytes=5-3", None),
        ("items=0-1", None),
        ("bytes=-", None),
    ],
)
def test_a_range_of_ten_bytes(header: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=11-12", "bytes=-0"])
def test_a_range_outside_is_416_with_the_size(header: str) -> None:
    with pytest.raises(Problem) as caught:
        byte_range(header, 10)

    assert (caught.value.status, caught.value.headers) == (416, {"content-range": "bytes */10"})


def test_entity_tags_are_compared_weakly() -> None:
    assert matches('"a", W/"b"', '"b"')
    assert matches("*", '"b"')
    assert not matches('"a"', '"b"')
    assert not matches("", '"b"')
