"""Convert annotations to Label Studio's regions, and write the labelling interface."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from common_ml.data.formats.labelstudio.reader import ENABLED_KEY, TRACK_KEY
from common_ml.data.formats.shared.masks import brush_bytes, counted
from common_ml.data.formats.shared.shapes import KEY, geometry_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.record import Annotation, Box, Kind, Record
    from common_ml.data.report import Report

_TAGS = {
    "rectanglelabels": ("RectangleLabels", "Label"),
    "polygonlabels": ("PolygonLabels", "Label"),
    "brushlabels": ("BrushLabels", "Label"),
    "keypointlabels": ("KeyPointLabels", "Label"),
    "ellipselabels": ("EllipseLabels", "Label"),
    "timelinelabels": ("TimelineLabels", "Label"),
    "labels": ("Labels", "Label"),
    "choices": ("Choices", "Choice"),
}
"""A region's type -> the tags of its control and of its labels."""


class Interface:
    """The controls and labels that the regions use."""

    def __init__(self) -> None:
        self._controls: dict[tuple[str, str], dict[str, None]] = {}
        self._kinds: dict[str, None] = {}

    def shown(self, kind: str) -> None:
        """Add a kind of media."""
        self._kinds[kind] = None

    def used(self, control: str, kind: str, label: str) -> str:
        """Add a label of a control; return the control's name."""
        self._controls.setdefault((control, kind), {})[label] = None
        return f"{control}_{kind}"

    def xml(self) -> str:
        """Return the labelling interface as XML."""
        lines = ["<View>"]
        for kind in self._kinds:
            rate = ' frameRate="$fps"' if kind == "video" else ""
            lines.append(f'  <{kind.capitalize()} name="{kind}" value="${kind}"{rate}/>')
        for (control, kind), labels in sorted(self._controls.items()):
            tag, of_label = _TAGS[control]
            extra = ' choice="multiple"' if control == "choices" else ""
            lines.append(f'  <{tag} name="{control}_{kind}" toName="{kind}"{extra}>')
            lines += [f"    <{of_label} value={quoteattr(label)}/>" for label in labels]
            lines.append(f"  </{tag}>")
            if (control, kind) == ("labels", "video"):  # boxes get their labels from there
                lines.append('  <VideoRectangle name="videorectangle_video" toName="video"/>')
        return "\n".join([*lines, "</View>", ""])


def regions(
    record: Record,
    kind: Kind,
    fps: float,
    media: MediaFiles,
    interface: Interface,
    report: Report,
) -> list[dict[str, Any]]:
    """Return the regions of a task; what cannot be written goes to the report."""
    interface.shown(kind)
    found: list[dict[str, Any]] = []
    ids = (f"r{number}" for number in count(1))
    choices: list[Annotation] = []
    tracks: dict[tuple[str, str], dict[str, Any]] = {}
    for annotation in record.annotations:
        if annotation.value == 0:
            report.skip(record.id, f"{annotation.label!r} is absent, which a region cannot say")
            continue
        if annotation.vector is not None:
            report.warn("vectors are not kept")
        made = list(_placed(annotation, record, kind, fps, media))
        identity = annotation.attributes.get(TRACK_KEY) if kind == "video" else None
        if made and isinstance(identity, str) and made[0][1] == "videorectangle":
            ((control, shown_as, value),) = made
            enabled = bool(annotation.attributes.get(ENABLED_KEY))
            key = {**value["sequence"][0], "enabled": enabled}
            known = tracks.get((annotation.label, identity))
            if known is not None:
                _add_key(known, key, value)
                continue
            made = [(control, shown_as, {**value, "sequence": [key]})]
        if not made and not _has_place(annotation, kind):
            choices.append(annotation)
        elif not made:
            report.skip(record.id, f"{annotation.label!r} cannot be shown in a {kind}")
        for control, shown_as, value in made:
            name = interface.used(control, kind, annotation.label)
            name = name if shown_as == control else f"{shown_as}_{kind}"
            found.append(
                {
                    "id": identity if isinstance(identity, str) else next(ids),
                    "from_name": name,
                    "to_name": kind,
                    "type": shown_as,
                    "value": {control: [annotation.label], **value},
                    **_about(annotation),
                    **_original(record, kind),
                }
            )
            if isinstance(identity, str):
                tracks[annotation.label, identity] = found[-1]["value"]
    if choices:
        found.append(_choice_region(choices, next(ids), kind, interface, report))
    return found


