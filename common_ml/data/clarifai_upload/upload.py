"""Run an upload: chunks on threads, until all are settled, a fatal error, or Ctrl-C."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.chunk import upload_chunk
from common_ml.data.clarifai_upload.options import UploadOptions
from common_ml.data.clarifai_upload.outcomes import Summary, UploadOutcome
from common_ml.data.clarifai_upload.planning import UploadPlan, plan
from common_ml.data.clarifai_upload.retry import RetryClock
from common_ml.data.clarifai_upload.session import Session
from common_ml.data.clarifai_upload.upload_item import NO_ANSWER, NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from common_ml.data.clarifai_upload.account import Account
    from common_ml.data.clarifai_upload.upload_item import UploadItem
    from common_ml.data.record import Record

    OnOutcome = Callable[[UploadOutcome], object]

__all__ = ["plan", "upload"]


def upload(
    records: Iterable[Record],
    account: Account,
    options: UploadOptions | None = None,
    *,
    on_outcome: OnOutcome | None = None,
    clock: RetryClock | None = None,
) -> Summary:
    """Upload records; the summary has the outcome of each, in their order.

    A refused key, an unreachable server, and Ctrl-C end it early; the summary says so.

    Args:
        records: All are read before the first is sent.
        account: User, app and key.
        options: Options of the upload.
        on_outcome: Called with each outcome as soon as it is known, in this thread.
        clock: For tests.

    Raises:
        UploadError: the address is wrong.
        MissingExtraError: the extra `clarifai` is not installed.
    """
    options = options or UploadOptions()
    with Session(account, options, clock or RetryClock()) as session:
        planned = plan(records, options)
        return run(session, planned, options, on_outcome or _silent)


def run(
    session: Session, planned: UploadPlan, options: UploadOptions, on_outcome: OnOutcome
) -> Summary:
    """Upload what is planned."""
    workers = _WorkerPool(session, planned, options, on_outcome)
    interrupted = False
    try:
        for outcome in planned.failed:
            on_outcome(outcome)
        workers.work()
    except KeyboardInterrupt:
        interrupted = True
        session.stop("interrupted")
    finally:
        workers.leave()
    settled = [item.outcome for item in planned.items if item.outcome is not None]
    return Summary(
        outcomes=sorted([*planned.failed, *settled], key=lambda one: one.place),
        warnings=planned.warnings,
        num_annotations=sum(item.num_taken for item in planned.items),
        stopped=session.stop_reason,
        interrupted=interrupted,
        media_root=options.media_root,
    )


_LOOK_SECONDS = 0.2
"""A Ctrl-C just before a wait is handled at its end, so that each wait has a time limit."""


class _WorkerPool:
    """Worker threads that upload one chunk after the other."""

    def __init__(
        self, session: Session, planned: UploadPlan, options: UploadOptions, on_outcome: OnOutcome
    ) -> None:
        self._session = session
        self._options = options
        self._on_outcome = on_outcome
        self._jobs = planned.items
        self._chunks = planned.chunks(options.chunk_size)
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="upload")
        self._running: dict[Future[None], list[UploadItem]] = {}
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def work(self) -> None:
        """Run until no chunk is left, or the upload stops."""
        while self._begin() or self._running:
            done, _ = wait(self._running, _LOOK_SECONDS, return_when=FIRST_COMPLETED)
            self._collect(done)

    def leave(self) -> None:
        """Stop the threads, and settle the rest."""
        try:
            while wait(self._running, _LOOK_SECONDS).not_done:
                pass
            self._collect(set(self._running))
        except KeyboardInterrupt:
            pass  # the second one: a thread hangs, say in a file on a lost network drive
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for item in self._jobs:
                if item.outcome is None:
                    item.settle("unfinished", NO_ANSWER if item.sent else NOT_SENT)
                    self._tell([item])

    def _begin(self) -> bool:
        """Give each idle thread a chunk; False if none was started."""
        begun = False
        while len(self._running) < self._options.threads and not self._session.stop_reason:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            future = self._pool.submit(
                upload_chunk, self._session, chunk, self._options, self._claim
            )
            self._running[future] = chunk
            begun = True
        return begun

    def _collect(self, done: set[Future[None]]) -> None:
        for future in done:
            items = self._running.pop(future)
            error = future.exception()
            if error is not None:
                self._session.stop(f"{type(error).__name__}: {error}")
                raise error
            self._tell(items)

    def _tell(self, items: list[UploadItem]) -> None:
        for item in items:
            if item.outcome is not None:
                self._on_outcome(item.outcome)

    def _claim(self, input_id: str) -> bool:
        with self._lock:
            if input_id in self._ids:
                return False
            self._ids.add(input_id)
            return True


def _silent(_: UploadOutcome) -> None:
    """Default of `on_outcome`: do nothing."""
