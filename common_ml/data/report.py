"""What became of the records that a format was given to write."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Skipped:
    """Something that could not be written."""

    what: str
    """Which record or annotation: its id, task id or media."""
    reason: str
    """Why, in one sentence."""


@dataclass
class Report:
    """Outcome of a writer; it grows while records are written."""

    written: int = 0
    """Records that are in the target."""
    skipped: list[Skipped] = field(default_factory=list)
    """What was left out, and why."""
    warnings: list[str] = field(default_factory=list)
    """What was changed on the way, such as a mask that loses detail."""

    def skip(self, what: str, reason: str) -> None:
        """Note something that is left out."""
        self.skipped.append(Skipped(what, reason))

    def warn(self, warning: str) -> None:
        """Note a warning, once."""
        if warning not in self.warnings:
            self.warnings.append(warning)
