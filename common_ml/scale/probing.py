"""Probe the durations of films concurrently, to estimate their costs."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from common_ml.errors import MediaError
from common_ml.scale.node_cache import is_url
from common_ml.scale.plan import PICTURE_SECONDS, Film

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUM_THREADS = 8
_BYTES_PER_SECOND = 500_000
"""Assumed bytes per second of a film whose bit rate is unknown: 4 Mbit/s."""


def films_of(names: Iterable[str], *, within_seconds: float | None = None) -> list[Film]:
    """Return films with their costs, in the order of the names.

    A film that is not probed in time, or whose duration is unknown, is estimated from its size and
    the rate of the others; one with a URL has an average cost. Pictures are known by their names.

    Args:
        names: Paths and URLs; duplicates are dropped.
        within_seconds: Time for probing; None for as long as it takes.
    """
    from common_ml.media.kinds import kind_by_name

    unique = list(dict.fromkeys(names))
    ends = None if within_seconds is None else time.monotonic() + within_seconds

    def seconds_of(name: str) -> float | None:
        if kind_by_name(name) == "image":
            return PICTURE_SECONDS
        if is_url(name) or (ends is not None and time.monotonic() > ends):
            return None
        return _duration(name)

    with ThreadPoolExecutor(_NUM_THREADS) as threads:
        seconds = list(threads.map(seconds_of, unique))
    known = [  # pictures have bytes, but hardly a duration
        (name, found)
        for name, found in zip(unique, seconds, strict=True)
        if found is not None and found > PICTURE_SECONDS
    ]
    num_bytes = sum(_size(name) for name, _ in known)
    rate = num_bytes / sum(found for _, found in known) if known else _BYTES_PER_SECOND
    average = sum(found for _, found in known) / len(known) if known else 1.0
    films = []
    for name, found in zip(unique, seconds, strict=True):
        if found is not None:
            cost = found
        else:
            cost = average if is_url(name) else _size(name) / max(rate, 1.0)
        path = name if is_url(name) else os.path.abspath(name)  # noqa: PTH100 - links stay
        films.append(Film(name, path, max(cost, PICTURE_SECONDS)))
    return films


def _duration(path: str) -> float | None:
    """Return the duration in seconds; None if the file does not state it."""
    from common_ml.media.probe import probe

    try:
        duration = probe(path).duration_seconds
    except (MediaError, OSError):  # the tagger reports it
        return PICTURE_SECONDS
    return None if duration is None else float(duration)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a string
    except OSError:
        return 0
