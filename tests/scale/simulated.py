"""A cluster under a fake clock: the real driver and schedule, and machines that are numbers."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from common_ml.scale.driver import Driver
from common_ml.scale.plan import lower_bound
from common_ml.scale.pool import (
    BatchResult,
    FilmResult,
    Finished,
    Joined,
    Lost,
    Outcome,
    PoolEvent,
    Recalled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from common_ml.scale.plan import Film
    from common_ml.scale.schedule import Batch


@dataclass
class _Machine:
    speed: float
    batches: list[tuple[Batch, float]] = field(default_factory=list)  # with the time of its end


class SimulatedPool:
    """See `Pool`. Time passes only in `wait`."""

    def __init__(
        self,
        speeds: Sequence[float],
        *,
        start_seconds: float = 30.0,
        losses_an_hour: float = 0.0,
        overhead_seconds: float = 0.01,
        noise: float = 0.0,
        poison: Callable[[Film], bool] = lambda film: False,
        seed: int = 0,
    ) -> None:
        """Prepare.

        Args:
            speeds: Of the machines, in seconds of film a second.
            start_seconds: From asking for a machine until it is ready.
            losses_an_hour: Probability that a machine is lost within an hour.
            overhead_seconds: Of each film.
            noise: Standard deviation of the logarithm of a film's time over its expected one.
            poison: Films that end their tagger.
            seed: Of all randomness.
        """
        self.max_workers = len(speeds)
        self._free_speeds = list(reversed(speeds))
        self._start_seconds = start_seconds
        self._losses_a_second = losses_an_hour / 3600
        self._overhead_seconds = overhead_seconds
        self._noise = noise
        self._poison = poison
        self._random = random.Random(seed)
        self._time = 0.0
        self._ties = count()
        self._events: list[tuple[float, int, PoolEvent]] = []
        self._machines: dict[str, _Machine] = {}
        self._names = count()
        self.committed: list[str] = []
        """Names of films with a part, in the order of their commits."""
        self.begun: list[str] = []
        """Names of films that a tagger received, in order."""
        self.num_lost = 0

    def now(self) -> float:
        return self._time

    def grow(self, num_workers: int) -> None:
        for _ in range(num_workers):
            name = f"machine {next(self._names)}"
            self._machines[name] = _Machine(self._free_speeds.pop())
            self._later(self._start_seconds, Joined(name))
            if self._losses_a_second:
                life = self._random.expovariate(self._losses_a_second)
                self._later(self._start_seconds + life, Lost(name, "node lost", "machine"))

    def send(self, worker: str, batch: Batch) -> None:
        machine = self._machines[worker]
        begins = machine.batches[-1][1] if machine.batches else self._time
        seconds = sum(self._seconds(film) for film in batch.films) / machine.speed
        ends = begins + seconds + self._overhead_seconds * len(batch.films)
        machine.batches.append((batch, ends))
        results = tuple(FilmResult(film, self._outcome(film)) for film in batch.films)
        result = BatchResult(results, ends - begins)
        self._later(ends - self._time, Finished(worker, batch.number, result))

    def recall(self, worker: str, number: int) -> None:
        batches = self._machines[worker].batches
        success = len(batches) > 1 and batches[-1][0].number == number
        if success:
            batches.pop()
        self._later(0.01, Recalled(worker, number, success))

    def release(self, worker: str) -> None:
        self._free_speeds.append(self._machines.pop(worker).speed)

    def wait(self, timeout_seconds: float) -> Sequence[PoolEvent]:
        end = self._time + timeout_seconds
        while self._events and self._events[0][0] <= end:
            self._time, _, event = heapq.heappop(self._events)
            if self._happens(event):
                return [event]
        self._time = end
        return []

    def close(self, *, grace_seconds: float) -> None:
        self._machines.clear()

    def _happens(self, event: PoolEvent) -> bool:
        """Whether an event still happens; keep the books about it."""
        machine = self._machines.get(event.worker)
        if machine is None:
            return False
        if isinstance(event, Finished):
            if not machine.batches or machine.batches[0][0].number != event.number:
                return False  # it was taken back
            self._commit(machine.batches.pop(0)[0].films)
        elif isinstance(event, Lost):
            self.num_lost += 1
            if machine.batches:  # part of the batch is done
                batch, ends = machine.batches[0]
                for film in reversed(batch.films):
                    ends -= self._seconds(film) / machine.speed
                    if ends <= self._time:
                        break
                self._commit(batch.films[: batch.films.index(film)])
            self._free_speeds.append(self._machines.pop(event.worker).speed)
        return True

    def _commit(self, films: Sequence[Film]) -> None:
        for film in films:
            self.begun.append(film.name)
            if not self._poison(film) and film.name not in self.committed:
                self.committed.append(film.name)

    def _outcome(self, film: Film) -> Outcome:
        return "died" if self._poison(film) else "done"

    def _seconds(self, film: Film) -> float:
        noise = random.Random(film.name).gauss(0.0, self._noise) if self._noise else 0.0
        return film.cost * math.exp(noise)

    def _later(self, seconds: float, event: PoolEvent) -> None:
        heapq.heappush(self._events, (self._time + seconds, next(self._ties), event))


@dataclass(frozen=True)
class Simulation:
    """What came out of a simulated job."""

    makespan_seconds: float
    bound_seconds: float
    """No schedule can be faster: all work over all speeds, machines that are always there."""
    num_lost: int
    results: tuple[FilmResult, ...]

    @property
    def ratio(self) -> float:
        return self.makespan_seconds / self.bound_seconds


def simulate(films: Sequence[Film], pool: SimulatedPool, speeds: Sequence[float]) -> Simulation:
    """Run the real driver to its end."""
    committed = set[str]()

    def is_done(film: Film) -> bool:
        committed.update(pool.committed[len(committed) :])
        return film.name in committed

    results = tuple(Driver(films, pool, is_done=is_done).run())
    bound = lower_bound([film.cost for film in films], speeds)
    return Simulation(pool.now(), bound, pool.num_lost, results)
