"""The tags of a file as columns: what the page reads quickly and what takes little room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.tagging.messages import Tag

CONFIDENCE_KEYS = ("confidence", "score", "probability", "conf", "prob")
"""Where in `additional_info` a tag's confidence is looked for, in this order."""
MOST_INFO_BYTES = 20_000
"""What is longer in one tag's `additional_info` is cut: a page is no place for it."""


def columns(
    tags: Sequence[Tag], *, texts: Mapping[str, int], tracks: Mapping[str, int]
) -> dict[str, Any]:
    """Tags as one list per field.

    Args:
        tags: In the order of the page.
        texts: Number of each tag's text in the list that all files share.
        tracks: Number of each track.

    Returns:
        `start` and `end` in milliseconds; `text`, `track`: numbers; `frame`: index or -1; `box`:
        number of four neighbours in `corners`, or -1; `sure`: confidence or null; `info`: number
        in `infos`, JSON as text, or -1; `vector`: how many numbers the tag's vector has.
    """
    infos: dict[str, int] = {}
    info_numbers = [_info_number(tag.additional_info, infos) for tag in tags]
    boxes = [None if tag.frame_info is None else tag.frame_info.box for tag in tags]
    box_numbers, num_boxes = [], 0
    for box in boxes:
        box_numbers.append(-1 if box is None else num_boxes)
        num_boxes += box is not None
    return {
        "start": [tag.start_time for tag in tags],
        "end": [tag.end_time for tag in tags],
        "text": [texts[tag.tag] for tag in tags],
        "track": [tracks[tag.track] for tag in tags],
        "frame": [-1 if tag.frame_info is None else tag.frame_info.frame_idx for tag in tags],
        "box": box_numbers,
        "corners": [
            round(box[corner], 5) for box in boxes if box for corner in ("x1", "y1", "x2", "y2")
        ],
        "sure": [_confidence(tag.additional_info) for tag in tags],
        "info": info_numbers,
        "infos": list(infos),
        "vector": [0 if tag.vector is None else len(tag.vector) for tag in tags],
    }


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Each name once, in the order of the alphabet, with its place: colours follow from it."""
    return {name: place for place, name in enumerate(sorted(set(names)))}


def _info_number(info: dict[str, Any] | None, infos: dict[str, int]) -> int:
    if not info:
        return -1
    text = orjson.dumps(info).decode()
    if len(text) > MOST_INFO_BYTES:
        text = orjson.dumps({"cut": text[:MOST_INFO_BYTES]}).decode()
    return infos.setdefault(text, len(infos))


def _confidence(info: dict[str, Any] | None) -> float | None:
    for key in CONFIDENCE_KEYS if info else ():
        value = info.get(key) if info else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return round(float(value), 4)
    return None
