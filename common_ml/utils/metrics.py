"""Measure how long a block takes."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)


class timeit:  # noqa: N801 - the name that existing repos import
    """Measure a block and log how long it took.

    with timeit("loading the model") as load:
        model = Model()
    load.interval  # seconds
    """

    def __init__(self, message: str = "") -> None:
        self.message = message
        self.interval = 0.0
        """Seconds that the block took, set when it ends, even if it failed."""

    def __enter__(self) -> Self:
        self._start = perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.interval = perf_counter() - self._start
        _log.info("%s: %.3f s", self.message or "took", self.interval)
