"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOTHING_TAGGED = "no file was tagged"
NOTHING_FOUND = "it found nothing in the files; hint: pass files in which it finds something"

CheckOutcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Verdict:
    """What a check has found."""

    outcome: CheckOutcome
    seen: str = ""
    """What the tagger did; of a skipped check, why it could not be evaluated."""


PASSED = Verdict("passed")


def failed(seen: str) -> Verdict:
    """The tagger breaks the rule.

    Args:
        seen: What it did instead.
    """
    return Verdict("failed", seen)


def skipped(reason: str) -> Verdict:
    """The check cannot be evaluated.

    Args:
        reason: What the check would have needed.
    """
    return Verdict("skipped", reason)
