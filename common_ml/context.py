"""The context of the current work: one object in one context variable."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Kept = TypeVar("Kept")
Setting = TypeVar("Setting")


class WorkContext:
    """Settings that any code can read without a parameter; `tagging.job.context` extends them.

    A setting is an object that is found by its class: `media.limits.Limits`,
    `media.choices.Choices`, `stages.Stopwatch`, `tagging.calls.call_policy.CallPolicy`.
    """

    def __init__(self, *settings: object) -> None:
        """Begin with `settings`, at most one of each class."""
        self._settings: dict[type, object] = {type(setting): setting for setting in settings}
        self._kept: dict[object, object] = {}

    @property
    def settings(self) -> tuple[object, ...]:
        """All settings, in the order in which they were made."""
        return tuple(self._settings.values())

    def setting(self, kind: type[Setting]) -> Setting | None:
        """Return the setting of a class; None if there is none, which means the defaults."""
        return cast("Setting | None", self._settings.get(kind))

    @contextmanager
    def replacing(self, setting: object) -> Iterator[None]:
        """Use `setting` in place of the one of its class inside the block, in any thread."""
        kind = type(setting)
        before = self._settings.get(kind)
        self._settings[kind] = setting
        try:
            yield
        finally:
            if before is None:
                del self._settings[kind]
            else:
                self._settings[kind] = before

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
