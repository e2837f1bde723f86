"""Threads that decode pictures, kept from one batch of files to the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from common_ml.media.cpus import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

THREAD_NAME = "read_images"


class KeptThreads:
    """Threads for one reader of pictures after the other.

    OpenCV leaves some 900 bytes behind in each thread that ends: a tagger whose files come one by
    one would keep as much for each.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Prepare; no thread is started yet.

        Args:
            workers: Maximum number of threads; by default the CPUs that this process may use.
        """
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._lending = Lock()

    @contextmanager
    def lent(self) -> Iterator[Tasks]:
        """Lend the threads for a block, and wait at its end for the tasks that have begun.

        Who asks while they are lent gets others.
        """
        if not self._lending.acquire(blocking=False):
            others = KeptThreads(self._workers)
            with closing(others), others.lent() as tasks:
                yield tasks
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers or usable_cpus(), THREAD_NAME)
        tasks = Tasks(self._pool)
        try:
            yield tasks
        finally:
            tasks.close()
            self._lending.release()

    def close(self) -> None:
        """End the threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()


class Tasks:
    """What one reader has asked the threads to do."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._asked: set[Future[Any]] = set()

    def submit(self, task: Callable[..., Any], *args: object) -> Future[Any]:
        """Run a task on one of the threads."""
        future = self._pool.submit(task, *args)
        self._asked.add(future)
        future.add_done_callback(self._asked.discard)
        return future

    def close(self) -> None:
        """Drop the tasks that wait, and wait for the others."""
        left = [future for future in tuple(self._asked) if not future.cancel()]
        wait(left)
