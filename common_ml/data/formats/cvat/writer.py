"""Write CVAT documents: for images, or for a video."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from common_ml.data.formats.cvat.reader import USUAL
from common_ml.data.formats.shared.media import known_size
from common_ml.data.formats.shared.numeric_id import numeric_id
from common_ml.data.formats.shared.plain_pixels import plain_box, plain_polygon
from common_ml.data.formats.shared.shapes import KEY, geometry_of
from common_ml.data.formats.shared.stills import SPLIT
from common_ml.data.formats.shared.xml_file import add, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.record import Annotation, Mask, Record
    from common_ml.data.report import Report


def picture_document(records: Iterable[Record], report: Report) -> ET.Element:
    """Build the document of a task of pictures."""
    root, labels = _document()
    names: set[str] = set()
    taken: set[int] = set()
    for record in records:
        if shown(record.media) in names:
            report.skip(record.id, f"another record is about {record.media!r}, too")
            continue
        names.add(shown(record.media))
        number = _number(record.id, taken)
        about: dict[str, Any] = {"id": number, "name": record.media}
        if SPLIT in record.metadata:
            about["subset"] = record.metadata[SPLIT]
        image = add(root, "image", **about, width=record.width, height=record.height)
        for key in record.metadata:
            if key != SPLIT:
                report.warn(f"metadata {key!r} is not kept: CVAT has no place for it")
        for annotation in record.annotations:
            if annotation.track or annotation.start_seconds is not None:
                report.warn("tracks and times are not kept: a picture has none in CVAT")
            _add_shape(image, annotation, record, known_size(record), report, {}, labels)
        report.written += 1
    _add_labels(root, labels)
    return root


def video_document(records: Sequence[Record], media: MediaFiles, report: Report) -> ET.Element:
    """Build the document of a task of one video; its frames may be separate records."""
    root, labels = _document()
    first = media.sized(records[0])
    same = [one for one in records if one.media == first.media]
    for record in records:
        if record.media != first.media:
            report.skip(record.id, f"CVAT has one video a file, and that is {first.media!r}")
    meta = root.find("meta")
    assert meta is not None  # noqa: S101 - _document has made it
    size = next(filter(None, map(known_size, (first, *same))), None)
    if size is not None:
        original = add(meta[0], "original_size")
        add(original, "width", size[0])
        add(original, "height", size[1])
    add(meta, "source", first.media)
    tracks: dict[tuple[str, str, int], list[tuple[int, Annotation, Record]]] = defaultdict(list)
    for record in same:
        for annotation in record.annotations:
            frame = (
                annotation.frame_index if annotation.frame_index is not None else record.frame_index
            )
            if frame is None:
                report.skip(
                    record.id, f"{annotation.label!r} is about no frame, and CVAT has frames"
                )
                continue
            # without a track each is an object of its own
            apart = 0 if annotation.track else len(tracks) + 1
            tracks[annotation.track, annotation.label, apart].append((frame, annotation, record))
    taken: set[int] = set()
    for (track, label, _), members in tracks.items():
        element = add(root, "track", id=_number(track, taken), label=label, source="manual")
        members.sort(key=lambda one: one[0])
        for frame, same_frame in groupby(members, key=lambda one: one[0]):
            found = list(same_frame)
            if len(found) > 1:
                report.skip(found[0][2].id, f"track {track!r} is twice in frame {frame}")
            about = {"frame": frame, "outside": 0}
            _add_shape(element, found[0][1], found[0][2], size, report, about, labels)
        if len(element):
            _end(element, members[-1][0])
        else:
            root.remove(element)
    _add_labels(root, labels)
    report.written += len(same)
    return root


def _document() -> tuple[ET.Element, dict[str, set[str]]]:
    root = ET.Element("annotations")
    add(root, "version", "1.1")
    add(add(root, "meta"), "task")
    return root, {}


def _add_labels(root: ET.Element, labels: Mapping[str, set[str]]) -> None:
    """Add the labels with the names of their attributes, which CVAT requires."""
    listed = add(root[1][0], "labels")
    for label in sorted(labels):
        one = add(listed, "label")
        add(one, "name", label)
        attributes = add(one, "attributes")
        for name in sorted(labels[label]):
            attribute = add(attributes, "attribute")
            for key, value in (("name", name), ("mutable", "True"), ("input_type", "text")):
                add(attribute, key, value)
            add(attribute, "default_value", "")
            add(attribute, "values", "")


def _number(text: str, taken: set[int]) -> int:
    """Return the number in a text if it is unused, else an unused one."""
    number = max(numeric_id(text) or 0, 0)
    while number in taken:
        number = max(taken) + 1
    taken.add(number)
    return number


def _end(track: ET.Element, frame: int) -> None:
    """CVAT shows an object up to the frame in which it is outside."""
    last = track[-1]
    end = ET.SubElement(track, last.tag, {**last.attrib, "frame": str(frame + 1)})
    end.set("outside", "1")


def _add_shape(
    parent: ET.Element,
    annotation: Annotation,
    record: Record,
    size: tuple[int, int] | None,
    report: Report,
    about: dict[str, Any],
    labels: dict[str, set[str]],
) -> None:
    """Add an annotation's element; one that CVAT cannot hold goes to the report.

    Args:
        parent: The picture, or the track.
        annotation: Any.
        record: The one that it is of.
        size: Width and height of its picture or video; None if unknown.
        report: Receives what is left out.
        about: The frame of a track; empty in a picture.
        labels: Label -> names of its attributes; grows.
    """
    if not annotation.value:
        report.skip(record.id, f"CVAT cannot say that {annotation.label!r} is absent")
        return
    for lost in ("confidence", "vector"):
        if getattr(annotation, lost) is not None:
            report.warn(f"{lost} of annotations is not kept: CVAT has no place for it")
    attributes = dict(annotation.attributes)
    geometry = attributes.pop(KEY, None)
    own = {key: attributes.pop(key, usual) for key, usual in USUAL.items()}
    if not about:  # of a picture
        own.pop("keyframe")
    found = _places(annotation, record, size, report)
    if found is None:
        return
    tag, places = found
    if tag == "" and geometry is not None and geometry_of(annotation) is not None:
        tag, places = _other_places(geometry_of(annotation) or {})
    if tag == "" and about:
        report.skip(record.id, f"{annotation.label!r} has no place, and tracks have boxes")
        return
    if tag == "" and geometry is not None:
        report.skip(record.id, f"{annotation.label!r} has a shape that CVAT cannot hold")
        return
    element = add(
        parent,
        tag or "tag",
        **({} if about else {"label": annotation.label}),
        **about,
        **own,
        **places,
    )
    known = labels.setdefault(annotation.label, set())
    for name, value in attributes.items():
        if not isinstance(value, (str, int, float)):
            report.warn("nested attributes are not kept: CVAT has texts, numbers and truth values")
            continue
        known.add(name)
        text = ("true" if value else "false") if isinstance(value, bool) else shown(value)
        add(element, "attribute", text, name=name)


def _places(
    annotation: Annotation, record: Record, size: tuple[int, int] | None, report: Report
) -> tuple[str, dict[str, Any]] | None:
    """Return tag and attributes of a box, polygon or mask; "" for none of them.

    None for one that CVAT cannot hold, which is in the report then.
    """
    mask = annotation.mask
    if annotation.polygon is None and mask is not None and mask.counts is not None:
        if (mask.width, mask.height) != size:
            what = f"has a mask of {mask.width} x {mask.height} pixels"
            report.skip(record.id, f"{annotation.label!r} {what}, {_of(size)}")
            return None
        return "mask", _runs(mask)
    if annotation.polygon is None and mask is not None:
        report.warn("masks in label images are not kept, only their boxes")
    if annotation.polygon is None and annotation.box is None:
        return "", {}
    scale = size if record.unit == "ratio" else (1, 1)
    if scale is None:
        report.skip(record.id, f"{annotation.label!r} has a place in 0..1, {_of(size)}")
        return None
    if annotation.polygon is not None:
        points = plain_polygon(annotation.polygon, *scale)
        return "polygon", {"points": ";".join(f"{shown(x)},{shown(y)}" for x, y in points)}
    assert annotation.box is not None  # noqa: S101 - see above
    left, top, across, down = plain_box(annotation.box, *scale)
    return "box", {"xtl": left, "ytl": top, "xbr": left + across, "ybr": top + down}


def _of(size: tuple[int, int] | None) -> str:
    if size is None:
        return "and CVAT has pixels of a size that is not known"
    return f"and its picture has {size[0]} x {size[1]}"


def _runs(mask: Mask) -> dict[str, Any]:
    """Encode a mask as run lengths, row by row, within its bounding box."""
    whole = mask.to_array()
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
    left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
    flat = whole[top:bottom, left:right].ravel()
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    runs = np.diff(edges).tolist()
    runs = [0, *runs] if flat[0] else runs
    return {
        "rle": ", ".join(map(str, runs)),
        "left": left, "top": top, "width": right - left, "height": bottom - top,
    }  # fmt: skip


def _other_places(geometry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return tag and attributes of a geometry in the attributes; "" where CVAT has none."""
    kind = geometry.get("type")
    if geometry.get("unit") != "pixel":
        return "", {}
    degrees = math.degrees(geometry.get("rotation", 0) or 0)
    if kind == "rotated_box" and geometry.keys() >= {"left", "top", "width", "height"}:
        left, top = geometry["left"], geometry["top"]
        return "box", {
            "xtl": left, "ytl": top, "xbr": left + geometry["width"],
            "ybr": top + geometry["height"], "rotation": degrees,
        }  # fmt: skip
    if kind == "ellipse" and geometry.keys() >= {"center", "radii"}:
        (x, y), (rx, ry) = geometry["center"], geometry["radii"]
        return "ellipse", {"cx": x, "cy": y, "rx": rx, "ry": ry, "rotation": degrees}
    if kind in ("line", "point", "points") and "points" in geometry:
        points = ";".join(f"{shown(float(x))},{shown(float(y))}" for x, y in geometry["points"])
        return ("polyline" if kind == "line" else "points"), {"points": points}
    return "", {}
