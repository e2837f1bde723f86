"""Run all checks against a tagger."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.runtime.conformance import (
    checks_failure,
    checks_input,
    checks_output,
    checks_start,
    checks_stop,
    checks_value,
)
from common_ml.runtime.conformance.check import Check, CheckResult
from common_ml.runtime.conformance.material import material_of
from common_ml.runtime.conformance.subject import subject_of
from common_ml.runtime.conformance.trials import STOP_SECONDS, Trials
from common_ml.runtime.conformance.verdict import CheckFinding, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.targets import Target
    from common_ml.types import StrPath

CHECKS: tuple[Check, ...] = (
    *checks_start.CHECKS,
    *checks_input.CHECKS,
    *checks_output.CHECKS,
    *checks_value.CHECKS,
    *checks_failure.CHECKS,
    *checks_stop.CHECKS,
)
"""Every check, in the order of the report."""
QUIET_SECONDS = 120.0
"""Time without a message after which a tagger counts as hanging."""


class Conformance:
    """A tagger under test; a context manager, which leaves no process and no file behind.

        with Conformance("main.py") as conformance:
            for check in conformance.checks:
                print(conformance.evaluate(check))

    The tagger is started about a dozen times, whatever the number of checks: they share its runs.
    """

    def __init__(
        self,
        target: str | Sequence[str] | Target,
        files: Sequence[StrPath] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        quiet_seconds: float = QUIET_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        python: str | None = None,
        engine: str | None = None,
        engine_options: Sequence[str] = (),
    ) -> None:
        """Initialise; the tagger is started by the first check that needs it.

        Args:
            target: `main.py`, its folder, a command as a text or as a list, or an image.
            files: Good files to test with; without any, a video, and if that is refused a
                picture or a sound, are made.
            params: What every start gets as `--params`, for a tagger that needs some.
            quiet_seconds: Time without a message after which it counts as hanging, > 0.
            stop_seconds: How long it may take to end after SIGTERM.
            python: The interpreter of a `.py` program; None for the one that runs this.
            engine: `podman` or `docker`, for an image; None for the one that is found.
            engine_options: More options of `podman run`, for an image.

        Raises:
            MediaError: one of the files is not there, or two have the same name.
            TaggerError: there is no such tagger.
            ValueError: `quiet_seconds` is not > 0.
        """
        if not quiet_seconds > 0:
            raise ValueError(f"quiet_seconds must be > 0, got {quiet_seconds}")
        self._subject = subject_of(
            target, python=python, engine=engine, engine_options=engine_options
        )
        self._files = [Path(file) for file in files or ()]
        if self._files:
            material_of(self._files)  # invalid files are reported before anything starts
        self._folder = Path(tempfile.mkdtemp(prefix="common-ml-check-"))
        self._folder.chmod(0o755)  # a container's user may be another one
        self._trials = Trials(
            self._subject,
            self._folder,
            files=self._files,
            params=params,
            quiet_seconds=quiet_seconds,
            stop_seconds=stop_seconds,
        )
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was made. May be called again."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def name(self) -> str:
        """The command, or the image."""
        return self._subject.name

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks that apply to this kind of tagger."""
        kinds = ("any", "image") if self._subject.is_image else ("any",)
        return tuple(check for check in CHECKS if check.target in kinds)

    @property
    def odd_values(self) -> list[str]:
        """Accepted values that are probably unintended, a sentence each; read after all checks."""
        return self._trials.odd_values if self._trials.num_starts else []

    @property
    def num_starts(self) -> int:
        """How often the tagger was started so far."""
        return self._trials.num_starts

    @property
    def seconds(self) -> float:
        """How long all this has taken so far."""
        return time.monotonic() - self._started

    def evaluate(self, check: Check) -> CheckResult:
        """Evaluate a check.

        Raises:
            TaggerError: it cannot be started at all.
        """
        start = time.monotonic()
        verdict = self._verdict(check)
        return CheckResult(
            name=check.name,
            title=check.title,
            outcome=verdict.outcome,
            expected=check.expected,
            seen=verdict.seen,
            hint=check.hint if verdict.outcome == "failed" else "",
            seconds=time.monotonic() - start,
        )

    def _verdict(self, check: Check) -> CheckFinding:
        if check.name == "starts" and self._trials.params:
            return skipped("params were given, and every start got them")
        return check.evaluate(self._trials)


def run_checks(
    target: str | Sequence[str] | Target,
    files: Sequence[StrPath] | None = None,
    *,
    only: Sequence[str] | None = None,
    **options: Any,
) -> list[CheckResult]:
    """Run the checks against a tagger.

    Args:
        target: `main.py`, its folder, a command as a text or as a list, or an image.
        files: Good files to test with; without any, some are made.
        only: Names of checks; None for all of them.
        **options: Those of `Conformance`.

    Raises:
        TaggerError: there is no such tagger, or it cannot be started at all.
        ValueError: there is no check of a name in `only`.
    """
    with Conformance(target, files, **options) as conformance:
        return list(results_of(conformance, only=only))


def results_of(
    conformance: Conformance, *, only: Sequence[str] | None = None
) -> Iterator[CheckResult]:
    """Yield the results, each as soon as it is known.

    Raises:
        ValueError: there is no check of a name in `only`.
    """
    known = [check.name for check in CHECKS]
    for name in only or ():
        if name not in known:
            raise ValueError(f"unknown check {name!r}: expected one of {', '.join(known)}")
    for check in conformance.checks:
        if only is None or check.name in only:
            yield conformance.evaluate(check)
