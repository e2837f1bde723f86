"""Ids that are whole numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.data.formats.shared.numeric_id import numeric_id


@given(st.integers())
def test_a_number_is_found_in_its_text(number: int) -> None:
    assert numeric_id(str(number)) == number


@given(st.text())
def test_a_text_that_is_no_number_stays_one(text: str) -> None:
    """What is found is spelt as the id is, so that it comes back as it was."""
    number = numeric_id(text)

    assert number is None or str(number) == text


@pytest.mark.parametrize(
    "text", ["", "007", "-0", "+7", "7.0", " 7", "7\n", "7_0", "\u0667", "9" * 5000]
)
def test_other_spellings_and_endless_numbers_are_none(text: str) -> None:
    assert numeric_id(text) is None
