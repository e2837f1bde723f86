"""Outcome of a check: passed, failed or skipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOTHING_TAGGED = "no file was tagged"
NOTHING_FOUND = "it found nothing in the files; hint: pass files in which it finds something"

CheckOutcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CheckFinding:
    """The outcome of a check."""

    outcome: CheckOutcome
    seen: str = ""
    """What the tagger did; of a skipped check, why it could not be evaluated."""


PASSED = CheckFinding("passed")


def failed(seen: str) -> CheckFinding:
    """The tagger breaks the rule.

    Args:
        seen: What it did instead.
    """
    return CheckFinding("failed", seen)


def skipped(reason: str) -> CheckFinding:
    """The check cannot be evaluated.

    Args:
        reason: What the check would have needed.
    """
    return CheckFinding("skipped", reason)
