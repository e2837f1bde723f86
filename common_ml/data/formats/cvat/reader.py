"""Read a CVAT file: images and tracks -> records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.shapes import KEY
from common_ml.data.formats.shared.stills import SPLIT
from common_ml.data.formats.shared.unique import UniqueIds
from common_ml.data.formats.shared.xml_file import child_texts, corners
from common_ml.data.record import Annotation, Mask, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.formats.shared.policy import ErrorPolicy

USUAL = {
    "occluded": "0", "z_order": "0", "group_id": "0", "source": "manual", "keyframe": "1",
}  # fmt: skip
"""Default values of a shape's attributes, which are not kept."""
_SHAPES = {"box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "tag"}
_NESTED = {"skeleton", "track"}
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
        """Yield the pictures in order; then the video, if there are tracks."""
        ids = UniqueIds()
        for number, element in enumerate(self._root.iterfind("image"), 1):
            with self._policy:
                item = Item(element.attrib, self._path, f"image {number}")
                ids.add(item.text("name"), item, field="name")
                yield self._media.finished(self._picture(element, item))
        is_video = self._root.find("image") is None and self._root.find("meta/source") is not None
        if is_video or self._root.find("track") is not None:
            with self._policy:
                yield self._media.finished(self._video())

    def _picture(self, element: Element, item: Item) -> Record:
        with item.building():
            return Record(
                media=item.text("name"),
                kind="image",
                width=item.whole_or_none("width"),
                height=item.whole_or_none("height"),
                annotations=tuple(self._shapes(element, item)),
                metadata={SPLIT: item.text("subset")} if "subset" in item else {},
                id=item.text("id", default=""),
                unit="pixel",
            )

    def _video(self) -> Record:
        task = self._root.find("meta/task")
        task = self._root.find("meta/job") if task is None else task
        about = {} if task is None else {**_texts(task), **child_texts(task, "original_size")}
        meta = self._root.find("meta")
        source = {} if meta is None else child_texts(self._root, "meta")
        media = source.get("source") or about.get("source") or about.get("name")
        item = Item(about, self._path, "meta")
        if not media:
            raise item.error("is missing: the name of the video", field="source")
        annotations: list[Annotation] = []
        for number, track in enumerate(self._root.iterfind("track"), 1):
            place = f"track {number}"
            for at, element in enumerate(track):
                if element.tag in _SHAPES and element.get("outside", "0") != "1":
                    attributes = {"label": track.get("label", ""), **element.attrib}
                    shape = Item(attributes, self._path, place, f"{element.tag}[{at}]")
                    with self._policy:
                        annotations.append(self._shape(element, shape, track.get("id", "")))
                elif element.tag in _NESTED:
                    self._leave_out(place, f"{element.tag}[{at}]")
        with item.building():
            return Record(
                media=media,
                kind="video",
                width=item.whole_or_none("width"),
                height=item.whole_or_none("height"),
                annotations=tuple(annotations),
                unit="pixel",
            )

    def _shapes(self, parent: Element, item: Item) -> Iterator[Annotation]:
        for at, element in enumerate(parent):
            if element.tag in _SHAPES:
                place = f"{element.tag}[{at}]"
                with self._policy:
                    shape = Item(element.attrib, self._path, item.place, place)
                    yield self._shape(element, shape, "")
            elif element.tag in _NESTED:
                self._leave_out(item.place, f"{element.tag}[{at}]")

    def _leave_out(self, place: str, field: str) -> None:
        """Report a skeleton, which is made of points with labels of their own."""
        self._policy.report.skip(place, f"{field}: skeletons are not read", place=place)

    def _shape(self, element: Element, item: Item, track: str) -> Annotation:
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
            if kind == "box" and not rotation:
                known["box"] = self._policy.box(*(item.number(edge) for edge in _EDGES))
            elif kind == "polygon":
                known["polygon"] = tuple(corners(item.text("points"), item, "points"))
            elif kind == "mask":
                known["mask"], known["box"] = self._mask(item)
            elif kind != "tag":
                attributes[KEY] = _geometry(kind, item, rotation)
            frame = item.whole_or_none("frame")
            return Annotation(
                item.text("label"), track=track, frame_index=frame, attributes=attributes, **known
            )

    def _mask(self, item: Item) -> tuple[Mask, Any]:
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
        picture = self._size(item)
        if left + width > picture[0] or top + height > picture[1]:
            raise item.error("reaches beyond the picture", field="rle")
        whole = np.zeros((picture[1], picture[0]), bool)
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
        whole[top : top + height, left : left + width] = inside
        return Mask.from_array(whole), None

    def _size(self, item: Item) -> tuple[int, int]:
        if item.place.startswith("image"):
            sized = Item(
                self._images[int(item.place.split()[-1]) - 1].attrib, self._path, item.place
            )
        else:
            found = next(
                (
                    one
                    for kind in ("task", "job")
                    if (one := self._root.find(f"meta/{kind}/original_size")) is not None
                ),
                None,
            )
            about = {} if found is None else _texts(found)
            sized = Item(about, self._path, "meta", "original_size")
        return sized.whole("width"), sized.whole("height")


def _texts(element: Element) -> dict[str, str]:
    return {one.tag: (one.text or "").strip() for one in element if len(one) == 0}


def _geometry(kind: str, item: Item, rotation: float) -> dict[str, Any]:
    geometry: dict[str, Any] = {"type": "line" if kind == "polyline" else kind, "unit": "pixel"}
    if kind == "box":
        x1, y1, x2, y2 = (item.number(edge) for edge in _EDGES)
        sizes = {"left": x1, "top": y1, "width": x2 - x1, "height": y2 - y1}
        return {**geometry, "type": "rotated_box", **sizes, "rotation": math.radians(rotation)}
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
    if text in ("true", "false"):
        return text == "true"
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value) or text.strip() != text or "_" in text:
        return text
    return int(value) if text.lstrip("-").isdigit() else value
