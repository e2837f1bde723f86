"""The context of the current work: one object in one context variable."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common_ml.media.choices import Choices
    from common_ml.media.limits import Limits
    from common_ml.stages import Stopwatch


Kept = TypeVar("Kept")


class WorkContext:
    """Settings that any code can read without a parameter; `tagging.job.context` extends them."""

    limits: Limits | None
    """Limits for media files; None for the defaults."""
    choices: Choices | None
    """Which streams are read, and how damage is treated; None for the defaults."""
    stopwatch: Stopwatch | None
    """Measures the stages of the work; None if they are not measured."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        choices: Choices | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self.limits = limits
        self.choices = choices
        self.stopwatch = stopwatch
        self._kept: dict[object, object] = {}

    def kept(self, make: Callable[[], Kept]) -> Kept:
        """Return the one result of `make` in this work, such as a memory of files: made once."""
        if make not in self._kept:
            self._kept.setdefault(make, make())
        return cast("Kept", self._kept[make])


class _Process:
    """The process-wide context, for threads that a model starts: their `contextvars` are empty."""

    work = WorkContext()


_work: ContextVar[WorkContext | None] = ContextVar("common_ml_work", default=None)


def current() -> WorkContext:
    """Return the context of the current work; that of the process if there is none."""
    return _work.get() or _Process.work


@contextmanager
def entered(work: WorkContext) -> Iterator[None]:
    """Make `work` the current context inside the block, also for threads started there."""
    token = _work.set(work)
    before, _Process.work = _Process.work, work
    try:
        yield
    finally:
        _Process.work = before
        _work.reset(token)
