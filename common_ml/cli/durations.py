"""Durations of media files, probed in the background."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self


class Durations:
    """Probes the durations of files in the background; a context manager."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = list(paths)
        self._seconds: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._probe_all, name="durations", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def are_known(self) -> bool:
        """Whether every file has been probed."""
        return len(self._seconds) == len(self._paths)

    def of(self, path: str) -> float | None:
        """Return a duration in seconds; 0 for pictures and non-media; None before the probe."""
        return self._seconds.get(path)

    def wait(self) -> None:
        """Wait until every file has been probed."""
        self._thread.join()

    def _probe_all(self) -> None:
        from common_ml.errors import MediaError
        from common_ml.media.kinds import kind_by_name
        from common_ml.media.probe import probe

        for path in self._paths:
            if self._ended.is_set():
                return
            seconds = 0.0
            if kind_by_name(path) != "image":
                try:
                    seconds = float(probe(path).duration_seconds or 0)
                except MediaError:  # the tagger reports it
                    seconds = 0.0
            self._seconds[path] = seconds
