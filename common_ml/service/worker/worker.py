"""Worker: slots for its models, and a thread that renews their leases."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from common_ml.errors import DatabaseUnavailableError
from common_ml.runtime.orphans import ProcessId
from common_ml.service.db import queue
from common_ml.service.db.listener import Listener
from common_ml.service.operations import models, workers
from common_ml.service.worker.leases import Leases
from common_ml.service.worker.slot import Slot

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from common_ml.service.core import Core
    from common_ml.service.models.model import ModelSpec

_CANCEL_SECONDS = 0.5
"""Poll interval for cancellations, in seconds."""
_LOST_SECONDS = 2.0
"""Poll interval for expired leases, in seconds."""
logger = logging.getLogger(__name__)


class Worker:
    """Processes the queue of some models until it is stopped.

    Worker(core, [spec]).run(stop)
    """

    def __init__(
        self,
        core: Core,
        specs: Sequence[ModelSpec],
        *,
        keep_idle_seconds: float | None = 600,
        grace_seconds: float = 10,
    ) -> None:
        """Initialise; nothing is started yet.

        Args:
            core: The service.
            specs: The models, each with its number of slots.
            keep_idle_seconds: Time without work after which a tagger is stopped, to free its
                memory; None to keep it.
            grace_seconds: Grace period of open files after a stop; then they are released.
        """
        self._core = core
        self._specs = list(specs)
        self._grace_seconds = grace_seconds
        self.id = worker_id()
        self._leases = Leases(core, self.id)
        self._folder = core.settings.work / uuid4().hex
        self._renewal_due = self._search_due = 0.0
        self._slots = [
            Slot(
                core,
                spec,
                self._leases,
                folder=self._folder / f"{number}-{place}",
                keep_idle_seconds=keep_idle_seconds,
            )
            for number, spec in enumerate(self._specs)
            for place in range(spec.slots)
        ]

    @property
    def num_finished(self) -> int:
        """Number of files finished so far, successfully or not."""
        return sum(slot.num_finished for slot in self._slots)

    def run(self, stop: threading.Event) -> None:
        """Work until the event is set.

        Raises:
            DatabaseUnavailableError: at the start.
        """
        counts = {spec.name: spec.slots for spec in self._specs}
        retired = workers.retire_dead(self._core, host(), is_alive)
        if retired:
            logger.info("requeued the predictions of %d dead workers of this machine", len(retired))
        self._remove_old_folders()
        models.register(self._core, self._specs)
        workers.arrive(self._core, self.id, host=host(), pid=os.getpid(), models=counts)
        for slot in self._slots:
            slot.start()
        try:
            with Listener(self._core.database, "queue", self._wake_slots):
                self._keep_leases(stop, counts)
        finally:
            self._stop_slots(counts)
            with suppress(DatabaseUnavailableError):  # its leases expire then
                workers.leave(self._core, self.id)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wake_slots(self) -> None:
        for slot in self._slots:
            slot.wake()

    def _keep_leases(self, stop: threading.Event, counts: dict[str, int]) -> None:
        while not stop.wait(_CANCEL_SECONDS):
            self._maintain(counts)

    def _maintain(self, counts: dict[str, int]) -> None:
        """Renew leases, and poll for expired leases and cancellations, each at its interval."""
        now = time.monotonic()
        try:
            if now >= self._renewal_due:
                self._leases.renew()
                workers.beat(self._core, self.id, counts)
                self._renewal_due = now + self._core.limits.renew_seconds
            if now >= self._search_due:
                lost = self._core.database.write(
                    lambda connection: queue.requeue_lost(self._core, connection)
                )
                if lost:
                    logger.warning("requeued %d predictions whose leases had expired", len(lost))
                self._search_due = now + _LOST_SECONDS
            self._leases.drop_cancelled()
        except DatabaseUnavailableError as error:  # it may come back
            logger.warning("%s", error)

    def _stop_slots(self, counts: dict[str, int]) -> None:
        """Drain the slots within the grace period, then stop them."""
        for slot in self._slots:
            slot.drain()
        deadline = time.monotonic() + self._grace_seconds
        for slot in self._slots:
            while slot.is_alive() and time.monotonic() < deadline:
                slot.join(_CANCEL_SECONDS)
                self._maintain(counts)
        for slot in self._slots:
            slot.stop()
        for slot in self._slots:
            slot.join()

    def _remove_old_folders(self) -> None:
        """Remove the folders of dead workers of this machine."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "owner").write_text(self.id)
        for folder in self._core.settings.work.iterdir():
            try:
                owner = (folder / "owner").read_text()
            except OSError:  # just being created, or of another owner
                continue
            if not is_alive(owner):
                shutil.rmtree(folder, ignore_errors=True)


def worker_id() -> str:
    """Return a unique worker id of this process: host, pid, start time and a random part."""
    process = ProcessId.of(os.getpid())
    return f"{host()}:{process.pid}:{process.started or 0}:{uuid4().hex[:8]}"


def host() -> str:
    """Return an id of this machine, unique for each boot and container."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))  # noqa: PTH115 - not a file
    return "/".join(parts)


def is_alive(worker: str) -> bool:
    """Whether the process of a worker's id exists; True for other machines."""
    try:
        machine, pid, started, _ = worker.rsplit(":", 3)
        process = ProcessId(int(pid), int(started) or None)
    except ValueError:
        return True
    return machine != host() or process.is_alive
