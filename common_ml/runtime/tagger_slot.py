"""Holder of the current tagger process, restarted when it has ended or reached a limit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common_ml.runtime.tagger import Tagger
    from common_ml.tagging.messages import Message

MAX_OUTPUT_BYTES = 1 << 30
"""Size limit of tags file and log together; beyond it the tagger is restarted between files."""
MAX_FILES = 50_000
"""File limit of one tagger process, since the names of its files are kept in memory."""


class TaggerSlot:
    """Starts taggers one after the other, and holds the state of the current one."""

    def __init__(self, make_tagger: Callable[[], Tagger]) -> None:
        """Initialise; nothing is started yet.

        Args:
            make_tagger: Returns a tagger that has not started; called at every start.
        """
        self._make_tagger = make_tagger
        self._warnings: dict[str, None] = {}
        self.tagger: Tagger | None = None
        """The current tagger; None if there is none."""
        self.messages: Iterator[Message] = iter(())
        """The messages of the current tagger."""
        self.num_sent = 0
        """Number of files sent to the current tagger."""
        self.ends_by_us = False
        """Whether the current tagger was asked to stop."""
        self.num_starts = 0
        """Number of starts so far."""

    @property
    def is_running(self) -> bool:
        """Whether there is a tagger, and it has not ended."""
        tagger = self.tagger
        return tagger is not None and tagger.exit_status is None

    @property
    def has_done_enough(self) -> bool:
        """Whether the tagger has reached a limit and should be restarted."""
        tagger = self.tagger
        return tagger is not None and (
            self.num_sent >= MAX_FILES or _num_bytes(tagger) > MAX_OUTPUT_BYTES
        )

    @property
    def warnings(self) -> list[str]:
        """The warnings of the taggers' logs so far, each once."""
        if self.tagger is not None:
            self._warnings.update(dict.fromkeys(self.tagger.warnings))
        return list(self._warnings)

    def start(self) -> None:
        """Start a tagger.

        Raises:
            TaggerError: it cannot be started.
        """
        tagger = self._make_tagger()
        self.num_starts += 1
        self.num_sent, self.ends_by_us = 0, False
        tagger.__enter__()
        self.tagger, self.messages = tagger, tagger.messages()

    def stop(self, grace_seconds: float) -> None:
        """Ask the tagger to stop, and return at once."""
        tagger = self.tagger
        if tagger is not None:
            self.ends_by_us = True
            threading.Thread(
                target=tagger.stop, kwargs={"grace_seconds": grace_seconds}, daemon=True
            ).start()

    def dispose(self) -> None:
        """End the tagger and remove its temporary files."""
        tagger = self.tagger
        if tagger is not None:
            _ = self.warnings  # which end with it
            self.tagger, self.messages = None, iter(())
            tagger.__exit__(None, None, None)


def _num_bytes(tagger: Tagger) -> int:
    """Return the bytes that a tagger has written."""
    return sum(path.stat().st_size for path in tagger.captured if path.exists())
