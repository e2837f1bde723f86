"""Opaque tokens: random texts of which only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "cml_"
"""Begins every token, so that scanners of leaked secrets can find them."""


def new_token() -> tuple[str, str]:
    """Return a token of 256 random bits, and its hash."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, token_hash(token)


def token_hash(token: str) -> str:
    """Return what is kept of a token: without salt, since nobody can guess 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
