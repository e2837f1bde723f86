"""Opaque bearer tokens, of which only the hash is stored."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "cml_"
"""Prefix of every token, so that secret scanners can find leaked ones."""


def new_token() -> tuple[str, str]:
    """Return a token of 256 random bits, and its hash."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, token_hash(token)


def token_hash(token: str) -> str:
    """Return the hash of a token; unsalted, since 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
