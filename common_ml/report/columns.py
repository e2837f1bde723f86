"""Columnar encoding of a file's tags for the page: compact and quick to parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from common_ml.tagging.tags_file.verdicts import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.tagging.messages import Tag
    from common_ml.tagging.tags_file.verdicts import TagKey, Verdict

MAX_INFO_BYTES = 20_000
"""Longer `additional_info` of a tag is truncated."""
MAX_ATTRIBUTES = 1_000
"""Maximum number of `additional_info` keys that the filter offers as names."""
MAX_TEXT_LENGTH = 2_000
"""Maximum characters of a tag, a track, a file name or an error."""


def columns(
    tags: Sequence[Tag],
    *,
    texts: Mapping[str, int],
    tracks: Mapping[str, int],
    verdicts: Mapping[TagKey, Verdict] | None = None,
) -> dict[str, Any]:
    """Encode tags as one list per field.

    Args:
        tags: In the order of the page.
        texts: Number of each tag's text in the list that all files share.
        tracks: Number of each track.
        verdicts: The reviewers' verdicts on the tags.

    Returns:
        `start` and `end` in milliseconds; `text`, `track`: numbers; `frame`: index or -1; `box`:
        number of four neighbours in `corners`, or -1; `sure`: confidence or null; `info`: number
        in `infos`, JSON as text, or -1; `vector`: length of the tag's vector; `verdicts`: index of
        a tag, what was decided about it, the note.
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
        "corners": [box[corner] for box in boxes if box for corner in ("x1", "y1", "x2", "y2")],
        "sure": [tag.confidence for tag in tags],
        "info": info_numbers,
        "infos": list(infos),
        "vector": [0 if tag.vector is None else len(tag.vector) for tag in tags],
        "verdicts": [
            [place, verdict.verdict, verdict.note]
            for place, tag in enumerate(tags if verdicts else ())
            if verdicts and (verdict := verdicts.get(key_of(tag))) is not None
        ],
    }


def shown(text: str) -> str:
    """Truncate a long text, which would slow the page down."""
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}…"


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Number the names in alphabetical order, which determines their colours."""
    return {name: place for place, name in enumerate(sorted(set(names)))}


def attributes(tags: Iterable[Tag]) -> list[str]:
    """Return the sorted keys of the tags' `additional_info`; at most `MAX_ATTRIBUTES`."""
    found: set[str] = set()
    for tag in tags:
        if tag.additional_info:
            found.update(tag.additional_info)
    return [shown(key) for key in sorted(found)[:MAX_ATTRIBUTES]]


def _info_number(info: dict[str, Any] | None, infos: dict[str, int]) -> int:
    if not info:
        return -1
    try:
        text = orjson.dumps(info).decode()
    except TypeError:  # nested too deeply, or a number beyond 64 bits
        text = orjson.dumps({"cut": repr(info)[:MAX_INFO_BYTES]}).decode()
    if len(text) > MAX_INFO_BYTES:
        text = orjson.dumps({"cut": text[:MAX_INFO_BYTES]}).decode()
    return infos.setdefault(text, len(infos))
