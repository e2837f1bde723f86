"""A check, what it may find, and the result that the user reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.runtime.conformance.trials import Trials

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Verdict:
    """What a check has found."""

    outcome: Outcome
    seen: str = ""
    """What the tagger did; of a skipped check, why it could not be judged."""


PASSED = Verdict("passed")


def failed(seen: str) -> Verdict:
    """The tagger does not do what the contract says.

    Args:
        seen: What it did instead.
    """
    return Verdict("failed", seen)


def skipped(reason: str) -> Verdict:
    """Nobody can tell.

    Args:
        reason: What the check would have needed.
    """
    return Verdict("skipped", reason)


@dataclass(frozen=True)
class Check:
    """One sentence of the contract, as a question to a tagger."""

    name: str
    """Short, in kebab case, for `--only` and for reports."""
    title: str
    """What a tagger does that passes."""
    expected: str
    """What the contract says."""
    mend: str
    """What an author changes when it fails."""
    judge: Callable[[Trials], Verdict]
    """Looks at trials of the tagger, which it may share with other checks."""
    target: Literal["any", "image"] = "any"
    """Which taggers it concerns."""


@dataclass(frozen=True)
class CheckResult:
    """What became of a check."""

    name: str
    title: str
    outcome: Outcome
    expected: str
    """What the contract says."""
    seen: str
    """What the tagger did; of a skipped check, why it could not be judged; else ""."""
    mend: str
    """What to change; "" unless the check failed."""
    seconds: float
    """How long the check took, with the trials that it was the first to need."""

    @property
    def passed(self) -> bool:
        """Whether the tagger does what the contract says."""
        return self.outcome == "passed"

    @property
    def failed(self) -> bool:
        """Whether it does not."""
        return self.outcome == "failed"

    @property
    def skipped(self) -> bool:
        """Whether nobody can tell."""
        return self.outcome == "skipped"

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        return {
            "name": self.name,
            "title": self.title,
            "outcome": self.outcome,
            "expected": self.expected,
            "seen": self.seen,
            "mend": self.mend,
            "seconds": round(self.seconds, 3),
        }
