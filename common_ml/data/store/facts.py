"""Size and duration of media for queries: from the record, or read from the file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from common_ml.errors import MediaError
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind
from common_ml.media.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from common_ml.data.store.duckdb_store import Store

    Resolve = Callable[[str], Path | None]
    """Finds the file of a record's media; None if it is not local, such as a URL."""


logger = logging.getLogger(__name__)


class Facts(NamedTuple):
    """Facts about a file; None where unknown."""

    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


def facts_of(path: Path) -> Facts:
    """Probe a file; all facts are None where it cannot be read."""
    try:
        if media_kind(path) == "image":
            height, width, _ = read_image(path).shape  # upright, unlike the size in the header
            return Facts(width, height)
        found = probe(path)
    except MediaError:
        return Facts()
    video, duration = found.video, found.duration_seconds
    seconds = None if duration is None else float(duration)
    if video is None:
        return Facts(duration_seconds=seconds)
    return Facts(video.width, video.height, seconds)


def add_facts(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    resolve: Resolve,
    known: dict[str, Facts],
) -> None:
    """Make a table `facts` of number, width, height, duration for the records of a dataset.

    Args:
        connection: The connection.
        store: The dataset.
        resolve: Finds the files.
        known: Media -> facts found before; new ones are added.
    """
    connection.execute(
        "CREATE TEMP TABLE facts AS SELECT number, media, "
        "json_extract(header, '/width')::INTEGER AS width, "
        "json_extract(header, '/height')::INTEGER AS height, "
        f"json_extract(header, '/duration_seconds')::DOUBLE AS duration FROM {store.records_sql}"
    )
    missing = connection.execute(
        "SELECT media, bool_or(width IS NULL) FROM facts "
        "WHERE width IS NULL OR duration IS NULL GROUP BY media ORDER BY media"
    ).fetchall()
    lost: list[str] = []
    for media, has_no_width in missing:
        if media not in known:
            path = resolve(media)
            known[media] = Facts() if path is None else facts_of(path)
            if path is None and has_no_width:
                lost.append(media)
    if lost:
        logger.warning(
            "no file for %d of %d media, such as %r: their width, height and duration are "
            "unknown; hint: pass media_root",
            len(lost),
            len(missing),
            lost[0],
        )
    found: list[tuple[Any, ...]] = [(media, *known[media]) for media, _ in missing]
    if found:
        connection.execute(
            "CREATE TEMP TABLE looked_up (media VARCHAR, width INTEGER, height INTEGER, s DOUBLE)"
        )
        connection.executemany("INSERT INTO looked_up VALUES (?, ?, ?, ?)", found)
        connection.execute(
            "UPDATE facts SET width = coalesce(facts.width, l.width), "
            "height = coalesce(facts.height, l.height), "
            "duration = coalesce(facts.duration, l.s) FROM looked_up l WHERE l.media = facts.media"
        )
