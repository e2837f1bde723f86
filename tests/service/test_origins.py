"""Origins of other sites."""

from __future__ import annotations

import pytest

from common_ml.errors import InvalidRequestError
from common_ml.service.origins import origins_of


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("*", "*"),
    ],
)
def test_an_origin_is_as_browsers_send_it(given: str, origin: str) -> None:
    assert origins_of([given]) == [origin]


@pytest.mark.parametrize(
    "given",
    [
        "", "app.example", "localhost:3000", "ftp://app.example", "https://", "https://app.example/x",
        "https://app.example?x", "https://app.example#x", "https://user@app.example",
        "https://app.example:x", "https://app.example:70000", "https://*.app.example",
        "https://a b", "https://[::1",
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_refused(given: str) -> None:
    with pytest.raises(
        InvalidRequestError, match="an origin is https://HOST or https://HOST:PORT, got"
    ):
        origins_of(["https://app.example", given])


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        origins_of(["a", "b"])

    assert "'a'" in str(caught.value)
    assert "'b'" in str(caught.value)
