"""Report of a reader or writer: what was left out, repaired or changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Skipped:
    """Something that was left out."""

    what: str
    """Which record or annotation: its id, task id, media, or place in the file."""
    reason: str
    """Why, in one sentence."""
    place: str = ""
    """Location in a source: `line 3` or `item 5`; "" for what was left out in writing."""

    @property
    def kind(self) -> str:
        """The reason without specific values, to count equal reasons together."""
        return self.reason.partition(", got ")[0]


@dataclass
class Report:
    """Outcome of a reader or writer; it grows while records are read or written."""

    written: int = 0
    """Number of records in the target."""
    skipped: list[Skipped] = field(default_factory=list)
    """What was left out, and why."""
    warnings: list[str] = field(default_factory=list)
    """What was changed, such as a mask that loses detail."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Unambiguous repairs -> how often."""

    def skip(self, what: str, reason: str, *, place: str = "") -> None:
        """Record something that is left out."""
        self.skipped.append(Skipped(what, reason, place))

    def warn(self, warning: str) -> None:
        """Record a warning, once."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def repair(self, what: str, count: int = 1) -> None:
        """Count something that was repaired."""
        self.repaired[what] += count

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object."""
        return {
            "written": self.written,
            "skipped": [
                {"what": one.what, "reason": one.reason, "place": one.place} for one in self.skipped
            ],
            "repaired": dict(self.repaired),
            "warnings": list(self.warnings),
        }
