"""List and remove the objects of parts in any store, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.parts.folder import FolderParts
from common_ml.parts.objects import ObjectParts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.service.core import Core


def part_names(core: Core) -> Iterator[tuple[str, float]]:
    """Yield the name of each part and failure note, and its modification time."""
    parts = core.parts
    if isinstance(parts, FolderParts):
        for path in Path(parts.folder).glob("*.jsonl"):
            yield path.name, path.stat().st_mtime
    elif isinstance(parts, ObjectParts):
        for page in parts._obstore.list(parts._store, chunk_size=1000):
            for found in page:
                yield Path(found["path"]).name, found["last_modified"].timestamp()


def remove_part(core: Core, name: str) -> None:
    """Remove one of them, if it exists."""
    parts = core.parts
    if isinstance(parts, FolderParts):
        (Path(parts.folder) / name).unlink(missing_ok=True)
    elif isinstance(parts, ObjectParts):
        parts._obstore.delete(parts._store, name)
