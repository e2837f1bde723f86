"""Workers as Ray actors: one autoscaled pool per model, sized by the length of its queue.

The database stays the source of truth, and each actor runs the loop of `Worker` with one slot. Ray
owns machines: it places actors by CPUs and GPUs, and scales the cluster up for pending ones. The
predictions of a lost actor or machine are requeued when their leases expire.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from common_ml.backoff import Backoff
from common_ml.errors import DatabaseUnavailableError
from common_ml.runtime.ray_cluster import actor_class, end_with_raylet, import_ray
from common_ml.service.core import open_core
from common_ml.service.db.schema import prediction
from common_ml.service.operations import models
from common_ml.service.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.service.core import Core
    from common_ml.service.models.model import ModelSpec
    from common_ml.service.settings import Settings

_LOOK_SECONDS = 1.0
_PAUSE = Backoff(first_seconds=1.0, longest_seconds=30)
_HEALTHY_SECONDS = 60.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolOptions:
    """Size of the pools, and resources of each actor."""

    max_workers: int = 100
    """Maximum actors per model; pending ones make an autoscaling cluster grow."""
    num_cpus: float = 1
    num_gpus: float = 0
    idle_seconds: float = 60
    """Idle time after which an actor is released, so that its machine may be removed."""
    keep_idle_seconds: float | None = 600
    """As for `Worker`."""
    grace_seconds: float = 10
    """As for `Worker`."""
    has_own_folders: bool = False
    """Whether machines keep scratch files in temporary folders of their own, and share no data
    folder."""


class RayWorkers:
    """Keeps as many actors of each model as its queue needs, until stopped.

    `RayCluster` must be connected. This process holds no durable state: if it is lost, its actors
    end with it, and another one continues from the database.
    """

    def __init__(self, core: Core, specs: Sequence[ModelSpec], options: PoolOptions) -> None:
        self._core = core
        self._pools = [_ModelPool(core, replace(spec, slots=1), options) for spec in specs]

    @property
    def num_workers(self) -> int:
        """Number of actors, running or pending."""
        return sum(pool.num_workers for pool in self._pools)

    def run(self, stop: threading.Event) -> None:
        """Scale the pools until the event is set, then stop the actors gracefully."""
        registered_at = -self._core.limits.renew_seconds
        try:
            while not stop.is_set():
                try:
                    if time.monotonic() - registered_at >= self._core.limits.renew_seconds:
                        # without an actor, too, files may be sent to a model
                        models.register(self._core, [pool.spec for pool in self._pools])
                        registered_at = time.monotonic()
                    for pool in self._pools:
                        pool.adjust()
                except DatabaseUnavailableError as error:  # it may come back
                    logger.warning("%s", error)
                stop.wait(_LOOK_SECONDS)
        finally:
            for pool in self._pools:
                pool.begin_stop()
            for pool in self._pools:
                pool.stop()


@dataclass
class _Actor:
    handle: Any
    run: Any
    """Reference of the call that ends with the actor."""
    worker: Any
    """Reference of the worker's id."""
    asked_at: float
    worker_id: str = ""
    idle_since: float | None = None
    is_leaving: bool = False


