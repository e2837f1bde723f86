"""Scheduler that assigns films to workers: a state machine without I/O and without a clock.

Films are assigned longest first, in small batches, so that no worker holds films that an idle one
could begin. Near the end a film waits for a fast worker if that one would finish it sooner, and
batches that have not begun are recalled for idle workers. While the queue is long, exceptionally
long films are reserved for workers that are known not to be slow: on a slow one the longest film
would determine the makespan.
"""

from __future__ import annotations

import heapq
import math
import statistics
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common_ml.scale.plan import Film

BATCH_SECONDS = 1.0
"""Target cost of a batch of short films, in seconds of media."""
MAX_BATCH = 64
MAX_TRIES = 3
"""Attempts for a film that ends its tagger or its worker."""
MAX_LOSSES = 10
"""Attempts for a film whose machines are lost, which the film seldom causes."""
_LONG = 3.0
"""Multiple of the average cost above which a film is exceptionally long."""
_SLOW = 1.4
"""Multiple of the (lower) median time per second of media above which a worker is slow."""
_MUCH = 4
"""Waiting films per worker above which the queue is long."""
_RATE_WEIGHT = 0.3
"""Weight of the newest measurement in the exponential moving average of a worker's rate."""

LossCause: TypeAlias = Literal["tagger", "machine", "none"]


@dataclass(frozen=True)
class Batch:
    """Films that are sent to a worker together."""

    number: int
    films: tuple[Film, ...]

    @property
    def cost(self) -> float:
        """Expected work, in seconds of media."""
        return sum(film.cost for film in self.films)


@dataclass
class _Worker:
    batches: list[Batch] = field(default_factory=list)  # the first is being tagged
    rate: float | None = None  # seconds a second of media
    began: float = 0.0  # when the first batch began
    recalled: int | None = None  # number of the batch that was asked back


