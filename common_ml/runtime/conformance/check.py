"""A check of the contract, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.runtime.conformance.trials import Trials
    from common_ml.runtime.conformance.verdict import CheckFinding, CheckOutcome


@dataclass(frozen=True)
class Check:
    """One rule of the contract, to be tested on a tagger."""

    name: str
    """Short, in kebab case, for `--only` and for reports."""
    title: str
    """What a passing tagger does, as a verb phrase."""
    expected: str
    """The rule of the contract."""
    hint: str
    """How to fix a failure."""
    evaluate: Callable[[Trials], CheckFinding]
    """Evaluates trials of the tagger, which are shared between checks."""
    target: Literal["any", "image"] = "any"
    """The taggers to which it applies."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check."""

    name: str
    title: str
    outcome: CheckOutcome
    expected: str
    """The rule of the contract."""
    seen: str
    """What the tagger did; of a skipped check, why it could not be evaluated; else ""."""
    hint: str
    """How to fix it; "" unless the check failed."""
    seconds: float
    """How long the check took, with the trials that it was the first to need."""

    @property
    def passed(self) -> bool:
        """Whether the tagger follows the rule."""
        return self.outcome == "passed"

    @property
    def failed(self) -> bool:
        """Whether the tagger breaks the rule."""
        return self.outcome == "failed"

    @property
    def skipped(self) -> bool:
        """Whether it could not be evaluated."""
        return self.outcome == "skipped"

    def to_json(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "outcome": self.outcome,
            "expected": self.expected,
            "seen": self.seen,
            "hint": self.hint,
            "seconds": round(self.seconds, 3),
        }
