"""Label files of a YOLO dataset: which belongs to a picture, and which belong to none."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASS_LISTS = ("classes.txt", "_darknet.labels")
"""Names of lists of classes, one a line."""
_OTHERS = {"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"}


def label_file(picture: Path) -> Path:
    """Return the label file of a picture: `images` becomes `labels`, the extension .txt."""
    parts = list(picture.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


class LabelFiles:
    """Finds the label files of pictures; a folder is listed once."""

    def __init__(self) -> None:
        self._by_folder: dict[Path, dict[str, Path]] = {}
        self._used: set[Path] = set()
        self._picture_folders: dict[Path, set[Path]] = defaultdict(set)

    def of(self, picture: Path) -> Path:
        """Return the label file of a picture; where there is none, the one that it would have.

        It is in `labels/` for `images/`, or beside the picture, as LabelImg and Darknet have it.
        """
        usual = label_file(picture)
        for place in dict.fromkeys((usual, picture.with_suffix(".txt"))):
            self._picture_folders[place.parent].add(picture.parent)
            found = self._listed(place.parent).get(place.name)
            if found is not None:
                self._used.add(found)
                return found
        return usual

    def unused(self) -> Iterator[Path]:
        """Yield label files beside those of the pictures for which there is no picture."""
        for folder, pictures in self._picture_folders.items():
            left = {
                name: path for name, path in self._listed(folder).items() if path not in self._used
            }
            if not left:
                continue
            stems = {
                Path(name).stem
                for one in pictures
                for name in _names_in(one)
                if kind_by_name(name) == "image"
            }
            for name, path in sorted(left.items()):
                if Path(name).stem not in stems:
                    yield path

    def _listed(self, folder: Path) -> dict[str, Path]:
        """Name with its extension in small letters -> label file."""
        found = self._by_folder.get(folder)
        if found is None:
            found = {}
            for name in sorted(_names_in(folder), reverse=True):  # a.txt counts before a.TXT
                path = folder / name
                if path.suffix.lower() == ".txt" and is_label_name(name):
                    found[f"{path.stem}.txt"] = path
            self._by_folder[folder] = found
        return found


def is_label_name(name: str) -> bool:
    """Whether a text file may be a label file: no list of pictures or classes, no notes."""
    lower = name.lower()
    return lower not in _OTHERS and not lower.startswith(("._", "readme"))


def _names_in(folder: Path) -> list[str]:
    try:
        return [one.name for one in folder.iterdir()]
    except (OSError, ValueError):  # there is none of this name, or it is impossible
        return []
