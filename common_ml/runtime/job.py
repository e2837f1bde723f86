"""Tag files with several taggers that share one work queue."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TYPE_CHECKING

from common_ml.runtime.file_events import NextFiles
from common_ml.runtime.keeper import NUM_AHEAD, TaggerKeeper
from common_ml.runtime.tagger import GRACE_SECONDS
from common_ml.tagging.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.tagger import Tagger
    from common_ml.types import StrPath

_MAX_QUEUED = 10_000
"""Capacity of the message queue to the reader; further messages remain in the tags files."""
_MAX_PICTURES_AHEAD = 64
"""Of pictures, which batch models tag together."""
_SIGNAL_SECONDS = 0.5
"""Slice of a wait in seconds: a signal that comes just before a wait does not interrupt it."""


class TaggingJob:
    """Tags files with one or more taggers, and merges their messages into one stream.

    The next file goes to whichever tagger has capacity. A context manager: the taggers start on
    entry and are stopped on exit.

        with TaggingJob([tagger_for("my-tagger") for _ in range(4)], paths) as job:
            for message in job.messages():
                print(message)

    The messages of one file keep their order; those of different files may alternate.
    """

    def __init__(self, taggers: Sequence[Tagger], paths: Iterable[StrPath]) -> None:
        """Initialise; nothing is started yet.

        Args:
            taggers: At least one; none has started.
            paths: The files.
        """
        if not taggers:
            raise ValueError("a job needs at least one tagger, got none")
        # the first failure ends the job: --resume continues it
        self._keepers = [_keeper_of(tagger) for tagger in taggers]
        self._waiting = deque(paths)
        self._queue: Queue[Message | _End] = Queue(_MAX_QUEUED)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, args=[keeper], name=f"tagger {number}", daemon=True)
            for number, keeper in enumerate(self._keepers)
        ]
        self._num_running = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
            self._num_running += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # a second interrupt ends the grace time
        grace = GRACE_SECONDS if error is None or isinstance(error, Exception) else 0.0
        if self._num_running:
            self.stop(grace_seconds=grace)
        while self._num_running:  # unblock the threads that wait for room in the queue
            if isinstance(self._next(), _End):
                self._num_running -= 1
        for thread in self._threads:
            thread.join()

    @property
    def stopped(self) -> bool:
        """Whether the job was stopped, by a caller or because a tagger failed."""
        return self._stopping.is_set()

    def messages(self) -> Iterator[Message]:
        """Read messages as they are written, until all taggers have ended.

        Messages written before a stop are still delivered. A tagger that fails stops the others.

        Raises:
            TaggerError: a tagger failed; see `Tagger.messages`.
            OSError: a file could not be sent to a tagger.
        """
        while self._num_running:
            item = self._next()
            if not isinstance(item, _End):
                yield item
                continue
            self._num_running -= 1
            if item.error is not None and self._error is None:
                self._error = item.error
                self.stop()
        if self._error is not None:
            raise self._error

    def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Ask all taggers to stop, and return at once; safe in a signal handler."""
        self._stopping.set()
        for keeper in self._keepers:
            keeper.stop(grace_seconds=grace_seconds)

    def _next(self) -> Message | _End:
        """Wait for the next item in slices, so that signal handlers can run."""
        while True:
            try:
                return self._queue.get(timeout=_SIGNAL_SECONDS)
            except Empty:
                continue

    def _work(self, keeper: TaggerKeeper) -> None:
        """Run one tagger; the body of its thread."""
        failure: BaseException | None = None
        try:
            with keeper:
                for event in keeper.tag_from(self._take, close=True):
                    if isinstance(event, Message):
                        self._queue.put(event)
        except Exception as error:  # noqa: BLE001 - raised again where the messages are read
            failure = error
        finally:
            self._queue.put(_End(failure))

    def _take(self, num_open: int) -> NextFiles:
        """Return the next files for a tagger with this number of open files."""
        files: list[StrPath] = []
        with self._lock:
            while self._waiting and num_open < self._num_ahead(self._waiting[0]):
                files.append(self._waiting.popleft())
                num_open += 1
            return NextFiles(files, is_over=not self._waiting)

    def _num_ahead(self, path: StrPath) -> int:
        """Return how many open files a tagger may have, including this one.

        Of pictures large shares at first, small ones towards the end, when taggers should end
        together.
        """
        from common_ml.media.kinds import kind_by_name

        if kind_by_name(path) != "image":
            return NUM_AHEAD
        share = len(self._waiting) // (2 * len(self._keepers))
        return min(max(share, NUM_AHEAD), _MAX_PICTURES_AHEAD)


def _keeper_of(tagger: Tagger) -> TaggerKeeper:
    return TaggerKeeper(lambda: tagger, max_tries=None)


@dataclass(frozen=True)
class _End:
    """A tagger has ended."""

    error: BaseException | None
