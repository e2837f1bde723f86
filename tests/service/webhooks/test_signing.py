"""Signatures of webhooks, against HMAC written out (RFC 2104)."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.service.webhooks.signing import signature, verify

KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW = 1_800_000_000


def hmac_written_out(key: bytes, text: bytes) -> bytes:
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def headers_of(body: bytes, *, at: int = NOW, secret: str = SECRET) -> dict[str, str]:
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signature(secret, identifier="msg_1", timestamp=at, body=body),
    }


@given(st.binary(min_size=1, max_size=100), st.binary())
def test_a_signature_is_the_hmac_of_name_time_and_body(key: bytes, body: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()

    found = signature(secret, identifier="msg_1", timestamp=NOW, body=body)

    expected = hmac_written_out(key, b"msg_1.1800000000." + body)
    assert found == "v1," + base64.b64encode(expected).decode()


def test_what_was_signed_is_authentic() -> None:
    assert verify(SECRET, headers_of(b"{}"), b"{}", now=NOW + 299.0)


def test_one_of_several_signatures_is_enough() -> None:
    """While a secret is replaced, a delivery carries one by each."""
    headers = headers_of(b"{}")
    headers["webhook-signature"] = "v1,b3RoZXI= " + headers["webhook-signature"]

    assert verify(SECRET, headers, b"{}", now=NOW)


@pytest.mark.parametrize("late", [-301, 301])
def test_a_delivery_of_another_time_is_refused(late: int) -> None:
    assert not verify(SECRET, headers_of(b"{}"), b"{}", now=NOW + late)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", str(NOW + 1)),
        ("webhook-timestamp", f"{NOW}.0"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "²"),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "1" * 5000),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "\u00fc"),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    assert not verify(SECRET, headers_of(b"{}") | {name: value}, b"{}", now=NOW)


def test_a_changed_body_and_another_secret_are_refused() -> None:
    other = "whsec_" + base64.b64encode(bytes(24)).decode()

    assert not verify(SECRET, headers_of(b"{}"), b"{ }", now=NOW)
    assert not verify(other, headers_of(b"{}"), b"{}", now=NOW)
    assert not verify(SECRET, {}, b"{}", now=NOW)
