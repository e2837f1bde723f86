"""Pool of workers as Ray actors, placed by CPUs and GPUs across a cluster."""

from __future__ import annotations

import logging
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.ray_cluster import actor_class, end_with_raylet, import_ray
from common_ml.scale.film_worker import FilmWorker
from common_ml.scale.node_cache import is_url
from common_ml.scale.pool import BatchResult, Finished, Joined, Lost, Moved, Recalled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.ray_cluster import RayCluster
    from common_ml.scale.film_worker import WorkSpec
    from common_ml.scale.plan import Film
    from common_ml.scale.pool import PoolEvent
    from common_ml.scale.schedule import Batch, LossCause

_POSITION_SECONDS = 1.0
ROOM_SECONDS = 600.0
"""Time for an autoscaler to add a machine that is large enough, in seconds."""
logger = logging.getLogger(__name__)


class RayPool:
    """See `Pool`. One actor per worker; lost actors are replaced, not restarted.

    Ray could restart actors, but not the tagger inside, and it cannot tell which film caused a
    failure: the driver does both.
    """

    def __init__(
        self,
        cluster: RayCluster,
        spec: WorkSpec,
        *,
        max_workers: int,
        num_cpus: float = 1,
        num_gpus: float = 0,
        room_seconds: float = ROOM_SECONDS,
    ) -> None:
        """Initialise.

        Args:
            cluster: A connected cluster.
            spec: Configuration of a worker.
            max_workers: >= 1; pending ones make an autoscaling cluster grow.
            num_cpus: CPUs of a worker with its tagger, >= 0; fractions are allowed.
            num_gpus: GPUs of a worker, likewise.
            room_seconds: How long to wait for a machine that is large enough.
        """
        self._cluster = cluster
        self._needed = (num_cpus, num_gpus)
        self._room_seconds = room_seconds
        self._no_room_since: float | None = None
        self._ray = import_ray()
        self.max_workers = max_workers
        self._spec = spec
        self._options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_restarts": 0}
        self._actor_class = actor_class(
            _FilmActor, control=("prefetch", "recall", "position", "close"), max_concurrency=1
        )
        self._names = count()
        self._actors: dict[str, Any] = {}
        self._nodes: dict[str, str] = {}  # worker -> node
        self._leaving: dict[str, Any] = {}
        self._calls: dict[Any, tuple[str, str, int]] = {}  # reference -> worker, what, number
        self._asked_at = 0.0

    def now(self) -> float:
        """Return the time in seconds; any monotonic clock."""
        return time.monotonic()

    def grow(self, num_workers: int) -> None:
        """Request more workers; each is reported as joined or lost."""
        for _ in range(num_workers):
            name = f"actor {next(self._names)}"
            actor = self._actor_class.options(**self._options).remote(self._spec)
            self._actors[name] = actor
            self._calls[actor.node.remote()] = (name, "join", 0)

    def send(self, worker: str, batch: Batch) -> None:
        """Send films to a worker; it finishes batches in the order in which they were sent."""
        actor = self._actors[worker]
        if is_url(batch.films[0].path):
            actor.prefetch.remote(batch.films)
        self._calls[actor.tag.remote(batch.number, batch.films)] = (worker, "tag", batch.number)

    def recall(self, worker: str, number: int) -> None:
        """Recall a batch that has not begun; answered by `Recalled`."""
        call = self._actors[worker].recall.remote(number)
        self._calls[call] = (worker, "recall", number)

    def release(self, worker: str) -> None:
        """End an idle worker; no more events are reported about it."""
        self._forget(worker)
        self._nodes.pop(worker, None)
        self._leaving[worker] = actor = self._actors.pop(worker)
        call = actor.close.remote()
        self._calls[call] = (worker, "close", 0)

    def wait(self, timeout_seconds: float) -> Sequence[PoolEvent]:
        """Wait for events; return [] after the timeout.

        Raises:
            TaggerError: no machine of the cluster can run a tagger, and none was added in time.
        """
        self._look_for_room()
        self._ask_positions()
        if not self._calls:
            time.sleep(timeout_seconds)  # the driver waits before it asks for more workers
            return []
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=timeout_seconds)
        if ready:  # and all others that are, without waiting
            waiting = [call for call in self._calls if call != ready[0]]
            if waiting:
                more, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
                ready += more
        events: list[PoolEvent] = []
        for call in ready:
            if call in self._calls:  # its worker may have been lost with the one before
                events += self._answer(call, *self._calls.pop(call))
        return events

    def close(self, *, grace_seconds: float) -> None:
        """End all workers."""
        closing = [
            actor.close.remote(grace_seconds=grace_seconds)
            for name, actor in self._actors.items()
            if name in self._nodes
        ]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=grace_seconds + 1)
        for actor in [*self._actors.values(), *self._leaving.values()]:
            self._ray.kill(actor)
        self._actors.clear()
        self._leaving.clear()
        self._calls.clear()

    def _answer(self, call: Any, worker: str, what: str, number: int) -> list[PoolEvent]:
        from ray.exceptions import RayError

        if what == "close":  # or lost: it is the same now
            self._ray.kill(self._leaving.pop(worker))
            return []
        try:
            found = self._ray.get(call)
        except RayError as error:
            return [self._lost(worker, error)]
        if what == "join":
            self._nodes[worker] = found
            return [Joined(worker)]
        if what == "recall":
            return [Recalled(worker, number, found)]
        if what == "position":
            return [] if found is None else [Moved(worker, *found)]
        return [Finished(worker, number, found)]

    def _lost(self, worker: str, error: Exception) -> Lost:
        self._forget(worker)
        actor = self._actors.pop(worker, None)
        if actor is not None:
            self._ray.kill(actor)  # it may only be unreachable, and must not continue
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = f"{type(error).__name__}: {lines[0] if lines else ''} {lines[-1] if lines else ''}"
        node = self._nodes.pop(worker, None)
        cause: LossCause = "none"
        if node is not None:
            cause = "tagger" if self._is_alive(node) and "node" not in reason.lower() else "machine"
        return Lost(worker, reason, cause)

    def _is_alive(self, node: str) -> bool:
        return any(found["NodeID"] == node and found["Alive"] for found in self._ray.nodes())

    def _forget(self, worker: str) -> None:
        for call in [call for call, (name, _, _) in self._calls.items() if name == worker]:
            del self._calls[call]

    def _look_for_room(self) -> None:
        """Handle that no machine can run a worker: wait for an autoscaler, then raise."""
        cpus, gpus = self._needed
        rooms = [] if self._nodes or not self._calls else self._cluster.rooms()
        if not rooms or any(one.num_cpus >= cpus and one.num_gpus >= gpus for one in rooms):
            self._no_room_since = None
            return
        text = (
            f"no machine of the cluster has {cpus:g} CPU and {gpus:g} GPU for a tagger, but at most"
            f" {max(one.num_cpus for one in rooms):g} CPU"
            f" and {max(one.num_gpus for one in rooms):g} GPU"
        )
        now = self.now()
        if self._no_room_since is None:
            self._no_room_since = now
            if self._room_seconds:
                logger.warning("%s: waiting for one", text)
        if now - self._no_room_since >= self._room_seconds:
            raise TaggerError(f"{text}; hint: smaller --cpus-per-tagger or --gpus-per-tagger")

    def _ask_positions(self) -> None:
        """Poll the progress of busy workers, once a second at most."""
        now = self.now()
        if now - self._asked_at < _POSITION_SECONDS:
            return
        self._asked_at = now
        asked = {name for name, what, _ in self._calls.values() if what == "position"}
        busy = {name for name, what, _ in self._calls.values() if what == "tag"}
        for name in busy - asked:
            actor = self._actors[name]
            call = actor.position.remote()
            self._calls[call] = (name, "position", 0)


class _FilmActor:
    """`FilmWorker` in a Ray actor."""

    def __init__(self, spec: WorkSpec) -> None:
        end_with_raylet()
        self._films = FilmWorker(spec)

    def node(self) -> str:
        """Return the id of its node."""
        node: str = import_ray().get_runtime_context().get_node_id()
        return node

    def tag(self, number: int, films: Sequence[Film]) -> BatchResult:
        return self._films.tag(number, films)

    def prefetch(self, films: Sequence[Film]) -> None:
        self._films.prefetch(films)

    def recall(self, number: int) -> bool:
        return self._films.recall(number)

    def position(self) -> tuple[str, float] | None:
        return self._films.position()

    def close(self, grace_seconds: float = 5.0) -> None:
        self._films.stop(grace_seconds)
        self._films.close()
