"""Bearer tokens, of which only the hash is kept."""

from __future__ import annotations

import hashlib

from common_ml.service.auth.tokens import new_token, token_hash


def test_a_token_is_kept_as_its_hash() -> None:
    token, kept = new_token()

    assert token.startswith("cml_")
    assert len(token) == 47
    assert kept == hashlib.sha256(token.encode()).hexdigest() == token_hash(token)


def test_no_two_tokens_are_alike() -> None:
    assert len({new_token() for _ in range(100)}) == 100


def test_bytes_of_a_header_that_are_no_text_have_a_hash() -> None:
    """A request may bring anything; nobody's token has that hash."""
    assert token_hash(b"cml_\xff".decode(errors="surrogateescape")) == (
        hashlib.sha256(b"cml_\xff").hexdigest()
    )