class Schedule:
    """State of films and workers, and the assignment of films."""

    def __init__(self, films: Iterable[Film]) -> None:
        self._queue: list[tuple[float, int, Film]] = []  # a heap, the longest film first
        self._ties = count()
        self._workers: dict[str, _Worker] = {}
        self._numbers = count(1)
        self._tries: dict[str, int] = {}
        self._losses: dict[str, int] = {}
        self._last_on: dict[str, str] = {}  # suspect -> the worker that it ended
        self._rate: float | None = None  # of all workers
        self.num_open = 0
        """Number of films without an outcome."""
        for film in films:
            self.num_open += 1
            self._push(film)
        total = sum(-cost for cost, _, _ in self._queue)
        self._longest_for_slow = _LONG * total / max(1, self.num_open)

    @property
    def num_waiting(self) -> int:
        """Number of unassigned films."""
        return len(self._queue)

    @property
    def workers(self) -> list[str]:
        """All workers."""
        return list(self._workers)

    @property
    def surplus(self) -> list[str]:
        """Idle workers for which no work is left."""
        if self._queue or any(len(worker.batches) > 1 for worker in self._workers.values()):
            return []
        return [name for name, worker in self._workers.items() if not worker.batches]

    def tries_of(self, film: Film) -> int:
        """Return the attempts in which a film ended its tagger or its worker."""
        return self._tries.get(film.name, 0)

    def running(self) -> dict[str, Film]:
        """Worker -> the first film of the batch that it is tagging."""
        return {
            name: worker.batches[0].films[0]
            for name, worker in self._workers.items()
            if worker.batches
        }

    def join(self, name: str) -> None:
        """Add a worker."""
        self._workers[name] = _Worker()

    def leave(self, name: str) -> list[Batch]:
        """Remove a worker; its films are unassigned until `requeue`."""
        return self._workers.pop(name, _Worker()).batches

    def requeue(self, films: Iterable[Film]) -> None:
        """Requeue films that have not begun, or did not cause a failure."""
        for film in films:
            self._push(film)

    def requeue_suspect(self, film: Film, worker: str, *, cause: LossCause) -> bool:
        """Requeue a film that may have ended its worker; it is retried alone.

        Returns:
            False after its last attempt: it is not requeued, and needs an outcome.
        """
        if cause == "machine":
            self._losses[film.name] = self._losses.get(film.name, 0) + 1
            if self._losses[film.name] >= MAX_LOSSES:
                return False
        else:
            self._tries[film.name] = self.tries_of(film) + 1
            self._last_on[film.name] = worker
            if self.tries_of(film) >= MAX_TRIES:
                return False
        self._push(film)
        return True

    def close(self, film: Film) -> None:
        """Record that a film has an outcome."""
        self.num_open -= 1
        for notes in (self._tries, self._losses, self._last_on):
            notes.pop(film.name, None)

    def assign(self, now: float) -> list[tuple[str, Batch]]:
        """Assign films up to the capacity of the workers."""
        idle = [name for name, worker in self._workers.items() if not worker.batches]
        if len(self._queue) <= len(self._workers):
            return self._assign_last(idle, now)
        assigned = []
        ahead = [name for name, worker in self._workers.items() if len(worker.batches) == 1]
        rates = [worker.rate for worker in self._workers.values() if worker.rate is not None]
        usual = statistics.median_low(rates) if rates else 0.0
        for name in [*idle, *ahead]:
            longest = self._longest_for(self._workers[name], usual)
            # only exceptionally long films are left: better a slow worker than none
            batch = self._take(name, longest) or self._take(name, math.inf)
            if batch is not None:
                assigned.append(self._give(name, batch, now))
        return assigned

    def recall(self) -> list[tuple[str, int]]:
        """Return the batches to recall for idle workers: worker and number of each."""
        if self._queue:
            return []
        idle = sum(not worker.batches for worker in self._workers.values())
        idle -= sum(worker.recalled is not None for worker in self._workers.values())
        holders = [
            (worker.batches[0].cost * self._rate_of(worker), name, worker)
            for name, worker in self._workers.items()
            if len(worker.batches) > 1 and worker.recalled is None
        ]
        recalled = []
        for _, name, worker in heapq.nlargest(max(idle, 0), holders, key=lambda held: held[0]):
            worker.recalled = worker.batches[-1].number
            recalled.append((name, worker.batches[-1].number))
        return recalled

    def returned(self, name: str, number: int, *, success: bool) -> None:
        """Record the answer to a recall."""
        worker = self._workers.get(name)
        if worker is None:
            return
        worker.recalled = None
        if success:
            for batch in [batch for batch in worker.batches if batch.number == number]:
                worker.batches.remove(batch)
                self.requeue(batch.films)

    def finish(self, name: str, number: int, *, elapsed_seconds: float, now: float) -> Batch | None:
        """Record the end of a batch; return it, or None if it was recalled.

        Args:
            name: The worker.
            number: The batch.
            elapsed_seconds: How long the worker took.
            now: The time; any clock.
        """
        worker = self._workers.get(name)
        if worker is None:
            return None
        batch = next((batch for batch in worker.batches if batch.number == number), None)
        if batch is None:
            return None
        worker.batches.remove(batch)
        worker.began = now
        measured = elapsed_seconds / max(batch.cost, 1e-6)
        worker.rate = _average(worker.rate, measured)
        self._rate = _average(self._rate, measured)
        return batch

    def _push(self, film: Film) -> None:
        heapq.heappush(self._queue, (-film.cost, next(self._ties), film))

    def _take(self, name: str, max_cost: float) -> Batch | None:
        """Pop a batch from the queue: the longest film allowed, and more if it is short."""
        films: list[Film] = []
        rate = self._rate_of(self._workers[name])
        limit = min(MAX_BATCH, max(1, len(self._queue) // (4 * len(self._workers))))
        seconds = 0.0
        skipped = []
        while self._queue and len(films) < limit and seconds < BATCH_SECONDS:
            entry = heapq.heappop(self._queue)
            film = entry[2]
            if film.cost > max_cost:
                skipped.append(entry)
                continue
            is_suspect = film.name in self._tries
            if is_suspect and (
                films or (self._last_on.get(film.name) == name and self._has_others())
            ):
                skipped.append(entry)  # alone, and elsewhere if there is an elsewhere
                continue
            films.append(film)
            seconds += film.cost * rate
            if is_suspect or self._rate is None:
                break
        for entry in skipped:
            heapq.heappush(self._queue, entry)
        return Batch(next(self._numbers), tuple(films)) if films else None

    def _longest_for(self, worker: _Worker, usual_rate: float) -> float:
        """Return the cost of the longest film that a worker may get."""
        is_slow = worker.rate is None or worker.rate > _SLOW * usual_rate
        if is_slow and len(self._queue) > _MUCH * len(self._workers):
            return self._longest_for_slow
        return math.inf

    def _has_others(self) -> bool:
        return len(self._workers) > 1

    def _give(self, name: str, batch: Batch, now: float) -> tuple[str, Batch]:
        worker = self._workers[name]
        if not worker.batches:
            worker.began = now
        worker.batches.append(batch)
        return name, batch

    def _assign_last(self, idle: Sequence[str], now: float) -> list[tuple[str, Batch]]:
        """Assign each of the last films to the worker that would finish it first.

        If that one is busy, the film waits for it.
        """
        if not idle or not self._queue:
            return []
        rates = {name: self._rate_of(worker) for name, worker in self._workers.items()}
        free_at = {name: self._free_at(worker, now) for name, worker in self._workers.items()}
        waiting, assigned, free = [], [], set(idle)
        while self._queue and free:
            entry = heapq.heappop(self._queue)
            film = entry[2]
            avoided = self._last_on.get(film.name) if self._has_others() else None
            best = min(
                (name for name in rates if name != avoided),
                key=lambda name: free_at[name] + film.cost * rates[name],
            )
            free_at[best] += film.cost * rates[best]
            if best in free:
                free.remove(best)
                assigned.append(self._give(best, Batch(next(self._numbers), (film,)), now))
            else:
                waiting.append(entry)
        for entry in waiting:
            heapq.heappush(self._queue, entry)
        return assigned

    def _free_at(self, worker: _Worker, now: float) -> float:
        """Estimate when a worker will have finished its films."""
        if not worker.batches:
            return now
        rate = self._rate_of(worker)
        later = sum(batch.cost for batch in worker.batches[1:]) * rate
        expected = worker.began + worker.batches[0].cost * rate
        if expected > now:
            return expected + later
        # overdue: it may take as long again, and idle workers must not wait for it
        return now + (now - worker.began) + later

    def _rate_of(self, worker: _Worker) -> float:
        if worker.rate is not None:
            return worker.rate
        return 1.0 if self._rate is None else self._rate


def _average(before: float | None, measured: float) -> float:
    return measured if before is None else before + _RATE_WEIGHT * (measured - before)
