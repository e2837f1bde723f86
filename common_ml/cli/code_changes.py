"""Watch an author's code for changes: by inotify events, or by polling."""

from __future__ import annotations

import os
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

QUIET_SECONDS = 0.15
"""Debounce time in seconds: editors write several files, and each in steps."""
_POLL_SECONDS = 0.5
"""Poll interval in seconds where the system reports no changes."""
_SKIPPED = ("__pycache__", "node_modules", "site-packages", "venv")
_MAX_FOLDERS = 2_000


class CodeChanges:
    """The Python files below a folder; a context manager.

    Environments, caches and hidden folders are left out.
    """

    def __init__(self, folder: Path) -> None:
        """Initialise; watching starts on entry.

        Args:
            folder: The folder with the author's code.
        """
        self._folder = folder
        self._inotify: Any = None
        self._watched: dict[int, Path] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        self._stamps = self._look()
        try:
            from inotify_simple import INotify

            self._inotify = INotify(nonblocking=True)
            self._watch_folders()
        except (ImportError, OSError):  # no inotify, or its limit is reached
            self._stop_events()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_events()

    def wait(self, timeout_seconds: float | None = None) -> list[Path]:
        """Return the files that were changed, added or removed since the last call.

        Args:
            timeout_seconds: None to wait for a change; else [] after this time without one.
        """
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            changed = self._changed()
            if changed:
                while self._sleep(QUIET_SECONDS):  # debounce
                    pass
                return sorted({*changed, *self._changed()})
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return []
            self._sleep(left)

    def _sleep(self, seconds: float | None) -> bool:
        """Wait for an event or the timeout; return whether there was an event."""
        if self._inotify is None:
            time.sleep(_POLL_SECONDS if seconds is None else min(seconds, _POLL_SECONDS))
            return False
        timeout = None if seconds is None else max(1, round(seconds * 1000))
        events = self._inotify.read(timeout=timeout)
        if any(not event.name.endswith(".py") for event in events):
            self._watch_folders()  # a folder may be new
        return bool(events)

    def _changed(self) -> list[Path]:
        now = self._look()
        before, self._stamps = self._stamps, now
        return [path for path in {*before, *now} if before.get(path) != now.get(path)]

    def _look(self) -> dict[Path, tuple[int, int]]:
        stamps = {}
        for folder in self._folders():
            for entry in os.scandir(folder):
                if entry.name.endswith(".py") and entry.is_file():
                    facts = entry.stat()
                    stamps[Path(entry.path)] = (facts.st_mtime_ns, facts.st_size)
        return stamps

    def _folders(self) -> Iterator[Path]:
        walked = islice(os.walk(self._folder), _MAX_FOLDERS)
        for parent, names, _ in walked:
            names[:] = [
                name
                for name in sorted(names)
                if not name.startswith(".")
                and name not in _SKIPPED
                and not os.path.exists(os.path.join(parent, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - strings
            ]
            yield Path(parent)

    def _watch_folders(self) -> None:
        from inotify_simple import flags

        mask = flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.CREATE
        for folder in self._folders():
            if folder not in self._watched.values():
                self._watched[self._inotify.add_watch(str(folder), mask | flags.ONLYDIR)] = folder

    def _stop_events(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
