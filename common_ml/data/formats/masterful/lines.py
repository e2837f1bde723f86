"""Write lines of Masterful's `records.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.data.formats.masterful.ids import SEPARATOR

if TYPE_CHECKING:
    from common_ml.data.formats.masterful.entries import Entry
    from common_ml.data.formats.masterful.ids import Ids


@dataclass(frozen=True)
class EntryPaths:
    """Paths of an entry's files, as written in the line."""

    picture: str
    mask: str = ""


def line_of(entry: Entry, paths: EntryPaths, ids: Ids) -> str:
    """Return the line, with its end."""
    if paths.mask:
        return f"{paths.picture}{SEPARATOR}{paths.mask}\n"
    if entry.boxes:
        numbers = [n for label, box in entry.boxes for n in (ids.of[label], *box)]
    else:
        numbers = sorted({ids.of[label] for label in entry.labels})
    return SEPARATOR.join([paths.picture, *map(str, numbers)]) + "\n"
