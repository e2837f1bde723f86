"""Supervisor that keeps a tagger alive over many files: starts, restarts and retries."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from common_ml.errors import TaggerError
from common_ml.runtime.failure_attribution import FailureAttribution
from common_ml.runtime.file_events import (
    Cancelled,
    Event,
    NextFiles,
    Retry,
    TaggerDiedError,
    file_source,
    is_outcome,
)
from common_ml.runtime.idle_timer import IdleTimer
from common_ml.runtime.kept_files import KeptFiles
from common_ml.runtime.tagger import GRACE_SECONDS
from common_ml.runtime.tagger_slot import TaggerSlot
from common_ml.tagging.messages import Error, Message, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime.kept_files import KeptFile
    from common_ml.runtime.tagger import Tagger
    from common_ml.types import StrPath

__all__ = ["Cancelled", "Event", "Retry", "TaggerDiedError", "TaggerKeeper", "is_outcome"]

NUM_AHEAD = 2
"""Maximum number of open files of a tagger: one in work and one queued, so that it is never idle
and has little left to do when its runtime dies."""


class TaggerKeeper:
    """Supervises one tagger over any number of files; restarts it and retries files on failure.

    The tagger starts with the first file. If it ends early, hangs or violates the protocol, the
    failure counts as an attempt of its first open file, which is retried alone, and becomes an
    `Error` after `max_tries`. Files that were open beside it are sent again; no attempt counts. If
    a tagger exits after the `Error` of a file, as without `continue_on_error`, that is the cause.

        with TaggerKeeper(lambda: tagger_for("my-tagger")) as keeper:
            for event in keeper.tag("clip.mp4"):
                print(event)  # Tag, ..., Progress or Error
            for event in keeper.tag_all(paths):  # one file ahead: the tagger never waits
                print(event)

    `Retry` among the events means: discard the messages of that file so far. One thread reads
    events; any thread may `submit`, `cancel` and `stop`.
    """

    def __init__(
        self,
        make_tagger: Callable[[], Tagger],
        *,
        max_tries: int | None = 3,
        idle_seconds: float | None = None,
    ) -> None:
        """Initialise; nothing is started yet.

        Args:
            make_tagger: Returns a tagger that has not started; called at every start.
            max_tries: Attempts for a file that ends its tagger, >= 1; None to start only once, and
                raise the `TaggerError` instead.
            idle_seconds: Time without a file after which the tagger is stopped, to free its memory;
                None to keep it.
        """
        if max_tries is not None and max_tries < 1:
            raise ValueError(f"max_tries must be >= 1, got {max_tries}")
        self._slot = TaggerSlot(make_tagger)
        self._max_tries = max_tries
        self._lock = threading.RLock()
        self._files = KeptFiles()
        self._attribution = FailureAttribution(max_tries)
        self._input_closed = False
        self._stopped = False
        self._retires = False
        self._idle_timer = IdleTimer(idle_seconds, self.stop_idle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # a second interrupt ends the grace time
        graceful = error is None or isinstance(error, Exception)
        self.close(grace_seconds=GRACE_SECONDS if graceful else 0.0)

    @property
    def open_files(self) -> list[str]:
        """The names of the files without progress or error so far."""
        with self._lock:
            return self._files.names

    @property
    def num_starts(self) -> int:
        """How often a tagger was started."""
        return self._slot.num_starts

    @property
    def is_running(self) -> bool:
        """Whether there is a tagger, and it has not ended."""
        return self._slot.is_running

    @property
    def warnings(self) -> list[str]:
        """The warnings of the taggers' logs so far, each once."""
        with self._lock:
            return self._slot.warnings

    def tag(self, path: StrPath, *, name: str | None = None) -> Iterator[Event]:
        """Tag one file; yield its events as they come, the last is Progress, Error or Cancelled.

        Leaving the iterator before cancels the file.

        Args:
            path: Where the file is.
            name: Its `source_media` in messages; None for the path.

        Raises:
            TaggerError: no tagger can be started, or none has finished any file.
            OSError: the file cannot be brought to the tagger.
        """
        wanted = os.fspath(path) if name is None else name
        self.submit(path, name=name)
        ends = False
        try:
            for event in self.events():
                about = getattr(event, "source_media", None)
                ends = is_outcome(event) and about == wanted
                if about is None or about == wanted:
                    yield event
                if ends:
                    break
        finally:
            if not ends:
                self.cancel(wanted)
            self._start_idle_timer()

    def tag_all(
        self,
        paths: Iterable[StrPath],
        *,
        num_ahead: int = NUM_AHEAD,
        close: bool = False,
    ) -> Iterator[Event]:
        """Tag files; yield events as they come.

        Args:
            paths: Taken one by one, when the tagger has room.
            num_ahead: Files that the tagger has at a time, >= 1; the events of a file come together
                if the tagger treats one after the other.
            close: Whether to end the tagger's input with the last file, and to wait for its end.

        Raises:
            TaggerError: as in `tag`; with `close`, also if the tagger fails at its end.
            OSError: a file cannot be brought to the tagger.
        """
        # one more with `close`: the input ends with the last file, not after it
        take = file_source(paths, num_ahead=num_ahead, num_looked_ahead=int(close))
        yield from self.tag_from(take, close=close)

    def tag_from(self, take: Callable[[int], NextFiles], *, close: bool = False) -> Iterator[Event]:
        """Tag files from a file source; yield events as they come.

        Args:
            take: Called with the number of open files, at the start and after each file. If it
                returns none and is not exhausted, it is called again after the next open file.
            close: As in `tag_all`.
        """
        is_over = self._submit_next(take, close=close)
        while True:
            for event in self.events():
                yield event
                if not is_over and is_outcome(event):
                    is_over = self._submit_next(take, close=close)
            if is_over or self._stopped:
                return
            is_over = self._submit_next(take, close=close)

    def submit(self, path: StrPath, *, name: str | None = None) -> None:
        """Add a file; a running tagger gets it at once, otherwise `events` starts one.

        Raises:
            OSError: it cannot be brought to the tagger; it is forgotten.
        """
        with self._lock:
            if self._input_closed:
                raise ValueError("the input of the tagger is closed: nothing more can be sent")
            given = os.fspath(path)
            self._idle_timer.stop()
            self._files.add(given, given if name is None else name)
            if self.is_running and not self._slot.ends_by_us:
                self._send()

    def close_input(self) -> None:
        """Let the tagger end after the files that were submitted."""
        with self._lock:
            self._input_closed = True
            if self._slot.tagger is not None:
                self._send()

    def events(self) -> Iterator[Event]:
        """Yield events until no file is open, and, after `close_input`, the tagger has ended.

        Raises:
            TaggerError: as in `tag_all`.
            OSError: a file cannot be brought to the tagger; it is forgotten.
        """
        while not (self._stopped and self._slot.tagger is None):
            yield from self._drop_cancelled()
            with self._lock:
                has_work = self._start_and_send()
            if not has_work:
                break
            try:
                message = next(self._slot.messages)
            except StopIteration:
                yield from self._end_of_tagger(None)
            except TaggerError as error:
                yield from self._end_of_tagger(error)
            else:
                yield self._received(message)
        self._start_idle_timer()

    def cancel(self, name: str) -> bool:
        """Request the cancellation of a file and return at once; its events end with `Cancelled`.

        The contract knows no other way than to stop the tagger: the next file starts another one.

        Returns:
            Whether the file was open; it may still be finished first.
        """
        with self._lock:
            file = self._files.named(name)
            if file is None:
                return False
            file.is_cancelled = True
            if file.is_sent:
                self._slot.stop(GRACE_SECONDS)
            return True

    def stop(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Request a permanent stop and return at once; `events` ends with what was written."""
        self._stopped = True
        self._slot.stop(grace_seconds)

    def close(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop the tagger, wait for its end, and remove its temporary files. Idempotent."""
        self._stopped = True
        self._idle_timer.stop()
        with self._lock:
            if self._slot.tagger is not None:
                self._slot.tagger.stop(grace_seconds=grace_seconds)
                self._slot.dispose()

    def stop_idle(self) -> None:
        """Stop the tagger if no file is open; the next file starts another one."""
        with self._lock:
            if self._slot.tagger is not None and not self._files:
                self._slot.dispose()

    def _submit_next(self, take: Callable[[int], NextFiles], *, close: bool) -> bool:
        """Submit more files; return whether the source is exhausted."""
        if self._stopped:
            return True
        taken = take(len(self._files))
        for path in taken.paths:
            self.submit(path)
        if taken.is_over and close:
            self.close_input()
        return taken.is_over

    def _start_and_send(self) -> bool:
        """Send waiting files, to a new tagger if there is none; return whether there is work."""
        if self._slot.tagger is not None and self._may_be_replaced() and self._files:
            self._slot.dispose()
        if self._slot.tagger is None:
            if self._stopped or not self._files:
                return False
            self._start()
        self._send()
        return bool(self._files) or self._input_closed or self._retires

    def _may_be_replaced(self) -> bool:
        """Whether the tagger has ended while no file was open, so that none is the cause."""
        is_free = not self._files.has_sent
        return is_free and self._max_tries is not None and not self.is_running

    def _start(self) -> None:
        self._retires = False
        self._attribution.last_message = None
        self._slot.start()
        if self._stopped:  # meanwhile
            self._slot.stop(GRACE_SECONDS)

    def _send(self) -> None:
        """Send the waiting files."""
        tagger = self._slot.tagger
        if tagger is None or tagger.input_closed or self._slot.ends_by_us:
            return
        if self._retires:
            if not self._files.has_sent:
                tagger.close_input()
            return
        for file in self._files.to_send():
            try:
                tagger.send([file.path])
            except OSError:
                self._files.remove(file)
                raise
            file.is_sent = True
            self._slot.num_sent += 1
        if self._input_closed and self._files.are_all_sent:
            tagger.close_input()

    def _received(self, message: Message) -> Message:
        """Process a message; return it under the name of its file."""
        self._attribution.last_message = message
        if not isinstance(message, (Tag, Progress, Error)) or message.source_media is None:
            return message
        with self._lock:
            file = self._files.sent_as(message.source_media)
            if file is None:  # after its progress or error
                return message
            file.has_messages = True
            if not isinstance(message, Tag):
                self._finish(file)
        return file.under_name(message)

    def _finish(self, file: KeptFile) -> None:
        self._files.remove(file)
        self._attribution.reset()
        tagger = self._slot.tagger
        if tagger is None:
            return
        if not self._files.has_path(file.path):
            tagger.media.release(file.path)
        if self._max_tries is not None and not self._input_closed:
            self._retires = self._slot.has_done_enough

    def _drop_cancelled(self) -> Iterator[Event]:
        """Drop the cancelled files that were not sent."""
        with self._lock:
            dropped = self._files.drop_cancelled()
        for file in dropped:
            yield Cancelled(file.name)

    def _end_of_tagger(self, error: TaggerError | None) -> Iterator[Event]:
        """Clean up after a tagger, and retry or fail its open files."""
        with self._lock:
            ends_by_us = self._slot.ends_by_us
            self._slot.dispose()
            sent = self._files.requeue_sent()
        if self._stopped:
            return
        if error is not None and self._max_tries is None and not ends_by_us:
            raise error
        if not sent and error is not None and self._input_closed:
            raise error  # at its end, with all files finished
        if error is not None and not ends_by_us:
            yield from self._fail_last_attempt(sent, error)
        yield from self._drop_cancelled()
        for file in sent:
            if file.has_messages and not file.is_cancelled and file in self._files:
                file.has_messages = False
                yield Retry(file.name, str(error or "its tagger was stopped"), file.num_tries + 1)

    def _fail_last_attempt(self, sent: list[KeptFile], error: TaggerError) -> Iterator[Event]:
        """Attribute the tagger's failure to a file, which fails after its last attempt."""
        file = self._attribution.record_exit(sent, error)
        if file is None:
            return
        with self._lock:
            self._files.remove(file)
        yield TaggerDiedError(file.named(str(error)), file.name, attempts=file.num_tries)
        if self._attribution.is_tagger_fault:
            raise error

    def _start_idle_timer(self) -> None:
        with self._lock:
            self._idle_timer.stop()
            if self._slot.tagger is not None and not self._files:
                self._idle_timer.start()
