"""Classify the damage of a media file: whole, marked, damaged but usable, or broken."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from common_ml.errors import DecodeError
from common_ml.media.access import quoted
from common_ml.media.choices import in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.media.choices import DamagePolicy
    from common_ml.types import StrPath

DamageVerdict = Literal["whole", "marked", "damaged", "broken"]
"""whole: no warning. marked: all is there, but the file is marked as damaged: a warning.
damaged: the rest is used, and a warning says what is lost. broken: an error, after the
rest."""

_log = logging.getLogger(__name__)
_NUM_NAMED = 8
"""Times that a warning names one by one."""


@dataclass(frozen=True)
class Findings:
    """Findings of reading a stream to its end, or as far as needed."""

    what: Literal["pictures", "sound"]
    """Kind of the stream."""
    num_decoded: int
    """Pictures, or packets of sound, that were decoded whole."""
    lost_seconds: tuple[float, ...] = ()
    """Presentation times of lost ones, from the start of the file, ascending."""
    num_lost: int | None = None
    """Number of lost ones, where not all have a time; None: as many as `lost_seconds`."""
    decoded_seconds: Fraction = Fraction(0)
    """Where what was decoded ends."""
    stated_seconds: Fraction | None = None
    """Where it should end, as the file states; None if it does not."""
    period_seconds: Fraction = Fraction(0)
    """Duration in seconds of one picture, or one packet of sound."""
    truncation: str = ""
    """Why the file is taken for truncated; empty if it is not."""
    refusal: str = ""
    """Error at which reading the container stopped; empty if it was read to its end."""
    num_marked: int = 0
    """Packets that the container marks as damaged, such as where parts were joined."""

    unread: str = ""
    """What of the file cannot be read, though it is whole; empty if all can."""

    @property
    def count_lost(self) -> int:
        """Count the pictures or packets that are lost."""
        return len(self.lost_seconds) if self.num_lost is None else self.num_lost

    @property
    def ends_early(self) -> bool:
        """Whether the end is missing: by the structure of the file, and by what it states."""
        if not (self.truncation or self.refusal):
            return False
        if self.stated_seconds is None:
            return True
        return self.decoded_seconds + self.period_seconds / 2 < self.stated_seconds


def verdict(findings: Findings, policy: DamagePolicy) -> DamageVerdict:
    """Classify by the first rule that applies."""
    for applies, tolerant, strict in RULES:
        if applies(findings):
            return tolerant if policy == "tolerate" else strict
    return "whole"


RULES: tuple[tuple[Callable[[Findings], bool], DamageVerdict, DamageVerdict], ...] = (
    (
        lambda found: not found.num_decoded and (found.count_lost > 0 or found.ends_early),
        "broken",
        "broken",
    ),
    (lambda found: found.count_lost > 0, "damaged", "broken"),
    (lambda found: found.ends_early or bool(found.unread), "damaged", "broken"),
    (lambda found: found.num_marked > 0, "marked", "marked"),
)
"""When it applies; the verdict where damage is tolerated; the verdict where it is not."""


def report(findings: Findings, path: StrPath) -> None:
    """Log one warning about the damage of a file, or raise.

    Raises:
        DecodeError: it is broken, by the policy in force.
    """
    outcome = verdict(findings, in_force().damage)
    if outcome == "broken":
        hint = _HINT if verdict(findings, "tolerate") != "broken" else ""
        raise DecodeError(
            f"{quoted(path)} is damaged or truncated: {_loss(findings)}{hint}", path=path
        )
    if outcome == "damaged":
        _log.warning("%s is damaged: %s", quoted(path), _loss(findings))
    elif outcome == "marked":
        _log.warning(
            "%s: %d packets are marked as damaged, as where parts were joined; all %s were decoded",
            quoted(path),
            findings.num_marked,
            findings.what,
        )


_HINT = '; hint: with "common_ml": {"damage": "tolerate"} what can be decoded is used'


def _loss(findings: Findings) -> str:
    decoded = findings.decoded_seconds
    stated = max(findings.stated_seconds or decoded, decoded)
    parts = [f"decoded {float(decoded):.1f} s of {float(stated):.1f} s"]
    if findings.what == "sound":
        parts[0] += " of its sound"
    if findings.count_lost:
        noun = "pictures are left out" if findings.what == "pictures" else "packets are silent"
        total = findings.num_decoded + findings.count_lost
        times = ", ".join(f"{seconds:.2f}" for seconds in findings.lost_seconds[:_NUM_NAMED])
        more = ", ..." if len(findings.lost_seconds) > _NUM_NAMED else ""
        parts.append(
            f"{findings.count_lost} of {total} {noun}" + (f", at {times}{more} s" if times else "")
        )
    if findings.ends_early:
        parts.append(findings.truncation or findings.refusal)
    if findings.unread:
        parts.append(findings.unread)
    return parts[0] + "".join(f" ({part})" for part in parts[1:])
