"""Decide which file a tagger's failure is attributed to, if any."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from common_ml.tagging.messages import Error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.errors import TaggerError
    from common_ml.runtime.kept_files import KeptFile
    from common_ml.tagging.messages import Message

logger = logging.getLogger(__name__)


class FailureAttribution:
    """Counts attempts per file, and tagger failures since a file was last finished."""

    def __init__(self, max_tries: int | None) -> None:
        """Start with no attempts.

        Args:
            max_tries: Attempts for a file whose tagger fails, >= 1; None for no limit.
        """
        self._max_tries = max_tries
        self._has_finished_any = False
        self._num_deaths = 0  # since the last file was finished
        self.last_message: Message | None = None
        """The last message of the running tagger; None before its first."""

    @property
    def is_tagger_fault(self) -> bool:
        """Whether the tagger itself is broken: it failed repeatedly and never finished a file."""
        is_often = self._max_tries is not None and self._num_deaths >= 2 * self._max_tries
        return is_often and not self._has_finished_any

    def reset(self) -> None:
        """Reset the failure count after a finished file."""
        self._has_finished_any, self._num_deaths = True, 0

    def record_exit(self, sent: Sequence[KeptFile], error: TaggerError) -> KeptFile | None:
        """Count a failed attempt for the first open file, unless an `Error` named the cause.

        Args:
            sent: The files that the tagger had been sent.
            error: Why the tagger ended.

        Returns:
            The file, if that was its last attempt.
        """
        last = self.last_message
        if isinstance(last, Error) and last.source_media is not None and error.exit_status:
            return None
        if not sent or sent[0].is_cancelled:
            return None
        logger.warning("restarting the tagger: %s", error)
        file = sent[0]
        file.num_tries += 1
        self._num_deaths += 1
        return file if self._max_tries is not None and file.num_tries >= self._max_tries else None
