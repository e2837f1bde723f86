"""Commit notifications between processes: files beside SQLite, channels of PostgreSQL."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Literal, TypeAlias

Topic: TypeAlias = Literal["queue", "events"]
"""queue: predictions wait for a worker; events: anything happened."""


class FileNotifications:
    """A file for each topic beside the database, to which a byte is written after a commit."""

    def __init__(self, database: str) -> None:
        """Initialise; nothing is opened yet.

        Args:
            database: Path of the database.
        """
        self._database = database
        self._lock = threading.Lock()
        self._descriptors: dict[Topic, int] = {}

    def open(self, topic: Topic) -> int:
        """Return a descriptor of the file of a topic, to watch it; it stays open until `close`.

        Raises:
            OSError: it cannot be made.
        """
        with self._lock:
            if topic not in self._descriptors:
                path = f"{self._database}-{topic}"
                self._descriptors[topic] = os.open(
                    path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
                )
            return self._descriptors[topic]

    def notify(self, topic: Topic) -> None:
        """Wake the watchers of the file; if it cannot be written, they poll."""
        with suppress(OSError):
            os.pwrite(self.open(topic), b"\n", 0)

    def close(self) -> None:
        """Release all descriptors. May be called again."""
        with self._lock:
            while self._descriptors:
                os.close(self._descriptors.popitem()[1])


def channel(topic: Topic) -> str:
    """Return the name of a topic for LISTEN and NOTIFY of PostgreSQL."""
    return f"common_ml_{topic}"
