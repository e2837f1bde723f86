"""Several taggers that share the files of one job."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from queue import Queue
from typing import TYPE_CHECKING

from common_ml.runtime.tagger import GRACE_SECONDS
from common_ml.tagging.messages import Error, Progress

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.tagger import Tagger
    from common_ml.tagging.messages import Message

_MOST_QUEUED = 10_000
"""Messages that wait for the reader; beyond that the tags files are the memory."""
_FEWEST_AHEAD, _MOST_AHEAD = 2, 64
"""Files that a tagger has been sent and has not finished: never idle, and batches of pictures."""


class Job:
    """Files for one or more taggers, and their messages in one stream.

    Whichever tagger has room takes the next file. A context manager: the taggers start on entry,
    and none is left on exit.

        with Job([tagger_for("my-tagger") for _ in range(4)], paths) as job:
            for message in job.messages():
                print(message)

    The messages of one file keep their order; those of different files may alternate.
    """

    def __init__(self, taggers: Sequence[Tagger], paths: Iterable[str | os.PathLike[str]]) -> None:
        """Prepare; nothing is started.

        Args:
            taggers: At least one; none has started.
            paths: The files.
        """
        if not taggers:
            raise ValueError("a job needs at least one tagger, got none")
        self._taggers = list(taggers)
        self._waiting = deque(paths)
        self._queue: Queue[Message | _End] = Queue(_MOST_QUEUED)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, args=[tagger], name=f"tagger {number}", daemon=True)
            for number, tagger in enumerate(self._taggers)
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
        # an interrupt that comes through here is the second one: no more patience
        grace = GRACE_SECONDS if error is None or isinstance(error, Exception) else 0.0
        if self._num_running:
            self.stop(grace_seconds=grace)
        while self._num_running:  # whoever waits for room in the queue must come to an end
            if isinstance(self._queue.get(), _End):
                self._num_running -= 1
        for thread in self._threads:
            thread.join()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, by a caller or because a tagger failed."""
        return self._stopping.is_set()

    def messages(self) -> Iterator[Message]:
        """Read messages as they are written, until all taggers have ended.

        After a stop come those that were written before it. A tagger that fails stops the others.

        Raises:
            TaggerError: a tagger failed; see `Tagger.messages`.
            OSError: a file could not be brought to a tagger.
        """
        while self._num_running:
            item = self._queue.get()
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
        """Ask all taggers to stop, and return at once; fit to be called by a signal handler."""
        self._stopping.set()
        for tagger in self._taggers:
            threading.Thread(
                target=tagger.stop, kwargs={"grace_seconds": grace_seconds}, daemon=True
            ).start()

    def _work(self, tagger: Tagger) -> None:
        """One tagger's life, in a thread of its own."""
        failure: BaseException | None = None
        try:
            with tagger:
                if self._stopping.is_set():  # a stop that came before there was anything to stop
                    tagger.stop()
                self._feed(tagger)
                for message in tagger.messages():
                    self._queue.put(message)
                    if isinstance(message, (Progress, Error)):
                        self._feed(tagger)
        except Exception as error:  # noqa: BLE001 - raised again where the messages are read
            failure = error
        finally:
            self._queue.put(_End(failure))

    def _feed(self, tagger: Tagger) -> None:
        """Send a tagger what it has room for; close its input when there is no more."""
        if tagger.input_closed:
            return
        with self._lock:
            room = self._num_ahead() - len(tagger.open_files)
            files = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            is_over = not self._waiting
        tagger.send(files)
        if is_over:
            tagger.close_input()

    def _num_ahead(self) -> int:
        """Large shares at first, small ones towards the end, when taggers should end together."""
        if len(self._taggers) == 1:
            return len(self._waiting)
        share = len(self._waiting) // (2 * len(self._taggers))
        return min(max(share, _FEWEST_AHEAD), _MOST_AHEAD)


@dataclass(frozen=True)
class _End:
    """A tagger has ended."""

    error: BaseException | None
