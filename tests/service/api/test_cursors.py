"""Cursors of pages, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.service.api.cursors import decode_cursor, encode_cursor
from common_ml.service.problems import Problem


@given(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1)))
def test_a_cursor_returns_its_key(key: tuple[str, int]) -> None:
    assert decode_cursor(encode_cursor(*key), str, int) == key


@pytest.mark.parametrize("text", ["", "%%%", "eyJ9", "é", "WzFd" * 900, encode_cursor(1, "x")])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor(text, str, int)

    assert caught.value.status == 400


def test_a_cursor_can_stand_in_an_address() -> None:
    """For every byte that base64 spells with a sign of its own."""
    cursor = encode_cursor("\u00ff\u00bf\u07ff>>>???", 1)

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("key", [(True, 1), ("x", 1.0), ("x", True), ("x",), ("x", 1, 2)])
def test_values_of_other_kinds_are_refused(key: tuple[object, ...]) -> None:
    with pytest.raises(Problem, match="take `next` of an earlier page"):
        decode_cursor(encode_cursor(*key), str, int)
