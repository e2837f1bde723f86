"""Notice times in seconds where milliseconds are expected."""

from __future__ import annotations

from common_ml.errors import MediaError
from common_ml.tagging.job.log import SafeLogger

_MAX_FILES = 3
"""Files of a job that are looked at: each costs a look at the file's header."""
_MIN_SECONDS = 2.0
"""Of a file; in a shorter one the first frame may be all."""

logger = SafeLogger(__name__)


class SecondsCheck:
    """Warn once if all times of a file, taken as seconds, fit into it.

    As milliseconds they would lie within the first thousandth of the file.
    """

    def __init__(self) -> None:
        self._num_left = _MAX_FILES

    def check(self, method: str, file: str, *, last: int) -> None:
        """Check the tags of one file.

        Args:
            method: Such as `Model.tag`.
            file: The path.
            last: The greatest end of its tags, in what should be milliseconds.
        """
        from common_ml.media.probe import probe

        if last <= 0 or self._num_left == 0:
            return
        self._num_left -= 1
        try:
            duration = float(probe(file).duration_seconds or 0)
        except MediaError:  # a picture, or the model knows more than FFmpeg
            return
        if duration >= _MIN_SECONDS and last <= duration + 1:
            self._num_left = 0
            logger.warning(
                "%s: all times are within %d ms of a file of %.0f s; "
                "hint: times are milliseconds, round(1000 * seconds)",
                method,
                last,
                duration,
            )