def _add_key(known: dict[str, Any], key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    """Add a keyframe of an object."""
    known["sequence"] = sorted([*known["sequence"], key], key=lambda one: int(one["frame"]))
    for name in ("framesCount", "duration"):
        known[name] = max(known[name], value[name])


def _choice_region(
    choices: list[Annotation], number: str, kind: str, interface: Interface, report: Report
) -> dict[str, Any]:
    labels = list(dict.fromkeys(one.label for one in choices))
    for label in labels:
        interface.used("choices", kind, label)
    about = [_about(one) for one in choices]
    if any(one != about[0] for one in about):
        report.warn("confidence, track and attributes of several choices are not kept")
        about = [{}]
    return {
        "id": number,
        "from_name": f"choices_{kind}",
        "to_name": kind,
        "type": "choices",
        "value": {"choices": labels},
        **about[0],
    }


def _has_place(annotation: Annotation, kind: str) -> bool:
    places = (annotation.box, annotation.polygon, annotation.mask, geometry_of(annotation))
    timed = kind != "image" and annotation.start_seconds is not None
    return timed or any(one is not None for one in places)


def _about(annotation: Annotation) -> dict[str, Any]:
    about: dict[str, Any] = {}
    meta: dict[str, Any] = {"track": annotation.track} if annotation.track else {}
    own = (KEY, TRACK_KEY, ENABLED_KEY)
    attributes = {key: value for key, value in annotation.attributes.items() if key not in own}
    if attributes:
        meta["attributes"] = attributes
    if meta:
        about["meta"] = meta
    if annotation.confidence is not None:
        about["score"] = annotation.confidence
    return about


def _original(record: Record, kind: str) -> dict[str, Any]:
    if kind != "image" or record.width is None or record.height is None:
        return {}
    size = {"original_width": record.width, "original_height": record.height}
    return {**size, "image_rotation": 0}


def _placed(
    annotation: Annotation,
    record: Record,
    kind: Kind,
    fps: float,
    media: MediaFiles,
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the control with the label, the type of the region, and its value."""
    if kind == "image":
        yield from _in_picture(annotation, record, media)
    elif kind == "video" and annotation.box is not None:
        if annotation.frame_index is None and annotation.start_seconds is None:
            return
        yield "labels", "videorectangle", _on_frame(annotation, annotation.box, record, fps)
    elif annotation.start_seconds is not None:
        start, end = annotation.start_seconds, annotation.end_seconds
        end = start if end is None else end
        if kind == "audio":
            yield "labels", "labels", {"start": start, "end": end}
        else:
            # tolerance for rounding: 0.28 s * 25 is 7.000000000000001
            first = math.floor(start * fps + 1e-6) + 1
            last = max(math.ceil(end * fps - 1e-6), first)
            yield "timelinelabels", "timelinelabels", {"ranges": [{"start": first, "end": last}]}


def _on_frame(annotation: Annotation, box: Box, record: Record, fps: float) -> dict[str, Any]:
    start, frame = annotation.start_seconds, annotation.frame_index
    if frame is None:
        frame = math.floor((start or 0.0) * fps + 1e-6)
    time = frame / fps if start is None else start
    # not enabled: the box ends with its frame
    key = {"frame": frame + 1, "enabled": False, "rotation": 0, "time": time, **_percent(box)}
    # required by the tool; for a video of unknown length the last frame seen
    duration = record.duration_seconds or (frame + 1) / fps
    num_frames = max(round(duration * fps), frame + 1)
    return {"sequence": [key], "framesCount": num_frames, "duration": duration}


def _in_picture(
    annotation: Annotation, record: Record, media: MediaFiles
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if annotation.box is not None:
        value = {**_percent(annotation.box), "rotation": 0}
        yield "rectanglelabels", "rectanglelabels", value
    if annotation.polygon is not None:
        points = [[x * 100, y * 100] for x, y in annotation.polygon]
        yield "polygonlabels", "polygonlabels", {"points": points, "closed": True}
    mask = None if annotation.mask is None else counted(annotation.mask, media)
    if mask is not None and (mask.width, mask.height) == (record.width, record.height):
        brush = {"format": "rle", "rle": brush_bytes(mask.to_array())}
        yield "brushlabels", "brushlabels", brush
    geometry = geometry_of(annotation)
    if geometry is not None and geometry.get("unit") == "ratio":
        yield from _shape(geometry)


def _shape(geometry: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    kind = geometry.get("type")
    if kind == "point":
        ((x, y),) = geometry["points"]
        value = {"x": x * 100, "y": y * 100, "width": 0.5}
        yield "keypointlabels", "keypointlabels", value
    elif kind == "ellipse" and geometry.keys() >= {"center", "radii"}:
        (x, y), (rx, ry) = geometry["center"], geometry["radii"]
        value = {"x": x * 100, "y": y * 100, "radiusX": rx * 100, "radiusY": ry * 100}
        value["rotation"] = math.degrees(geometry.get("rotation", 0.0))
        yield "ellipselabels", "ellipselabels", value
    elif kind == "rotated_box" and geometry.keys() >= {
        "left",
        "top",
        "width",
        "height",
        "rotation",
    }:
        names = {"x": "left", "y": "top", "width": "width", "height": "height"}
        value = {key: geometry[name] * 100 for key, name in names.items()}
        value["rotation"] = math.degrees(geometry["rotation"])
        yield "rectanglelabels", "rectanglelabels", value


def _percent(box: Box) -> dict[str, float]:
    return {
        "x": box.x1 * 100,
        "y": box.y1 * 100,
        "width": (box.x2 - box.x1) * 100,
        "height": (box.y2 - box.y1) * 100,
    }
