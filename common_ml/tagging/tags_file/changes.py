"""Wait until a file grows: by events of the system if available, otherwise by polling."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inotify_simple import INotify

_SAFETY_SECONDS = 0.25
"""Maximum wait with events: some file systems (NFS, FUSE, shared folders of VMs) report none."""
_MAX_MISSED = 2
"""Number of consecutive changes without an event after which the file is polled. One may be a
race: the kernel queues an event just after the data becomes readable."""
_EVENT_CHECK_SECONDS = 0.5


class FileChanges:
    """Wait for changes of one file that may not exist yet; not thread-safe.

    With inotify a wait ends within microseconds of a write. Without it, or if events are missing,
    each wait lasts `poll_seconds`.
    """

    def __init__(
        self,
        path: str,
        *,
        poll_seconds: float,
        wake_on: Sequence[int] = (),
        wake_event: threading.Event | None = None,
        asks_stop: bool = False,
    ) -> None:
        """Prepare; nothing is opened before the first wait.

        Args:
            path: The file.
            poll_seconds: Duration of a wait if the system reports no changes.
            wake_on: Descriptors that end a wait when they become readable, each once.
            wake_event: An event that ends a wait.
            asks_stop: Whether the caller must check a condition every `poll_seconds`.
        """
        self._path = path
        self._poll_seconds = poll_seconds
        self._wake_on = set(wake_on)
        self._wake_event = wake_event
        self._safety_seconds = poll_seconds if asks_stop else _SAFETY_SECONDS
        self._inotify: INotify | None = None
        self._watch: int | None = None
        self._watches_file = False
        self._is_polling = False
        self._timed_out = False
        self._num_missed = 0
        self._wake_pipe: _WakePipe | None = None

    def wait(self, descriptor: int) -> bool:
        """Return after a change, a wake-up, or a time limit.

        Args:
            descriptor: The open file; -1 while it does not exist.

        Returns:
            False after the time limit: there may have been a change all the same.
        """
        self._timed_out = False
        if not self._is_polling and self._update_watch(descriptor):
            return True  # the file may have changed before the watch was added
        self._timed_out = not self._poll()
        return not self._timed_out

    def found(self) -> None:
        """Record that the file had changed after the last wait."""
        if not self._timed_out:
            self._num_missed = 0
        elif self._watch is not None and not self._read_events():
            self._num_missed += 1
            if self._num_missed >= _MAX_MISSED:
                self._stop_watching()

    def close(self) -> None:
        """Release all descriptors. May be called again."""
        self._stop_watching()
        if self._wake_pipe is not None:
            self._wake_pipe.close()

    def _update_watch(self, descriptor: int) -> bool:
        """Watch the file, or its folder until it exists; return whether the watch is new."""
        watches_file = descriptor >= 0
        if self._watch is not None and watches_file == self._watches_file:
            return False
        try:
            from inotify_simple import INotify, flags

            if self._inotify is None:
                self._inotify = INotify(nonblocking=True)
            if self._watch is not None:
                self._inotify.rm_watch(self._watch)
            if watches_file:  # by descriptor: the path may have been replaced
                place = f"/proc/self/fd/{descriptor}"
                mask = flags.MODIFY | flags.ATTRIB | flags.MOVE_SELF
            else:
                place = os.path.dirname(os.path.abspath(self._path))
                mask = flags.CREATE | flags.MOVED_TO | flags.ONLYDIR
            self._watch = self._inotify.add_watch(place, mask)
        except FileNotFoundError:  # the folder does not exist yet
            self._watch = None
            return False
        except (ImportError, OSError):  # no inotify, or its limit of instances is reached
            self._stop_watching()
            return False
        self._watches_file = watches_file
        return True

    def _poll(self) -> bool:
        """Return whether an event arrived within the time limit."""
        limit = self._poll_seconds if self._watch is None else self._safety_seconds
        if self._watch is None and not self._wake_on:  # no descriptor to wait for
            if self._wake_event is None:
                time.sleep(limit)
                return False
            return self._wake_event.wait(limit)
        poller = select.poll()
        if self._inotify is not None:
            poller.register(self._inotify.fileno(), select.POLLIN)
        for descriptor in self._wake_descriptors():
            poller.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(max(1, round(limit * 1000)))}
        self._read_events()
        self._wake_on -= ready  # it stays readable: report it once
        return bool(ready)

    def _read_events(self) -> bool:
        """Read the pending events; return whether there were any."""
        return self._inotify is not None and bool(self._inotify.read(timeout=0))

    def _wake_descriptors(self) -> set[int]:
        if self._wake_event is None:
            return self._wake_on
        if self._wake_pipe is None:
            self._wake_pipe = _WakePipe(self._wake_event)
        return self._wake_on | {self._wake_pipe.descriptor}

    def _stop_watching(self) -> None:
        self._is_polling = True
        self._watch = None
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None


class _WakePipe:
    """A descriptor that becomes readable once an event is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self._closed = False
        self.descriptor, self._write_end = os.pipe()
        threading.Thread(target=self._forward, name="reader wake-up", daemon=True).start()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self.descriptor)

    def _forward(self) -> None:
        while not self._closed and not self._event.wait(_EVENT_CHECK_SECONDS):
            pass
        os.close(self._write_end)  # the other end sees the end of file
