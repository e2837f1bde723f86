"""Values as JSON documents: times and ids."""

from __future__ import annotations

import pytest

from common_ml.errors import NotFoundError
from common_ml.service.api.v1.documents import optional_rfc3339_time, parsed_id, rfc3339_time


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1.5, "1970-01-01T00:00:01.500Z"),
        (59.9996, "1970-01-01T00:01:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
    ],
)
def test_a_time_is_rounded_to_the_millisecond(seconds: float, expected: str) -> None:
    assert rfc3339_time(seconds) == expected
    assert optional_rfc3339_time(seconds) == expected


def test_a_missing_time_stays_none() -> None:
    assert optional_rfc3339_time(None) is None


def test_an_id_is_parsed() -> None:
    assert parsed_id("42", "prediction") == 42
    assert parsed_id("9" * 18, "prediction") == 999_999_999_999_999_999


@pytest.mark.parametrize("text", ["", "-1", "1.0", " 1", "٣", "x", "9" * 19])
def test_another_text_is_the_id_of_nothing(text: str) -> None:
    with pytest.raises(NotFoundError, match="there is no webhook"):
        parsed_id(text, "webhook")
