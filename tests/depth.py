"""Numbers of examples for properties that need another one than their profile's."""

from __future__ import annotations

from hypothesis import settings

_QUICK, _THOROUGH = 20, 100
"""Examples of the profiles of `make test` and of `make test-all`."""


def scaled(quick: int, thorough: int | None = None) -> int:
    """Return how many examples the profile in use takes.

    Args:
        quick: Those of the quick profile, 20 unless said otherwise.
        thorough: Those of the thorough profile and, in proportion, of deeper ones; five times
            `quick` by default.
    """
    profile = settings.default
    assert profile is not None  # one is loaded by conftest.py
    if thorough is None or profile.max_examples < _THOROUGH:
        return max(1, quick * profile.max_examples // _QUICK)
    return thorough * profile.max_examples // _THOROUGH
