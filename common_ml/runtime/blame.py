"""Attribute the end of a tagger to one of its files, or to none."""

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


class Blame:
    """Count the attempts of files, and the ends of taggers since a file was finished."""

    def __init__(self, max_tries: int | None) -> None:
        """Begin.

        Args:
            max_tries: Attempts for a file that ends its tagger, >= 1; None for no limit.
        """
        self._max_tries = max_tries
        self._has_finished_any = False
        self._num_deaths = 0  # since the last file was finished
        self.last_message: Message | None = None
        """Of the running tagger."""

    @property
    def is_on_no_file(self) -> bool:
        """Whether taggers have ended so often without finishing any file that it is not them."""
        is_often = self._max_tries is not None and self._num_deaths >= 2 * self._max_tries
        return is_often and not self._has_finished_any

    def acquit(self) -> None:
        """Note that a file was finished."""
        self._has_finished_any, self._num_deaths = True, 0

    def count(self, sent: Sequence[KeptFile], error: TaggerError) -> KeptFile | None:
        """Count an attempt of the first open file, unless the tagger has named another one.

        Args:
            sent: The files that the tagger had.
            error: Why it has ended.

        Returns:
            The file, if that was its last attempt.
        """
        last = self.last_message
        if isinstance(last, Error) and last.source_media is not None and error.exit_status:
            return None
        if not sent or sent[0].is_cancelled:
            return None
        logger.warning("the tagger is started again: %s", error)
        file = sent[0]
        file.num_tries += 1
        self._num_deaths += 1
        return file if self._max_tries is not None and file.num_tries >= self._max_tries else None
