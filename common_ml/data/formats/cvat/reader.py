"""Read a CVAT file: images and tracks -> records."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.cvat.tasks import Names, Task, project_tasks, single_task
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.shapes import CENTRE, KEY, rotated_box, turned_corners
from common_ml.data.formats.shared.stills import SPLIT
from common_ml.data.formats.shared.unique import UniqueIds
from common_ml.data.formats.shared.xml_file import corners, number_or_text
from common_ml.data.record import Annotation, Box, Mask, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.formats.shared.policy import ErrorPolicy

USUAL = {
    "occluded": "0", "z_order": "0", "group_id": "0", "source": "manual", "keyframe": "1",
}  # fmt: skip
"""Default values of a shape's attributes, which are not kept."""
_OF_TRACKS = {"label", "group_id", "source"}
"""Attributes that a track's shapes share."""
SAME_TRACK = "track with the id of an earlier one: another name"
_SHAPES = {"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "tag"}
_EDGES = ("xtl", "ytl", "xbr", "ybr")


class Reader:
    """Reader of one file."""

    def __init__(self, root: Element, path: str, policy: ErrorPolicy, media: MediaFiles) -> None:
        self._root = root
        self._images = root.findall("image")
        self._path = path
        self._policy = policy
        self._media = media
        if root.tag != "annotations":
            raise Item({}, path).error(f"must be <annotations>, got <{root.tag}>")

    def records(self) -> Iterator[Record]:
        """Yield the pictures in order; then the videos, if there are tracks."""
        tasks: dict[str, Task] = {}
        with self._policy:
            tasks = project_tasks(self._root, self._path)
        ids = UniqueIds()
        names = Names(self._images, tasks)
        for number, element in enumerate(self._images, 1):
            with self._policy:
                item = Item(element.attrib, self._path, f"image {number}")
                ids.add(names.media_of(item), item, field="name")
                record = self._picture(element, item, names)
                yield self._media.finished(record, names=names.files_of(item))
        tracks = list(enumerate(self._root.iterfind("track"), 1))
        if tasks:
            yield from self._of_project(tasks, tracks)
        elif tracks or (not self._images and self._root.find("meta/source") is not None):
            with self._policy:
                yield self._media.finished(self._video(single_task(self._root, self._path), tracks))

    def _picture(self, element: Element, item: Item, names: Names) -> Record:
        metadata = {SPLIT: item.text("subset")} if "subset" in item else {}
        if task := names.task_of(item):
            metadata["task"] = task
        with item.building():
            return Record(
                media=names.media_of(item),
                kind="image",
                width=item.whole_or_none("width"),
                height=item.whole_or_none("height"),
                annotations=tuple(self._shapes(element, item)),
                metadata=metadata,
                id=names.id_of(item),
                unit="pixel",
            )

    def _of_project(
        self, tasks: dict[str, Task], tracks: Sequence[tuple[int, Element]]
    ) -> Iterator[Record]:
        """Yield a record of each video that has tracks; of each if there are no pictures."""
        of_task: dict[str, list[tuple[int, Element]]] = {key: [] for key in tasks}
        for number, track in tracks:
            key = track.get("task_id") or (next(iter(tasks)) if len(tasks) == 1 else "")
            if key in of_task:
                of_task[key].append((number, track))
                continue
            item = Item(track.attrib, self._path, f"track {number}")
            problem = f"must be the id of a task in the project ({', '.join(tasks)}), got {key!r}"
            self._policy.fail(item.error(problem, field="task_id"))
        for key, task in tasks.items():
            is_video = not self._images and task.about.get("mode") == "interpolation"
            if of_task[key] or is_video:
                with self._policy:
                    yield self._media.finished(self._video(task, of_task[key]))

    def _video(self, task: Task, tracks: Sequence[tuple[int, Element]]) -> Record:
        item = task.about
        if not task.media:
            raise item.error("is missing: the name of the video", field="source")
        annotations: list[Annotation] = []
        names: Counter[str] = Counter()
        for number, track in tracks:
            place = f"track {number}"
            name = track.get("id", "")
            names[name] += 1
            if names[name] > 1:
                self._policy.repair(SAME_TRACK)
                name = f"{name}#{number}"
            given = {key: one for key, one in track.attrib.items() if key in _OF_TRACKS}
            common = {"label": "", **given}
            for at, element in enumerate(track):
                if element.tag in _SHAPES and element.get("outside", "0") != "1":
                    attributes = {**common, **element.attrib}
                    shape = Item(attributes, self._path, place, f"{element.tag}[{at}]")
                    with self._policy:
                        made = self._shape(element, shape, item, name)
                        frame = task.frame(made.frame_index, shape)
                        annotations.append(replace(made, frame_index=frame))
                elif element.tag not in _SHAPES:
                    self._leave_out(place, element.tag, at)
        with item.building():
            return Record(
                media=task.media,
                kind="video",
                width=item.whole_or_none("width"),
                height=item.whole_or_none("height"),
                annotations=tuple(annotations),
                metadata={SPLIT: item.text("subset")} if task.frames and "subset" in item else {},
                id=task.id,
                unit="pixel",
            )

    def _shapes(self, parent: Element, item: Item) -> Iterator[Annotation]:
        for at, element in enumerate(parent):
            if element.tag in _SHAPES:
                place = f"{element.tag}[{at}]"
                with self._policy:
                    shape = Item(element.attrib, self._path, item.place, place)
                    yield self._shape(element, shape, item, "")
            else:
                self._leave_out(item.place, element.tag, at)

    def _leave_out(self, place: str, tag: str, at: int) -> None:
        """Report a skeleton, whose points have labels of their own, or what is not known."""
        what = "skeletons are" if tag == "skeleton" else f"<{tag}> is"
        self._policy.report.skip(place, f"{tag}[{at}]: {what} not read", place=place)

    def _shape(self, element: Element, item: Item, picture: Item, track: str) -> Annotation:
        attributes: dict[str, Any] = {
            key: _value(item.text(key))
            for key, usual in USUAL.items()
            if key in item and item.text(key) != usual
        }
        for one in element.iterfind("attribute"):
            attributes[one.get("name", "")] = _value(one.text or "")
        known: dict[str, Any] = {}
        with item.building():
            kind = element.tag
            rotation = item.number("rotation", default=0.0)
            if kind == "box" and rotation % 90:
                attributes[KEY] = _turned_box(item, rotation)
            elif kind == "box" and rotation % 360:
                known["box"] = Box.around((x, y) for x, y in _turned_box(item, rotation)["points"])
            elif kind == "box":
                known["box"] = self._policy.box(*(item.number(edge) for edge in _EDGES))
            elif kind == "polygon":
                known["polygon"] = tuple(corners(item.text("points"), item, "points"))
            elif kind == "mask":
                known["mask"], known["box"] = self._mask(item, picture)
            elif kind != "tag":
                attributes[KEY] = _geometry(kind, item, rotation)
            frame = item.whole_or_none("frame")
            return Annotation(
                item.text("label"), track=track, frame_index=frame, attributes=attributes, **known
            )

    def _mask(self, item: Item, picture: Item) -> tuple[Mask, Any]:
        """Decode run lengths, row by row in a rectangle, the first run outside the mask."""
        import numpy as np

        left, top = item.whole("left"), item.whole("top")
        width, height = item.whole("width"), item.whole("height")
        try:
            runs = [int(one) for one in item.text("rle").split(",")]
        except ValueError as error:
            raise item.error("must be whole numbers", field="rle") from error
        if min(runs) < 0 or sum(runs) != width * height:
            raise item.error(f"must fill {width} x {height} pixels, got {sum(runs)}", field="rle")
        size = picture.whole("width"), picture.whole("height")
        if left + width > size[0] or top + height > size[1]:
            raise item.error("reaches beyond the picture", field="rle")
        whole = np.zeros((size[1], size[0]), bool)
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
        whole[top : top + height, left : left + width] = inside
        return Mask.from_array(whole), None


def _turned_box(item: Item, degrees: float) -> dict[str, Any]:
    """Return the geometry of a box that is turned around its centre."""
    x1, y1, x2, y2 = (item.number(edge) for edge in _EDGES)
    sides = (x1, y1, x2 - x1, y2 - y1)
    points = turned_corners(sides, degrees, pivot=CENTRE)
    return rotated_box(sides, math.radians(degrees), points)


def _geometry(kind: str, item: Item, rotation: float) -> dict[str, Any]:
    geometry: dict[str, Any] = {"type": "line" if kind == "polyline" else kind, "unit": "pixel"}
    if kind == "ellipse":
        center, radii = (
            [item.number("cx"), item.number("cy")], [item.number("rx"), item.number("ry")],
        )  # fmt: skip
        return {**geometry, "center": center, "radii": radii, "rotation": math.radians(rotation)}
    if "points" in item:
        points = [list(point) for point in corners(item.text("points"), item, "points")]
        kind = "point" if kind == "points" and len(points) == 1 else geometry["type"]
        return {**geometry, "type": kind, "points": points}
    numbers = {key: item.number(key) for key in item.data if key[:1] in "xy" and key[-1:].isdigit()}
    return {**geometry, **numbers}


def _value(text: str) -> Any:
    """Convert to a number or boolean where CVAT means one."""
    return text == "true" if text in ("true", "false") else number_or_text(text)
