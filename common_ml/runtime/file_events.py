"""Events of a kept tagger about its files, other than their messages."""

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
    """A file is tagged once more from its start: its messages so far are void."""

    source_media: str
    reason: str
    attempt: int
    """The one that begins. It stays the same if the file was not to blame."""


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
class Taken:
    """Files for a tagger."""

    paths: Sequence[StrPath]
    is_over: bool
    """Whether these are the last ones."""


def taking(
    paths: Iterable[StrPath], *, num_ahead: int, num_looked_ahead: int
) -> Callable[[int], Taken]:
    """Return a function that takes files as a tagger has room for them.

    Args:
        paths: Taken one by one.
        num_ahead: Files that the tagger has at a time, >= 1.
        num_looked_ahead: Further files that are taken from `paths`, to know whether they are over.

    Returns:
        Gets the number of files that the tagger has.
    """
    waiting = iter(paths)
    ahead: list[StrPath] = []

    def take(num_open: int) -> Taken:
        room = num_ahead - num_open
        ahead.extend(islice(waiting, max(room + num_looked_ahead - len(ahead), 0)))
        is_over = len(ahead) < room + num_looked_ahead
        taken, ahead[:] = ahead[:room], ahead[room:]
        return Taken(taken, is_over=is_over)

    return take


def is_outcome(event: Event) -> bool:
    """Whether an event is the last one of its file."""
    if isinstance(event, Error):
        return event.source_media is not None
    return isinstance(event, (Progress, Cancelled))