class _ModelPool:
    """The actors of one model."""

    def __init__(self, core: Core, spec: ModelSpec, options: PoolOptions) -> None:
        self.spec = spec
        self._core = core
        self._options = options
        self._ray = import_ray()
        self._class = actor_class(_WorkerActor, control=("worker_id", "stop")).options(
            num_cpus=options.num_cpus, num_gpus=options.num_gpus, max_restarts=0
        )
        self._actors: list[_Actor] = []
        self._num_failures = 0
        self._may_grow_at = 0.0

    @property
    def num_workers(self) -> int:
        return len(self._actors)

    def adjust(self) -> None:
        """Drop dead actors, and scale the pool by the length of the queue."""
        self._drop_ended()
        num_open, owners = self._queue()
        staying = [actor for actor in self._actors if not actor.is_leaving]
        wanted = min(num_open, self._options.max_workers)
        now = time.monotonic()
        if now >= self._may_grow_at:
            for _ in range(wanted - len(staying)):
                self._start()
        num_surplus = len(staying) - wanted
        for actor in staying:
            is_idle = num_surplus > 0 and (actor.worker_id or "?") not in owners
            if not is_idle:
                actor.idle_since = None
                continue
            num_surplus -= 1
            actor.idle_since = actor.idle_since or now
            if now - actor.idle_since >= self._options.idle_seconds:
                self._retire(actor)

    def begin_stop(self) -> None:
        """Request a graceful stop of all actors."""
        for actor in self._actors:
            if not actor.is_leaving:
                self._retire(actor)

    def stop(self) -> None:
        """Wait for the actors' end; kill those that take too long."""
        runs = [actor.run for actor in self._actors]
        if runs:
            timeout = self._options.grace_seconds + 5
            self._ray.wait(runs, num_returns=len(runs), timeout=timeout)
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors.clear()

    def _queue(self) -> tuple[int, set[str]]:
        """Return the number of predictions that are queued or running, and who has them."""
        p = prediction.c
        wanted = (
            select(p.owner, func.count())
            .where(p.model == self.spec.name, p.state.in_(("queued", "running")))
            .group_by(p.owner)
        )
        rows = self._core.database.read(lambda connection: connection.execute(wanted).all())
        return sum(number for _, number in rows), {owner for owner, _ in rows if owner}

    def _start(self) -> None:
        handle = self._class.remote(self._core.settings, self.spec, self._options)
        worker = handle.worker_id.remote()
        self._actors.append(_Actor(handle, handle.run.remote(), worker, time.monotonic()))

    def _retire(self, actor: _Actor) -> None:
        actor.is_leaving = True
        actor.handle.stop.remote()

    def _drop_ended(self) -> None:
        from ray.exceptions import RayError

        for actor in list(self._actors):
            if not actor.worker_id and self._is_ready(actor.worker):
                try:
                    actor.worker_id = self._ray.get(actor.worker)
                except RayError:
                    actor.worker_id = "?"  # lost: the result of its run has the reason
            if not self._is_ready(actor.run):
                continue
            self._actors.remove(actor)
            try:
                self._ray.get(actor.run)
            except RayError as error:
                self._note_loss(actor, error)
            self._ray.kill(actor.handle)

    def _is_ready(self, reference: Any) -> bool:
        return bool(self._ray.wait([reference], timeout=0)[0])

    def _note_loss(self, actor: _Actor, error: Exception) -> None:
        """Back off before the next start: a machine that is going down takes new actors with it."""
        lived = time.monotonic() - actor.asked_at
        self._num_failures = 1 if lived > _HEALTHY_SECONDS else self._num_failures + 1
        pause = _PAUSE.delay_seconds(self._num_failures)
        self._may_grow_at = time.monotonic() + pause
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        logger.warning(
            "a worker of %s is lost (%s: %s); starting another one in %.1f s",
            self.spec.name,
            type(error).__name__,
            lines[-1] if lines else "",
            pause,
        )


class _WorkerActor:
    """`Worker` in a process of Ray."""

    def __init__(self, settings: Settings, spec: ModelSpec, options: PoolOptions) -> None:
        end_with_raylet()
        if options.has_own_folders:
            folder = Path(tempfile.gettempdir()) / "common-ml-worker"
            settings = replace(settings, data=folder)
        self._core = open_core(settings, durable=False)
        self._stop = threading.Event()
        self._worker = Worker(
            self._core,
            [spec],
            keep_idle_seconds=options.keep_idle_seconds,
            grace_seconds=options.grace_seconds,
        )

    def run(self) -> int:
        """Work until `stop`; return how many files were finished."""
        with self._core:
            self._worker.run(self._stop)
        return self._worker.num_finished

    def worker_id(self) -> str:
        return self._worker.id

    def stop(self) -> None:
        self._stop.set()
