"""Events of a `TaggerKeeper` about its files, beside the tagger's own messages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from common_ml.tagging.messages import Error, Message, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from common_ml.types import StrPath


@dataclass(frozen=True)
class Retry:
    """A file is retried from its start: discard its messages so far."""

    source_media: str
    reason: str
    attempt: int
    """Number of the attempt that begins. Unchanged if the file did not cause the failure."""


@dataclass(frozen=True)
class Cancelled:
    """A file was cancelled: there will be neither progress nor error."""

    source_media: str


@dataclass(frozen=True)
class TaggerDiedError(Error):
    """A file whose tagger ended without progress or error for it, in every attempt."""

    attempts: int = 1


Event: TypeAlias = Message | Retry | Cancelled


@dataclass(frozen=True)
class NextFiles:
    """The next files for a tagger, from a file source."""

    paths: Sequence[StrPath]
    is_over: bool
    """Whether the source is exhausted after these."""


def file_source(
    paths: Iterable[StrPath], *, num_ahead: int, num_looked_ahead: int
) -> Callable[[int], NextFiles]:
    """Return a source that hands out files as the tagger has capacity for them.

    Args:
        paths: Taken one by one.
        num_ahead: Maximum number of open files of the tagger, >= 1.
        num_looked_ahead: Files to read from `paths` beyond those, to detect their end in time.

    Returns:
        Takes the number of open files; returns the next ones.
    """
    waiting = iter(paths)
    ahead: list[StrPath] = []

    def take(num_open: int) -> NextFiles:
        room = num_ahead - num_open
        ahead.extend(islice(waiting, max(room + num_looked_ahead - len(ahead), 0)))
        is_over = len(ahead) < room + num_looked_ahead
        taken, ahead[:] = ahead[:room], ahead[room:]
        return NextFiles(taken, is_over=is_over)

    return take


def is_outcome(event: Event) -> bool:
    """Whether an event is the last one of its file."""
    if isinstance(event, Error):
        return event.source_media is not None
    return isinstance(event, (Progress, Cancelled))
