"""Driver loop: dispatch films to a pool of workers until each film has one outcome."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from common_ml.backoff import Backoff
from common_ml.errors import TaggerError
from common_ml.scale.pool import (
    FilmResult,
    Finished,
    Joined,
    Lost,
    Moved,
    Pool,
    PoolEvent,
    Recalled,
)
from common_ml.scale.schedule import MAX_TRIES, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.scale.plan import Film
    from common_ml.scale.schedule import Batch

WAIT_SECONDS = 1.0
MAX_BROKEN = 3
"""Workers in succession that could not tag anything, after which the tagger counts as broken."""
_MIN_PENDING = 2
logger = logging.getLogger(__name__)


class Driver:
    """Dispatches films, monitors the workers, and replaces lost ones.

    for result in Driver(films, pool, is_done=lambda film: parts.has(key_of(film))).run():
        print(result.film.name, result.outcome)
    """

    def __init__(
        self,
        films: Sequence[Film],
        pool: Pool,
        *,
        is_done: Callable[[Film], bool],
        on_move: Callable[[str, float], None] | None = None,
        on_warning: Callable[[str], None] = logger.warning,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        """Initialise; nothing is started yet.

        Args:
            films: What to tag.
            pool: The workers.
            is_done: Whether a film has its part; called for the films of a lost worker.
            on_move: Called with the name of a film and the position in it, in seconds.
            on_warning: Called with each new warning.
            on_log: Called with the stderr of a tagger during a batch, before its outcomes.
        """
        self._schedule = Schedule(films)
        self._pool = pool
        self._is_done = is_done
        self._on_move = on_move
        self._on_warning = on_warning
        self._on_log = on_log
        self._num_pending = 0
        self._num_broken = 0
        self._may_grow_at = 0.0
        self._stopped = False
        self.num_lost = 0
        """Number of lost workers."""

    def run(self) -> Iterator[FilmResult]:
        """Yield the outcome of each film once; release workers as the work runs out.

        Raises:
            TaggerError: no worker can tag anything.
        """
        schedule, pool = self._schedule, self._pool
        while schedule.num_open and not self._stopped:
            self._grow()
            for worker, batch in schedule.assign(pool.now()):
                pool.send(worker, batch)
            for worker, number in schedule.recall():
                pool.recall(worker, number)
            self._shrink()
            for event in pool.wait(WAIT_SECONDS):
                yield from self._outcomes(event)

    def stop(self) -> None:
        """End `run` after the next event; safe in a signal handler."""
        self._stopped = True

    def _grow(self) -> None:
        """Request workers, twice as many each time, to probe the capacity of the cluster."""
        have = len(self._schedule.workers) + self._num_pending
        wanted = min(self._pool.max_workers, self._schedule.num_open)
        room = max(_MIN_PENDING, len(self._schedule.workers)) - self._num_pending
        more = min(wanted - have, room)
        if self._schedule.num_waiting and more > 0 and self._pool.now() >= self._may_grow_at:
            self._num_pending += more
            self._pool.grow(more)

    def _shrink(self) -> None:
        for worker in self._schedule.surplus:
            # keep one for the films of lost workers: a new one takes time to start
            if self._schedule.num_open:
                self._schedule.leave(worker)
                self._pool.release(worker)

    def _outcomes(self, event: PoolEvent) -> Iterator[FilmResult]:
        if isinstance(event, Joined):
            self._num_pending -= 1
            self._schedule.join(event.worker)
        elif isinstance(event, Finished):
            yield from self._finished(event)
        elif isinstance(event, Lost):
            yield from self._lost(event)
        elif isinstance(event, Recalled):
            self._schedule.returned(event.worker, event.number, success=event.success)
        elif isinstance(event, Moved) and self._on_move is not None:
            self._on_move(event.name, event.position_seconds)

    def _finished(self, event: Finished) -> Iterator[FilmResult]:
        result = event.result
        if result.log and self._on_log is not None:
            self._on_log(result.log)
        batch = self._schedule.finish(
            event.worker,
            event.number,
            elapsed_seconds=result.elapsed_seconds,
            now=self._pool.now(),
        )
        if batch is None:
            return
        for warning in result.warnings:
            self._on_warning(warning)
        if any(found.outcome in ("done", "failed") for found in result.results):
            self._num_broken = 0
        found_of = {found.film.name: found for found in result.results}
        for film in batch.films:
            found = found_of.get(film.name)
            if found is None:
                self._schedule.requeue([film])
            elif found.outcome == "died":
                yield from self._suspect(film, event.worker, found)
            else:
                self._schedule.close(film)
                yield found
        if result.broken:
            held = self._schedule.leave(event.worker)
            self._pool.release(event.worker)
            self._schedule.requeue(film for batch in held for film in batch.films)
            self._note_broken(result.broken)

    def _suspect(self, film: Film, worker: str, died: FilmResult) -> Iterator[FilmResult]:
        if not self._schedule.requeue_suspect(film, worker, cause="tagger"):
            self._schedule.close(film)
            yield died

    def _lost(self, event: Lost) -> Iterator[FilmResult]:
        """Requeue a lost worker's films; the first without a part is the suspect."""
        if event.worker not in self._schedule.workers:  # it never joined
            self._num_pending -= 1
            self._note_broken(event.reason)
            return
        self.num_lost += 1
        logger.warning("worker %s is lost: %s", event.worker, event.reason)
        held = self._schedule.leave(event.worker)
        yield from self._begun(held[:1], event)
        self._schedule.requeue(film for batch in held[1:] for film in batch.films)
        if event.cause == "tagger":
            self._delay_growth()

    def _begun(self, batches: Sequence[Batch], event: Lost) -> Iterator[FilmResult]:
        """Resolve the films of the batch that a lost worker had begun."""
        is_first = True
        for batch in batches:
            for film in batch.films:
                if self._is_done(film):
                    self._schedule.close(film)
                    yield FilmResult(film, "done")
                elif not is_first or event.cause == "none":
                    self._schedule.requeue([film])
                else:
                    is_first = False
                    if not self._schedule.requeue_suspect(film, event.worker, cause=event.cause):
                        self._schedule.close(film)
                        yield FilmResult(film, "died", error=event.reason)

    def _note_broken(self, reason: str) -> None:
        self._num_broken += 1
        if self._num_broken >= MAX_BROKEN:
            raise TaggerError(
                f"{self._num_broken} workers in succession could tag nothing: {reason}"
            )
        logger.warning("a worker could not start: %s", reason)
        self._delay_growth()

    def _delay_growth(self) -> None:
        """Back off before the next worker: a machine that is going down takes new ones with it."""
        attempt = min(max(self._num_broken, 1), MAX_TRIES)
        self._may_grow_at = self._pool.now() + _GROWTH.delay_seconds(attempt)


_GROWTH = Backoff(attempts=8, first_seconds=0.2, longest_seconds=10.0)
