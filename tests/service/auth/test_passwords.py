"""Passwords are kept as argon2id hashes."""

from __future__ import annotations

import pytest

from common_ml.service.auth.passwords import (
    MAX_CHARACTERS,
    hash_password,
    password_problem,
    verify_password,
)


def test_a_password_is_an_argon2id_hash_with_its_own_salt() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")

    assert first.startswith("$argon2id$")
    assert first != second
    assert verify_password("correct horse", first)
    assert not verify_password("wrong horse", first)


def test_nobody_has_no_password() -> None:
    assert not verify_password("the password of nobody", None)
    assert not verify_password("", "")


@pytest.mark.parametrize(
    ("length", "problem"),
    [
        (7, "at least 8 characters, got 7"),
        (8, ""),
        (MAX_CHARACTERS, ""),
        (MAX_CHARACTERS + 1, "at most 1024 characters, got 1025"),
    ],
)
def test_short_and_endless_passwords_are_refused(length: int, problem: str) -> None:
    found = password_problem("x" * length)

    assert found.endswith(problem)
    assert bool(found) == bool(problem)


def test_an_endless_password_is_not_hashed() -> None:
    """It would cost a CPU for as long as somebody likes to send."""
    endless = "x" * (MAX_CHARACTERS + 1)

    assert not verify_password(endless, hash_password(endless))
