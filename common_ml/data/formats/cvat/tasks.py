"""Assign the images and tracks of a CVAT file to its tasks; a project's file has several.

CVAT numbers the frames of a project through: those of a task begin where the ones before it in its
subset end, and a task takes `start_frame + step * size` of them (`ProjectData` in CVAT's
`dataset_manager/bindings.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.media_names import names_of_still
from common_ml.data.formats.shared.xml_file import child_texts, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

_STEP = re.compile(r"\s*step\s*=\s*(\d{1,9})\s*", re.ASCII)


@dataclass(frozen=True)
class Task:
    """A video, or a set of pictures."""

    about: Item
    """Its description."""
    media: str
    """Name of the video; "" where the file does not say it."""
    id: str = ""
    """The id of its record; "" for the media's name."""
    offset: int | None = 0
    """Where its frames begin in the file; None where the file does not say it."""
    frames: range | None = None
    """Its frames, counted in its own media; None where that need not be checked."""

    def frame(self, number: int | None, item: Item) -> int | None:
        """Convert a frame of the file to one of the media.

        Raises:
            FormatError: it is not a frame of this task, or the file does not say which.
        """
        if number is None or self.frames is None:
            return number
        if self.offset is None:
            raise item.error(
                f"is {number} of the project, and the file does not say how many frames the tasks "
                f"before {self.media!r} have; hint: export each task by itself",
                field="frame",
            )
        own = number - self.offset
        if own not in self.frames:
            first, last = self.offset + self.frames.start, self.offset + self.frames.stop - 1
            raise item.error(
                f"must be a frame of task {self.media!r}, {first} to {last} in this project, got "
                f"{number}; hint: export each task by itself",
                field="frame",
            )
        return own


def single_task(root: Element, path: str) -> Task:
    """Return the task of a file that has one: its video is the source, or named like the task."""
    task = root.find("meta/task")
    task = root.find("meta/job") if task is None else task
    about = {} if task is None else {**texts(task), **child_texts(task, "original_size")}
    source = child_texts(root, "meta").get("source")
    media = source or about.get("source") or about.get("name") or ""
    return Task(Item(about, path, "meta"), media)


def project_tasks(root: Element, path: str) -> dict[str, Task]:
    """Return the tasks of a project by id, in order; none for a file of one task."""
    elements = root.findall("meta/project//task")
    names = Counter(_media(element) for element in elements)
    found: dict[str, Task] = {}
    offset: int | None = 0
    subset = None
    for number, element in enumerate(elements, 1):
        about = {**texts(element), **child_texts(element, "original_size")}
        item = Item(about, path, f"task {number}")
        if about.get("subset") != subset:
            offset, subset = 0, about.get("subset")
        frames = _frames(item)
        key, media = about.get("id", ""), _media(element)
        found[key] = Task(item, media, f"{media}#{key}" if names[media] > 1 else "", offset, frames)
        if offset is not None:
            # a size that is missing leaves the beginnings of the tasks behind it unknown
            offset = None if frames.stop == _ENDLESS else offset + frames.stop
    return found


_ENDLESS = 1 << 62


def _media(element: Element) -> str:
    about = texts(element)
    return about.get("source") or about.get("name") or ""


def _frames(about: Item) -> range:
    step = _STEP.fullmatch(about.text("frame_filter", default=""))
    every = max(int(step[1]), 1) if step else 1
    start = about.whole("start_frame", default=0)
    if "size" in about:
        return range(start, start + every * about.whole("size"))
    if "stop_frame" in about:
        return range(start, start + every * ((about.whole("stop_frame") - start) // every + 1))
    return range(start, _ENDLESS)


class Names:
    """Names of the pictures of a file, made different by their subset or task."""

    def __init__(self, images: Sequence[Element], tasks: Mapping[str, Task]) -> None:
        """Count how often each name and id occurs."""
        self._tasks = tasks
        self._names = Counter(one.get("name") for one in images)
        self._in_subsets = Counter((one.get("subset"), one.get("name")) for one in images)
        self._ids = Counter(one.get("id") for one in images)

    def media_of(self, item: Item) -> str:
        """Return the name of a picture, below its subset or task where others have it, too."""
        name, subset = item.text("name"), item.text("subset", default="")
        if self._names[name] == 1:
            return name
        if subset and self._in_subsets[subset, name] == 1:
            return f"{subset}/{name}"
        task = self.task_of(item) or item.text("task_id", default="")
        return f"{task}/{name}" if task else name

    def task_of(self, item: Item) -> str:
        """Return the name of a picture's task; "" where it is not known."""
        task = self._tasks.get(item.text("task_id", default=""))
        return "" if task is None else task.id or task.media

    def id_of(self, item: Item) -> str:
        """Return the id of a picture; "" where others have it, too."""
        found = item.text("id", default="")
        return found if self._ids[found] == 1 else ""

    @staticmethod
    def files_of(item: Item) -> list[str]:
        """Return the names that the picture's file may have in CVAT's archive."""
        name, subset = item.text("name"), item.text("subset", default="")
        plain = [f"{subset}/{name}", name] if subset else [name]
        return [*plain, *(found for one in plain for found in names_of_still(one))]
