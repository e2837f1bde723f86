"""Hash and verify passwords by argon2id."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwdlib import PasswordHash

MIN_CHARACTERS = 8
MAX_CHARACTERS = 1024
_AT_ONCE = threading.BoundedSemaphore(4)
"""Limit of concurrent hashes: each takes 64 MiB and a CPU."""


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and cost."""
    with _AT_ONCE:
        return _hasher().hash(password)


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether a password matches a hash; takes as long without one, to hide which users exist."""
    if len(password) > MAX_CHARACTERS:
        return False
    with _AT_ONCE:
        matches = _hasher().verify(password, hashed or _unknown())
    return matches and bool(hashed)


def password_problem(password: str) -> str:
    """Return why a password is not accepted; "" if it is."""
    if len(password) < MIN_CHARACTERS:
        return f"a password has at least {MIN_CHARACTERS} characters, got {len(password)}"
    if len(password) > MAX_CHARACTERS:
        return f"a password has at most {MAX_CHARACTERS} characters, got {len(password)}"
    return ""


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(),))


@cache
def _unknown() -> str:
    return _hasher().hash("the password of nobody")
