"""Pool of local workers, one thread and one tagger each."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from common_ml.scale.film_worker import FilmWorker
from common_ml.scale.pool import Finished, Joined, Lost, Moved, Recalled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from common_ml.scale.film_worker import WorkSpec
    from common_ml.scale.pool import PoolEvent
    from common_ml.scale.schedule import Batch


class LocalPool:
    """See `Pool`."""

    def __init__(
        self, spec: WorkSpec, *, max_workers: int, log_of: Callable[[int], Path] | None = None
    ) -> None:
        """Initialise.

        Args:
            spec: Configuration of a worker.
            max_workers: >= 1.
            log_of: Returns the log of one of `max_workers` taggers, from 0.
        """
        self.max_workers = max_workers
        self._spec = spec
        self._log_of = log_of
        self._workers: dict[str, _LocalWorker] = {}
        self._ended: list[_LocalWorker] = []
        self._names = count()
        # not SimpleQueue: its waits with a timeout may never end (tagging.job.wakeup)
        self._events: queue.Queue[PoolEvent] = queue.Queue()

    def now(self) -> float:
        """Return the time in seconds; any monotonic clock."""
        return time.monotonic()

    def grow(self, num_workers: int) -> None:
        """Request more workers; each is reported as joined or lost."""
        for _ in range(num_workers):
            number = next(self._names)
            name = f"tagger {number}"
            # a replacement continues the log of the worker before
            log = self._log_of and self._log_of(number % self.max_workers)
            try:
                self._workers[name] = _LocalWorker(name, self._spec, self._events, log)
            except OSError as error:
                self._events.put(Lost(name, str(error), "none"))
            else:
                self._events.put(Joined(name))

    def send(self, worker: str, batch: Batch) -> None:
        """Send films to a worker; it finishes batches in the order in which they were sent."""
        self._workers[worker].films.prefetch(batch.films)
        self._workers[worker].batches.put(batch)

    def recall(self, worker: str, number: int) -> None:
        """Recall a batch that has not begun; answered by `Recalled`."""
        success = self._workers[worker].films.recall(number)
        self._events.put(Recalled(worker, number, success))

    def release(self, worker: str) -> None:
        """End an idle worker; no more events are reported about it."""
        released = self._workers.pop(worker)
        released.batches.put(None)
        self._ended.append(released)

    def wait(self, timeout_seconds: float) -> Sequence[PoolEvent]:
        """Wait for events; return [] after the timeout."""
        events: list[PoolEvent] = []
        with suppress(queue.Empty):
            events.append(self._events.get(timeout=timeout_seconds))
            while True:
                events.append(self._events.get_nowait())
        ended = {worker.name for worker in self._ended}  # it was released
        events = [
            event for event in events if not (isinstance(event, Lost) and event.worker in ended)
        ]
        for name, worker in self._workers.items():
            position = worker.films.position()
            if position is not None:
                events.append(Moved(name, *position))
        return events

    def close(self, *, grace_seconds: float) -> None:
        """End all workers."""
        workers = [*self._workers.values(), *self._ended]
        for worker in workers:
            worker.batches.put(None)
            worker.films.stop(grace_seconds)
        for worker in workers:
            worker.thread.join()
        self._workers.clear()


class _LocalWorker:
    def __init__(
        self,
        name: str,
        spec: WorkSpec,
        events: queue.Queue[PoolEvent],
        log: Path | None,
    ) -> None:
        self.name = name
        self._events = events
        self.films = FilmWorker(spec, log=log)
        self.batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        reason = "its thread ended"
        try:
            while (batch := self.batches.get()) is not None:
                result = self.films.tag(batch.number, batch.films)
                self._events.put(Finished(self.name, batch.number, result))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise  # shown with its traceback: it is a bug
        finally:
            try:
                self.films.close()
            finally:  # in any case: the driver waits for its films otherwise
                self._events.put(Lost(self.name, reason, "none"))
