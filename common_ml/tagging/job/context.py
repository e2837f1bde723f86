"""Context of the running job: one object, reachable through a context variable."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from common_ml.context import WorkContext, current
from common_ml.media.limits import Limits
from common_ml.tagging.job.deadline import Deadline
from common_ml.tagging.job.signals import GracefulShutdown

if TYPE_CHECKING:
    from collections.abc import Iterator


class JobContext(WorkContext):
    """State of a job.

    The loop holds a reference. Code that is called through an author's method gets it by
    `current_job()`, the value of one context variable, also in threads.
    """

    shutdown: GracefulShutdown
    """Whether the process was asked to stop."""
    files: tuple[str, ...]
    """The files being tagged, for log records."""
    deadline: Deadline | None
    """Time limit for `files`; None for no limit."""
    params: dict[str, Any]
    """The value of `--params`, as sent."""
    output_lock: threading.Lock
    """Held by any thread while it writes a line to the output."""

    def __init__(
        self,
        *settings: object,
        shutdown: GracefulShutdown | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        """Begin a job.

        Args:
            settings: At most one of each class; see `WorkContext`.
            shutdown: State of the process, if it has captured signals already.
            params: The value of `--params`, as sent.
        """
        super().__init__(*settings)
        self.shutdown = shutdown or GracefulShutdown()
        self.params = params or {}
        self.files = ()
        self.deadline = None
        self.output_lock = threading.Lock()

    @property
    def file_timeout_seconds(self) -> float | None:
        """Time limit for the tagging of one file; None for no limit."""
        limits = self.setting(Limits)
        return None if limits is None else limits.file_timeout_seconds

    @contextmanager
    def current_file(self, *files: str, timeout_seconds: float | None = None) -> Iterator[None]:
        """Set the files that are tagged in the block, and its time limit.

        Args:
            files: The paths as received.
            timeout_seconds: Time limit per file; None keeps the limit of the outer block.
        """
        before = self.files, self.deadline
        self.files = files
        if timeout_seconds is not None:
            self.deadline = Deadline(files, timeout_seconds)
        try:
            yield
        finally:
            if self.deadline is not None and self.deadline is not before[1]:
                self.deadline.cancel_alarm()
            self.files, self.deadline = before
            if not self.files:  # the model may have replaced our handlers
                self.shutdown.rearm_now_and_then()

    def check_time(self) -> None:
        """Raise if the time for the current file is over; called between frames or messages.

        Raises:
            LimitError: the time is over.
        """
        if self.deadline is not None:
            self.deadline.check()

    def raise_if_stopped(self) -> None:
        """Raise if the process was asked to stop; called between frames or messages.

        Raises:
            StopRequested: the process was asked to stop.
        """
        self.shutdown.raise_if_stopped()


def current_job() -> JobContext:
    """Return the context of the running job; a new one with the defaults if there is no job."""
    work = current()
    if isinstance(work, JobContext):
        return work
    return JobContext(*work.settings)


def cancelled() -> bool:
    """Return whether the tagger was asked to stop.

    A model with long calls may poll this and return early: its result is not written any more.
    """
    return current_job().shutdown.signal_number is not None


def _shutdown_of_process() -> GracefulShutdown:
    return current_job().shutdown


os.register_at_fork(
    before=lambda: _shutdown_of_process().before_fork(),
    after_in_parent=lambda: _shutdown_of_process().after_fork_in_parent(),
    after_in_child=lambda: _shutdown_of_process().after_fork_in_child(),
)
