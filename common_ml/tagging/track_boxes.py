"""Give the boxes of one object over frames one identity: IoU, and Hungarian assignment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.errors import MissingExtraError
from common_ml.tagging.tag_arguments import checked_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from common_ml.tagging.messages import Tag

IDENTITY_KEY = "identity"
"""Key of `additional_info` for the identity of an object."""


def track_boxes(
    tags: Iterable[Tag], *, min_iou: float = 0.3, max_gap_seconds: float = 1.0
) -> list[Tag]:
    """Return tags whose boxes carry `additional_info["identity"]`: 1, 2, ... in each file.

    As SORT does it (Bewley et al., Simple online and realtime tracking, 2016), without its motion
    model: from frame to frame, boxes of one text and track are assigned to the objects seen before
    so that the sum of their IoU with the objects' last boxes is the highest; pairs below `min_iou`
    are no pairs, and a box without an object begins one.

    Args:
        tags: Tags of any files; those without a box are returned as they are.
        min_iou: The lowest IoU of an object's boxes in neighbouring sampled frames, > 0 and <= 1.
        max_gap_seconds: How long an object may not be seen, >= 0, more than the sampling step.

    Returns:
        The tags in the order in which they came.

    Raises:
        TypeError: there is something else than tags.
        ValueError: an argument is out of its range.
        MissingExtraError: scipy is not installed.
    """
    if not 0 < min_iou <= 1:
        raise ValueError(f"min_iou must be > 0 and <= 1, got {min_iou!r}")
    if not max_gap_seconds >= 0:
        raise ValueError(f"max_gap_seconds must be >= 0, got {max_gap_seconds!r}")
    found = checked_tags(tags, "track_boxes")
    files: dict[str, _Objects] = {}
    places = [place for place, tag in enumerate(found) if _box(tag) is not None]
    places.sort(key=lambda place: (found[place].source_media, *_moment(found[place])))
    for (source, _, _), frame in groupby(
        places, key=lambda place: (found[place].source_media, *_moment(found[place]))
    ):
        objects = files.setdefault(source, _Objects(min_iou, max_gap_seconds * 1000))
        of_frame = list(frame)
        numbers = objects.assign([found[place] for place in of_frame])
        for place, number in zip(of_frame, numbers, strict=True):
            info = {**(found[place].additional_info or {}), IDENTITY_KEY: number}
            found[place] = replace(found[place], additional_info=info)
    return found


@dataclass
class _Object:
    number: int
    box: npt.NDArray[np.float64]
    """Last seen: x1, y1, x2, y2."""
    seen_ms: int


class _Objects:
    """The objects of one file."""

    def __init__(self, min_iou: float, max_gap_ms: float) -> None:
        self._min_iou = min_iou
        self._max_gap_ms = max_gap_ms
        self._count = 0
        self._alive: dict[tuple[str, str], list[_Object]] = {}

    def assign(self, tags: Sequence[Tag]) -> list[int]:
        """Return the number of the object of each tag of a frame."""
        numbers = [0] * len(tags)
        by_label: dict[tuple[str, str], list[int]] = {}
        for place, tag in enumerate(tags):
            by_label.setdefault((tag.tag, tag.track), []).append(place)
        for label, places in by_label.items():
            now = tags[places[0]].start_time
            alive = [
                one for one in self._alive.get(label, []) if now - one.seen_ms <= self._max_gap_ms
            ]
            boxes = np.array([_corners(tags[place]) for place in places], np.float64)
            for place, one in self._matched(alive, boxes):
                one.box, one.seen_ms = boxes[place], now
                numbers[places[place]] = one.number
            for place, box in zip(places, boxes, strict=True):
                if not numbers[place]:
                    self._count += 1
                    numbers[place] = self._count
                    alive.append(_Object(self._count, box, now))
            self._alive[label] = alive
        return numbers

    def _matched(
        self, alive: list[_Object], boxes: npt.NDArray[np.float64]
    ) -> Iterator[tuple[int, _Object]]:
        if not alive:
            return
        iou = _iou(boxes, np.array([one.box for one in alive]))
        iou[iou < self._min_iou] = 0
        rows, columns = _assignment()(iou, maximize=True)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if iou[row, column] > 0:
                yield row, alive[column]


def _assignment() -> Any:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise MissingExtraError("scipy, for track_boxes,", extra="track") from error
    return linear_sum_assignment


def _iou(
    boxes: npt.NDArray[np.float64], others: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the intersection over union of each box with each other one, shape (N, M)."""
    starts = np.maximum(boxes[:, None, :2], others[None, :, :2])
    ends = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(ends - starts, 0), axis=2)
    areas, other_areas = (np.prod(one[:, 2:] - one[:, :2], axis=1) for one in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - shared
    iou: npt.NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return iou


def _box(tag: Tag) -> dict[str, float] | None:
    return None if tag.frame_info is None else tag.frame_info.box


def _corners(tag: Tag) -> list[float]:
    box = _box(tag) or {}
    return [box[corner] for corner in ("x1", "y1", "x2", "y2")]


def _moment(tag: Tag) -> tuple[int, int]:
    return tag.start_time, 0 if tag.frame_info is None else tag.frame_info.frame_idx
