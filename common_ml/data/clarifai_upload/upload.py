"""All chunks, in threads, until they are done, refused for good, or Ctrl-C."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.chunk import upload_chunk
from common_ml.data.clarifai_upload.job import NO_ANSWER, NOT_SENT
from common_ml.data.clarifai_upload.options import Options
from common_ml.data.clarifai_upload.outcomes import Outcome, Summary
from common_ml.data.clarifai_upload.planning import Plan, plan
from common_ml.data.clarifai_upload.retry import Clock
from common_ml.data.clarifai_upload.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from common_ml.data.clarifai_upload.account import Account
    from common_ml.data.clarifai_upload.job import Job
    from common_ml.data.record import Record

    Told = Callable[[Outcome], object]

__all__ = ["plan", "upload"]


def upload(
    records: Iterable[Record],
    account: Account,
    options: Options | None = None,
    *,
    on_outcome: Told | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Uploads records; what became of each stands in the summary, in their order.

    A refused key, a server that is gone, and Ctrl-C end it early; the summary says so.

    Args:
        records: Taken all before the first is sent.
        account: Whose, and the key.
        options: How.
        on_outcome: Is told each outcome as soon as it is known, in this thread.
        clock: For tests.

    Raises:
        UploadError: the address is wrong.
        MissingExtraError: the extra `clarifai` is not installed.
    """
    options = options or Options()
    with Session(account, options, clock or Clock()) as session:
        planned = plan(records, options)
        return run(session, planned, options, on_outcome or _silent)


def run(session: Session, planned: Plan, options: Options, on_outcome: Told) -> Summary:
    """Uploads what is planned."""
    crew = _Crew(session, planned, options, on_outcome)
    interrupted = False
    try:
        for outcome in planned.failed:
            on_outcome(outcome)
        crew.work()
    except KeyboardInterrupt:
        interrupted = True
        session.stop("interrupted")
    finally:
        crew.leave()
    settled = [job.outcome for job in planned.jobs if job.outcome is not None]
    return Summary(
        outcomes=sorted([*planned.failed, *settled], key=lambda one: one.place),
        warnings=planned.warnings,
        num_annotations=sum(job.num_taken for job in planned.jobs),
        stopped=session.stop_reason,
        interrupted=interrupted,
        media_root=options.media_root,
    )


_LOOK_SECONDS = 0.2
"""A Ctrl-C that comes just before a wait begins is seen at its end, and so none may be endless."""


class _Crew:
    """Threads that take one chunk after the other."""

    def __init__(self, session: Session, planned: Plan, options: Options, on_outcome: Told) -> None:
        self._session = session
        self._options = options
        self._on_outcome = on_outcome
        self._jobs = planned.jobs
        self._chunks = planned.chunks(options.chunk_size)
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="upload")
        self._running: dict[Future[None], list[Job]] = {}
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def work(self) -> None:
        """Until no chunk is left, or all must stop."""
        while self._begin() or self._running:
            done, _ = wait(self._running, _LOOK_SECONDS, return_when=FIRST_COMPLETED)
            self._collect(done)

    def leave(self) -> None:
        """Ends the threads, and settles what nobody has settled."""
        try:
            while wait(self._running, _LOOK_SECONDS).not_done:
                pass
            self._collect(set(self._running))
        except KeyboardInterrupt:
            pass  # the second one: a thread hangs, say in a file on a lost network drive
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for job in self._jobs:
                if job.outcome is None:
                    job.settle("unfinished", NO_ANSWER if job.sent else NOT_SENT)
                    self._tell([job])

    def _begin(self) -> bool:
        """Gives each free thread a chunk; False if none began."""
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
            jobs = self._running.pop(future)
            error = future.exception()
            if error is not None:
                self._session.stop(f"{type(error).__name__}: {error}")
                raise error
            self._tell(jobs)

    def _tell(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.outcome is not None:
                self._on_outcome(job.outcome)

    def _claim(self, input_id: str) -> bool:
        with self._lock:
            if input_id in self._ids:
                return False
            self._ids.add(input_id)
            return True


def _silent(_: Outcome) -> None:
    """Tells nobody."""
