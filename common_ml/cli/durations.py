"""How long media files last, looked up in the background while something else goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self


class Durations:
    """Path -> seconds; a context manager that looks on until it is left."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = list(paths)
        self._seconds: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="durations", daemon=True)

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
        """Whether every file has been looked at."""
        return len(self._seconds) == len(self._paths)

    def of(self, path: str) -> float | None:
        """Seconds; 0 for a picture and for what is no media; None if it was not looked at yet."""
        return self._seconds.get(path)

    def wait(self) -> None:
        """Return once every file has been looked at."""
        self._thread.join()

    def _look(self) -> None:
        from common_ml.errors import MediaError  # noqa: PLC0415 - where it is used
        from common_ml.media.kinds import kind_by_name  # noqa: PLC0415 - loads FFmpeg
        from common_ml.media.probe import probe  # noqa: PLC0415 - the same

        for path in self._paths:
            if self._ended.is_set():
                return
            seconds = 0.0
            if kind_by_name(path) != "image":
                try:
                    seconds = float(probe(path).duration_seconds or 0)
                except MediaError:  # the tagger will say what it is
                    seconds = 0.0
            self._seconds[path] = seconds
