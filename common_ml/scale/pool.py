"""What a driver needs of the machines that do the work."""

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
    """What became of a film."""

    film: Film
    outcome: Outcome
    error: str = ""
    num_tags: int = 0


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch."""

    results: tuple[FilmResult, ...]
    elapsed_seconds: float
    broken: str = ""
    """Why the worker cannot go on; films without a result are to be tagged elsewhere."""
    warnings: tuple[str, ...] = ()
    """Of the tagger's log, new since the last batch."""
    log: str = ""
    """What the tagger wrote to stderr since the last batch, where it is not in a file already."""


@dataclass(frozen=True)
class Joined:
    """A worker is ready."""

    worker: str


@dataclass(frozen=True)
class Lost:
    """A worker is gone, or could not be started."""

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
    """Answer to `take_back`."""

    worker: str
    number: int
    success: bool


@dataclass(frozen=True)
class Moved:
    """How far a worker is in a film."""

    worker: str
    name: str
    position_seconds: float


PoolEvent: TypeAlias = Joined | Lost | Finished | Recalled | Moved


class Pool(Protocol):
    """Workers that come and go; every call returns at once but `wait` and `close`."""

    max_workers: int

    def now(self) -> float:
        """Return the time in seconds; any monotonic clock."""

    def grow(self, num_workers: int) -> None:
        """Ask for more workers; each joins, or is lost."""

    def send(self, worker: str, batch: Batch) -> None:
        """Send films to a worker; it finishes batches in the order in which they were sent."""

    def take_back(self, worker: str, number: int) -> None:
        """Ask for a batch that was not begun."""

    def release(self, worker: str) -> None:
        """End a worker that has nothing to do; nothing is reported about it any more."""

    def wait(self, timeout_seconds: float) -> Sequence[PoolEvent]:
        """Wait for events; none after the timeout."""

    def close(self, *, grace_seconds: float) -> None:
        """End all workers."""
