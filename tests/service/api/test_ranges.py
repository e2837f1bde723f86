"""Ranges and cursors, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.service.api.cursors import decode_cursor, encode_cursor
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


@given(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1)))
def test_a_cursor_returns_its_key(key: tuple[str, int]) -> None:
    assert decode_cursor(encode_cursor(*key), str, int) == key


@pytest.mark.parametrize("text", ["", "%%%", "eyJ9", "é", "WzFd" * 900, encode_cursor(1, "x")])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor(text, str, int)

    assert caught.value.status == 400
