"""Checks of the values in messages: their types, times, boxes and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.verdict import (
    NOTHING_FOUND,
    PASSED,
    CheckFinding,
    failed,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeGuard

    from common_ml.runtime.conformance.output import Line
    from common_ml.runtime.conformance.trials import Trials

TOLERANCE_MS = 250
"""Codecs pad sound, and the last frame lasts for its period."""
_BOX_KEYS = ("x1", "y1", "x2", "y2")


def _field_types(trials: Trials) -> CheckFinding:
    messages = [line for line in trials.ordinary.lines if line.kind in _FIELDS]
    for line in messages:
        problem = _problem_of(line)
        if problem:
            return failed(f"{problem}: {line.excerpt}")
    return PASSED if messages else skipped("it wrote no message")


def _integer_times(trials: Trials) -> CheckFinding:
    def fault_of(tag: Line) -> str:
        for key in ("start_time", "end_time"):
            value = tag.data.get(key)
            if _is_number(value) and (type(value) is not int or (key == "end_time" and value < 0)):
                return f"{key} is {value!r}"
        return ""

    return _of_every_tag(trials, fault_of)


def _time_order(trials: Trials) -> CheckFinding:
    def fault_of(tag: Line) -> str:
        start, end = tag.data.get("start_time"), tag.data.get("end_time")
        if _is_number(start) and _is_number(end) and start > end:
            return f"start_time {start} > end_time {end}"
        return ""

    return _of_every_tag(trials, fault_of)


def _times_within(trials: Trials) -> CheckFinding:
    def fault_of(tag: Line) -> str:
        seconds = trials.extent_of(tag.media or "").seconds
        end = tag.data.get("end_time")
        if seconds is None or not _is_number(end):
            return ""
        tolerance = TOLERANCE_MS if seconds else 0
        if end > seconds * 1000 + tolerance:
            return f"end_time {end} ms, and the file ends at {seconds * 1000:.0f} ms"
        return ""

    return _of_every_tag(trials, fault_of)


def _boxes(trials: Trials) -> CheckFinding:
    boxes = [(tag, box) for tag in trials.ordinary.kind("tag") if (box := _box_of(tag))]
    for tag, box in boxes:
        values = [value for key in _BOX_KEYS if _is_number(value := box.get(key))]
        if len(values) < len(_BOX_KEYS):
            continue  # field-types reports it
        x1, y1, x2, y2 = values
        if not all(0 <= value <= 1 for value in values):
            return failed(f"a box of {x1}, {y1}, {x2}, {y2}: {tag.excerpt}")
        if x1 > x2 or y1 > y2:
            return failed(f"a box whose corners are swapped, {x1}, {y1}, {x2}, {y2}: {tag.excerpt}")
    return PASSED if boxes else skipped("no tag had a box")


def _frames(trials: Trials) -> CheckFinding:
    indices = [
        (tag, info["frame_idx"])
        for tag in trials.ordinary.kind("tag")
        if isinstance(info := tag.data.get("frame_info"), dict)
        and type(info.get("frame_idx")) is int
    ]
    for tag, index in indices:
        count = trials.extent_of(tag.media or "").num_frames
        if index < 0 or (count is not None and index >= count):
            return failed(f"frame_idx {index} of a file with {count} frames: {tag.excerpt}")
    return PASSED if indices else skipped("no tag was about a frame")


def _of_every_tag(trials: Trials, fault_of: Callable[[Line], str]) -> CheckFinding:
    tags = trials.ordinary.kind("tag")
    for tag in tags:
        fault = fault_of(tag)
        if fault:
            return failed(f"{fault}: {tag.excerpt}")
    return PASSED if tags else skipped(NOTHING_FOUND)


def _box_of(tag: Line) -> dict[str, Any] | None:
    info = tag.data.get("frame_info")
    box = info.get("box") if isinstance(info, dict) else None
    return box if isinstance(box, dict) else None


def _problem_of(line: Line) -> str:
    """The first invalid field of a message; "" if there is none."""
    return next(_problems(line.data, _FIELDS[line.kind], required=_REQUIRED[line.kind]), "")


def _problems(
    data: Mapping[str, Any],
    fields: Mapping[str, _Field],
    *,
    required: tuple[str, ...],
    at: str = "",
) -> Iterator[str]:
    for key in required:
        if key not in data:
            yield f"{at}{key} is missing"
    for key, value in data.items():
        if key not in fields:
            yield f"unknown field {at}{key}: expected one of {', '.join(fields)}"
        elif not fields[key][0](value):
            yield f"{at}{key} must be {fields[key][1]}, got {value!r}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_frame_info(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or type(value.get("frame_idx")) is not int:
        return False
    box = value.get("box")
    is_box = isinstance(box, dict) and box.keys() == set(_BOX_KEYS)
    return value.keys() <= {"frame_idx", "box"} and (
        box is None or (is_box and all(map(_is_number, box.values())))
    )


if TYPE_CHECKING:
    _Field = tuple[Callable[[Any], bool], str]

_TEXT: _Field = (_is_text, "a text")
_NUMBER: _Field = (_is_number, "a number")
_FIELDS: dict[str, dict[str, _Field]] = {
    "tag": {
        "start_time": _NUMBER,
        "end_time": _NUMBER,
        "tag": _TEXT,
        "source_media": _TEXT,
        "track": _TEXT,
        "additional_info": (lambda value: value is None or isinstance(value, dict), "an object"),
        "frame_info": (
            _is_frame_info,
            'null or {"frame_idx": 0, "box": null or {"x1", "y1", "x2", "y2"}}',
        ),
        "vector": (
            lambda value: (
                value is None
                or (isinstance(value, list) and all(v is None or _is_number(v) for v in value))
            ),
            "a list of numbers",
        ),
    },
    "progress": {"source_media": _TEXT},
    "error": {
        "message": _TEXT,
        "source_media": (lambda value: value is None or isinstance(value, str), "a text or null"),
    },
    "progress_ratio": {
        "progress": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
    },
}
"""Message type -> field -> predicate of a valid value, and its name in messages."""
_REQUIRED = {
    "tag": ("start_time", "end_time", "tag", "source_media"),
    "progress": ("source_media",),
    "error": ("message",),
    "progress_ratio": ("progress",),
}

CHECKS = (
    Check(
        name="field-types",
        title="writes each field with its type",
        expected="the fields of a message are those of the contract, each of its type",
        hint="build messages with common_ml.tagging.messages, which validate their values; other "
        "values belong into additional_info",
        evaluate=_field_types,
    ),
    Check(
        name="integer-times",
        title="writes times as whole milliseconds",
        expected="start_time and end_time are whole numbers of milliseconds; only a start may be "
        "negative, of a tag that began before the file",
        hint="round(seconds * 1000)",
        evaluate=_integer_times,
    ),
    Check(
        name="time-order",
        title="writes start times that are not after end times",
        expected="start_time <= end_time",
        hint="find out why the two times are swapped, or sort them",
        evaluate=_time_order,
    ),
    Check(
        name="times-within-file",
        title="ends every tag within its file",
        expected="times count from the start of the file, and lie within it; a picture's are 0",
        hint="milliseconds, not microseconds or frames; count from this file's first frame, not "
        "from the start of the job",
        evaluate=_times_within,
    ),
    Check(
        name="boxes",
        title="keeps boxes within the picture",
        expected="x1, y1, x2, y2 are 0..1 of width and height, from the top left corner, x1 <= x2 "
        "and y1 <= y2",
        hint="divide pixels by width and height; clip to 0..1",
        evaluate=_boxes,
    ),
    Check(
        name="frame-index",
        title="writes frame indices that exist",
        expected="frame_idx counts the frames of the file from 0, in the order of presentation",
        hint="count the frames of this file from 0; the only frame of a picture is 0",
        evaluate=_frames,
    ),
)
