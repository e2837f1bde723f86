"""Detect a forked child that returns into the SDK: it must not run as a second tagger."""

from __future__ import annotations

import mmap
import os
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from os import getpid  # bound here: a model may replace `os.getpid`
from typing import TYPE_CHECKING

from common_ml.tagging.job.log import write_to_stderr
from common_ml.tagging.job.signals import exit_flushed

if TYPE_CHECKING:
    from types import FrameType

_OUR_CLASSES = "common_ml.tagging."
_NUM_LOOKS = 100
"""How often a child looks whether its parent has become the tagger, before it does itself."""
_LOOK_SECONDS = 0.01


def become_tagger() -> None:
    """Take the role of the tagger, or end this process where its parent has it.

    A child that the author's code forks has the input and output of its parent. If both go on to
    the same `run_default`, the child ends: it would take files away. What the parent does
    distinguishes it from one that is meant to be the tagger, under a parent that only waits for it
    (`if start() == 0: run_default(model)`).
    """
    record = _RECORD.get()
    if record.fork is not None:
        record.fork.wait_for_parent()
    leave_if_stray_child()
    record.role.take()


def is_stray_child() -> bool:
    """Return whether this process was forked by a tagger and is none."""
    fork = _RECORD.get().fork
    return fork is not None and fork.is_stray


def leave_if_stray_child(status: int = 0) -> None:
    """End this process if it was forked by a tagger and is none."""
    fork = _RECORD.get().fork
    if fork is not None and fork.is_stray:
        code = fork.frame.f_code
        write_to_stderr(
            f"the process {getpid()} that was forked in {code.co_name}"
            f" ({os.path.basename(code.co_filename)}:{fork.frame.f_lineno}) is no tagger, and ends;"
            " hint: let a child end with os._exit()"
        )
        exit_flushed(status)


class _Role:
    """Whether a process is a tagger, for the children that it forks to see."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 1)  # shared with children, whatever descriptors they close

    def take(self) -> None:
        self._page[0] = 1

    @property
    def is_taken(self) -> bool:
        return self._page[0] == 1


@dataclass(frozen=True)
class _Fork:
    """The call that has made this process."""

    parent: int
    """Process id."""
    parents_role: _Role
    frame: FrameType
    """Of the function that has forked."""
    in_constructor: bool
    """Whether that was in the constructor of a model."""
    stdin: tuple[int, int] | None
    """Device and inode of the input that it has from its parent; None if there is none."""

    @property
    def is_stray(self) -> bool:
        """Whether the parent is the tagger, and this child goes the same way."""
        return self.in_constructor or (self._has_come_back and self.parents_role.is_taken)

    @property
    def _has_come_back(self) -> bool:
        """Whether the child has returned from the function that forked, as the parent also does.

        A program that forks its tagger itself (`if os.fork() == 0: run_default(...)`) is still in
        the function that has forked; the parent of one that went into the background has ended; a
        server that forks its programs gives each an input of its own.
        """
        return (
            self.stdin is not None
            and _stdin() == self.stdin
            and os.getppid() == self.parent
            and not any(frame is self.frame for frame in _stack())
        )

    def wait_for_parent(self) -> None:
        """Give a parent that goes the same way a moment to become the tagger."""
        for _ in range(_NUM_LOOKS):
            if self.is_stray or not self._has_come_back:
                return
            time.sleep(_LOOK_SECONDS)


class _ForkRecord:
    """What this process is, and which call has made it."""

    def __init__(self) -> None:
        self.role = _Role()
        self.fork: _Fork | None = None
        """None where this process was not forked, or by none of the author's code."""
        self._id = getpid()

    def before_fork(self) -> None:
        """Note the process id: the child cannot ask for it, as its parent may have ended."""
        self._id = getpid()

    def after_fork_in_child(self) -> None:
        """Note the fork; called on the stack that has forked."""
        authors = [frame for frame in _stack() if frame.f_globals.get("__name__") not in _NO_AUTHOR]
        if authors:
            in_constructor = any(map(_makes_a_model, authors))
            self.fork = _Fork(self._id, self.role, authors[0], in_constructor, _stdin())
        self.role = _Role()


_NO_AUTHOR = ("pty", __name__)
"""Modules that are on the stack of a fork and are not the code that asked for it."""

_RECORD: ContextVar[_ForkRecord] = ContextVar("_RECORD", default=_ForkRecord())  # noqa: B039 - one for all threads
"""Not in the environment: a program that takes the child's place by `exec` is none of it."""


def _stdin() -> tuple[int, int] | None:
    try:
        status, nothing = os.fstat(0), os.stat(os.devnull)
    except OSError:
        return None
    if status.st_rdev == nothing.st_rdev:
        return None
    return status.st_dev, status.st_ino


def _stack() -> list[FrameType]:
    """Return the frames of this thread above this function, the innermost first."""
    frames: list[FrameType] = []
    frame = sys._getframe().f_back
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _makes_a_model(frame: FrameType) -> bool:
    code = frame.f_code
    if code.co_name != "__init__" or not code.co_argcount:
        return False
    made = frame.f_locals.get(code.co_varnames[0])
    return any(base.__module__.startswith(_OUR_CLASSES) for base in type(made).__mro__)


os.register_at_fork(
    before=lambda: _RECORD.get().before_fork(),
    after_in_child=lambda: _RECORD.get().after_fork_in_child(),
)
