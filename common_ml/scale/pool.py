"""Interface of worker pools, and their events for the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.scale.plan import Film
    from common_ml.scale.schedule import Batch, LossCause

Outcome: TypeAlias = Literal["done", "there", "failed", "died"]
"""Tagged; had a part before; the tagger reported an error; the tagger ended with it."""


@dataclass(frozen=True)
class FilmResult:
    """Outcome of a film."""

    film: Film
    outcome: Outcome
    error: str = ""
    num_tags: int = 0


@dataclass(frozen=True)
class BatchResult:
    """Outcome of a batch."""

    results: tuple[FilmResult, ...]
    elapsed_seconds: float
    broken: str = ""
    """Why the worker cannot continue; films without a result are requeued. "" if it can."""
    warnings: tuple[str, ...] = ()
    """New warnings of the tagger's log since the last batch."""
    log: str = ""
    """The tagger's stderr since the last batch, unless it goes to a file."""


@dataclass(frozen=True)
class Joined:
    """A worker is ready."""

    worker: str


@dataclass(frozen=True)
class Lost:
    """A worker was lost, or could not be started."""

    worker: str
    reason: str
    cause: LossCause


@dataclass(frozen=True)
class Finished:
    """A worker has finished a batch."""

    worker: str
    number: int
    result: BatchResult


@dataclass(frozen=True)
class Recalled:
    """Answer to `recall`."""

    worker: str
    number: int
    success: bool


@dataclass(frozen=True)
class Moved:
    """Progress of a worker in a film."""

    worker: str
    name: str
    position_seconds: float


PoolEvent: TypeAlias = Joined | Lost | Finished | Recalled | Moved


class Pool(Protocol):
    """A dynamic pool of workers; all calls but `wait` and `close` return at once."""

    max_workers: int

    def now(self) -> float:
        """Return the time in seconds; any monotonic clock."""

    def grow(self, num_workers: int) -> None:
        """Request more workers; each is reported as joined or lost."""

    def send(self, worker: str, batch: Batch) -> None:
        """Send films to a worker; it finishes batches in the order in which they were sent."""

    def recall(self, worker: str, number: int) -> None:
        """Recall a batch that has not begun; answered by `Recalled`."""

    def release(self, worker: str) -> None:
        """End an idle worker; no more events are reported about it."""

    def wait(self, timeout_seconds: float) -> Sequence[PoolEvent]:
        """Wait for events; return [] after the timeout."""

    def close(self, *, grace_seconds: float) -> None:
        """End all workers."""
