"""The checks of the contract as items that pytest runs, one by one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import CommonMLError
from common_ml.runtime.conformance import Conformance
from common_ml.testing.under_test import params_of, target_of

if TYPE_CHECKING:
    from common_ml.runtime.conformance import Check, CheckResult
    from common_ml.types import StrPath

GROUP = "tagger"
"""What stands before the name of a check: `tagger::late-lines`."""


class CheckFailedError(Exception):
    """The tagger breaks a rule of the contract."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__(result.seen)
        self.result = result

    def __str__(self) -> str:
        result = self.result
        return (
            f"{result.title}\n\n"
            f"expected: {result.expected}\n"
            f"seen:     {result.seen}\n"
            f"hint:     {result.hint}"
        )


class TaggerChecks(pytest.Collector):
    """All checks of the tagger of --tagger; they share its runs."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """The checks that apply to this kind of tagger."""
        return [
            CheckItem.from_parent(self, name=check.name, check=check)
            for check in self.conformance.checks
        ]

    @cached_property
    def conformance(self) -> Conformance:
        """The tagger under test; removed with the session."""
        config = self.config
        try:
            conformance = Conformance(
                target_of(config.getoption("--tagger")),
                config.getoption("--tagger-file"),
                params=params_of(config),
                quiet_seconds=config.getoption("--tagger-idle-timeout"),
            )
        except CommonMLError as error:
            raise pytest.UsageError(f"--tagger: {error}") from error
        config.add_cleanup(conformance.close)
        return conformance


class CheckItem(pytest.Item):
    """One check."""

    parent: TaggerChecks

    def __init__(self, *, name: str, parent: TaggerChecks, check: Check) -> None:
        super().__init__(name, parent)
        self._check = check

    def runtest(self) -> None:
        """Evaluate; a check that cannot be evaluated is skipped with the reason."""
        result = self.parent.conformance.evaluate(self._check)
        if result.skipped:
            pytest.skip(result.seen)
        if result.failed:
            raise CheckFailedError(result)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None
    ) -> str:
        """Expectation, observation and hint, without a traceback."""
        del style  # of tracebacks
        if isinstance(excinfo.value, (CheckFailedError, CommonMLError)):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[StrPath, int | None, str]:
        """The location: no file."""
        return GROUP, None, f"{GROUP}::{self.name}"


def check_items(session: pytest.Session) -> list[pytest.Item]:
    """The checks, as items of a session.

    Raises:
        pytest.UsageError: there is no such tagger.
    """
    group = TaggerChecks.from_parent(session, name=GROUP, nodeid=GROUP)
    items = [item for item in group.collect() if isinstance(item, pytest.Item)]
    if session.config.pluginmanager.hasplugin("xdist"):
        for item in items:  # one process, where --dist loadgroup leaves the choice: it shares runs
            item.add_marker(pytest.mark.xdist_group(GROUP))
    return items
