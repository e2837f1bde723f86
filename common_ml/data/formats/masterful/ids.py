"""Assign class ids for Masterful's label map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.data.formats.masterful.entries import Entry, Task, is_writable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BACKGROUND = "background"
SEPARATOR = ", "


@dataclass(frozen=True)
class Ids:
    """Label -> id, and whether 0 is background."""

    of: dict[str, int]
    has_background: bool = False

    def label_map(self) -> str:
        """Return the lines of `label_map.csv`."""
        pairs = [(number, label) for label, number in self.of.items() if is_writable(label)]
        if self.has_background:
            pairs.append((0, BACKGROUND))
        return "".join(f"{number}{SEPARATOR}{label}\n" for number, label in sorted(pairs))

    def unwritable(self) -> list[str]:
        """Return labels that the file cannot hold; no line of records uses them."""
        return [label for label in self.of if not is_writable(label)]


def assign_ids(entries: Sequence[Entry], task: Task, labels: Sequence[str] = ()) -> Ids:
    """Assign ids to all labels of the entries.

    Args:
        entries: All that are written.
        task: Segmentation has a background of id 0.
        labels: All labels in order, to choose the ids explicitly.

    Raises:
        ValueError: an entry has a label that is not among `labels`.
    """
    segments = task == "semantic_segmentation"
    if labels:
        unknown = {label for one in entries for label in one.labels} - set(labels)
        if unknown:
            raise ValueError(f"labels must name all that occur, {min(unknown)!r} is missing")
        known = [label for label in dict.fromkeys(labels) if not (segments and label == BACKGROUND)]
        return Ids({label: n for n, label in enumerate(known, int(segments))}, segments)
    if entries and all(map(_is_numbered, entries)):
        return Ids(_own_ids(entries), segments)
    if segments:
        found = sorted({label for one in entries for label in one.labels})
        return Ids({label: n for n, label in enumerate(found, 1)}, has_background=True)
    return Ids({label: n for n, label in enumerate(sorted(set(_declared(entries))))})


def _declared(entries: Iterable[Entry]) -> Iterable[str]:
    for one in entries:
        yield from one.labels
        yield from one.classes or ()


def _is_numbered(entry: Entry) -> bool:
    """Whether its label image numbers all of its labels."""
    numbered = {label for label, _ in entry.indices}
    return bool(numbered) and entry.classes is None and numbered.issuperset(entry.labels)


def _own_ids(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the number of a label's first instance; an unused one where it is taken."""
    ids: dict[str, int] = {}
    labels_without_id: dict[str, None] = {}
    for label, index in (pair for one in entries for pair in one.indices):
        if label in ids:
            continue
        if index in ids.values() or index == 0:
            labels_without_id[label] = None
        else:
            labels_without_id.pop(label, None)
            ids[label] = index
    free = (number for number in range(1, 2 * (len(ids) + len(labels_without_id)) + 2))
    for label in labels_without_id:
        ids[label] = next(number for number in free if number not in ids.values())
    return ids
