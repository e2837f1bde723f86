"""Passwords, tokens and the limit of failed logins."""

from __future__ import annotations

import hashlib

from common_ml.service.auth.passwords import hash_password, password_problem, verify_password
from common_ml.service.auth.rate_limit import FailureLimit
from common_ml.service.auth.tokens import new_token


def test_a_password_is_an_argon2id_hash_with_its_own_salt() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")

    assert first.startswith("$argon2id$")
    assert first != second
    assert verify_password("correct horse", first)
    assert not verify_password("wrong horse", first)


def test_nobody_has_no_password() -> None:
    assert not verify_password("the password of nobody", None)
    assert not verify_password("", "")


def test_short_and_endless_passwords_are_refused() -> None:
    assert "at least 8" in password_problem("1234567")
    assert password_problem("12345678") == ""
    assert "at most" in password_problem("x" * 2000)


def test_a_token_is_kept_as_its_hash() -> None:
    token, kept = new_token()

    assert token.startswith("cml_")
    assert len(token) == 47
    assert kept == hashlib.sha256(token.encode()).hexdigest()


def test_the_eleventh_failure_waits_and_a_success_clears() -> None:
    now = [1000.0]
    limit = FailureLimit(failures=10, per_seconds=60, clock=lambda: now[0])
    for _ in range(10):
        assert limit.retry_after("ann", "::1") == 0
        limit.add("ann", "::1")

    assert limit.retry_after("ann") == 6
    assert limit.retry_after("bob") == 0
    now[0] += 5.9
    assert 0 < limit.retry_after("ann") < 0.2
    now[0] += 0.2
    assert limit.retry_after("ann") == 0
    limit.add("ann")
    limit.clear("ann")
    assert limit.retry_after("ann") == 0
    assert limit.retry_after("::1") == 0
