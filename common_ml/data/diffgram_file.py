"""`DiffgramFile`: adapt a record to the interface of Diffgram's datasets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.media_names import kind_of
from common_ml.data.formats.shared.numeric_id import numeric_id
from common_ml.data.formats.shared.shapes import KEY, geometry_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.data.record import Annotation, Record

_EDGES = ("x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True)
class DiffgramClient:
    """Offline replacement for Diffgram's project: it has the labels only."""

    name_to_file_id: dict[str, int]
    """Label -> its number in the dataset."""

    def get_label_file_dict(self) -> dict[str, int]:
        """Return `name_to_file_id`."""
        return dict(self.name_to_file_id)


@dataclass(frozen=True)
class DiffgramFile:
    """Properties of a record's file."""

    record: Record
    client: DiffgramClient

    @property
    def id(self) -> int | str:
        """Id in the source, as an int where it is one."""
        text = self.record.id
        number = numeric_id(text)
        return text if number is None else number

    @property
    def type(self) -> str:
        """Kind of the media: image, video, audio; "image" for a single frame."""
        if self.record.frame_index is not None:
            return "image"
        return self.record.kind or kind_of(self.record.media)

    @property
    def original_filename(self) -> str:
        """The name it had when it was put into its source."""
        known = self.record.metadata.get("original_filename")
        if isinstance(known, str) and known:
            return known
        return PurePosixPath(self.record.media.replace("\\", "/")).name

    @property
    def image(self) -> dict[str, Any]:
        """Size and name."""
        return {
            "width": self.record.width,
            "height": self.record.height,
            "original_filename": self.original_filename,
        }


def instances_of(
    record: Record, label_ids: Mapping[str, int], width: float, height: float
) -> list[dict[str, Any]]:
    """Return the annotations with value 1 as instances, in pixels.

    Args:
        record: The record.
        label_ids: Label -> number.
        width: Of the picture; 1 where the record counts pixels.
        height: Of the picture; 1 where the record counts pixels.
    """
    present = (one for one in record.annotations if one.value)
    return [_instance(one, label_ids, width, height) for one in present]


def _instance(
    annotation: Annotation, label_ids: Mapping[str, int], width: float, height: float
) -> dict[str, Any]:
    number = label_ids.get(annotation.label)
    made: dict[str, Any] = {
        "label_file": {"id": number, "label": {"name": annotation.label}},
        "label_file_id": number,
        "attribute_groups": {k: v for k, v in annotation.attributes.items() if k != KEY},
        "score": annotation.confidence,
        "frame_number": annotation.frame_index,
    }
    geometry, box = geometry_of(annotation), annotation.bounds()
    if geometry is not None:
        points = [{"x": x, "y": y} for x, y in geometry.get("points", ())]
        known = {key: value for key, value in geometry.items() if key != "unit"}
        return {**made, **known, "points": points}
    if box is not None:
        scaled = box.scaled(width, height)
        edges = (scaled.x1, scaled.y1, scaled.x2, scaled.y2)
        made |= dict(zip(_EDGES, map(_plain, edges), strict=True))
    if annotation.polygon is not None:
        corners = [{"x": _plain(x * width), "y": _plain(y * height)} for x, y in annotation.polygon]
        return {**made, "type": "polygon", "points": corners}
    return {**made, "type": "tag" if box is None else "box"}


def _plain(value: float) -> float:
    """Convert a whole number of pixels to int, as in Diffgram."""
    nearest = round(value)
    return nearest if abs(value - nearest) < 1e-6 else value
