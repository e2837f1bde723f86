"""Deduplicated table of searchable texts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from common_ml.service.db.schema import content_text
from common_ml.service.db.statements import insert_ignoring
from common_ml.service.db.unicode_text import unicode_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

MAX_CHARACTERS = 2000
"""Maximum characters of a stored text; longer ones are truncated."""
_CHUNK = 500


def text_ids(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """Return the id of each text; insert those that are missing."""
    hashes = {text: text_hash(text) for text in texts}
    kept = {digest: storable(text) for text, digest in hashes.items()}
    # in one order, to avoid deadlocks between transactions that add the same texts
    order = sorted(kept)
    numbers: dict[bytes, int] = {}
    for start in range(0, len(order), _CHUNK):
        chunk = order[start : start + _CHUNK]
        numbers |= _known(connection, chunk)
        new = [{"hash": digest, "text": kept[digest]} for digest in chunk if digest not in numbers]
        if new:
            connection.execute(insert_ignoring(connection, content_text), new)
            numbers |= _known(connection, [row["hash"] for row in new])
    return {text: numbers[digest] for text, digest in hashes.items()}


def storable(text: str) -> str:
    """Return the text as both databases can store it, and not too long."""
    return unicode_only(text[:MAX_CHARACTERS])


def text_hash(text: str) -> bytes:
    """Return the hash by which a text is looked up."""
    return hashlib.sha256(storable(text).encode()).digest()[:16]


def _known(connection: Connection, hashes: list[Any]) -> dict[bytes, int]:
    rows = connection.execute(
        select(content_text.c.id, content_text.c.hash).where(content_text.c.hash.in_(hashes))
    )
    return {bytes(row.hash): row.id for row in rows}
