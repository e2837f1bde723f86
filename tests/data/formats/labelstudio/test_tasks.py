"""Label Studio's exports as users have them; rectangles beside the tool's own converter's rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.formats import labelstudio
from common_ml.data.formats.shared import policy
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

SIZE = {"original_width": 200, "original_height": 100}


def read(folder: Path, *results: Any, data: Any = None, **options: Any) -> Record:
    task = {"id": 1, "data": data or {"image": "a.jpg"}, "annotations": [{"result": results}]}
    (folder / "a.json").write_text(json.dumps([task]))
    (record,) = labelstudio.read(folder / "a.json", **options)
    return record


def result(kind: str, name: str = "r1", **value: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "from_name": kind, "to_name": "image", "value": value, **SIZE}


PLACE: dict[str, Any] = {"x": 12.5, "y": 25, "width": 25, "height": 50, "rotation": 0}
BOX = Box(0.125, 0.25, 0.375, 0.75)


def test_results_of_one_id_are_one_region(tmp_path: Path) -> None:
    """The OCR template: a rectangle, its label, its text, and a choice about it."""
    record = read(
        tmp_path,
        result("rectangle", **PLACE),
        result("labels", **PLACE, labels=["Text"]),
        result("textarea", **PLACE, text=["STOP"]),
        result("choices", **PLACE, choices=["legible"]),
        result("polygon", "r2", points=[[0, 0], [50, 0], [0, 50]]),
        result("labels", "r2", points=[[0, 0], [50, 0], [0, 50]], labels=["Handwriting"]),
        result("choices", "r3", choices=["street"]),
    )
    assert record.annotations == (
        Annotation("Text", box=BOX, attributes={"text": "STOP", "choices": ["legible"]}),
        Annotation("Handwriting", polygon=((0, 0), (0.5, 0), (0, 0.5))),
        Annotation("street"),
    )


@pytest.mark.parametrize("kind", ["rectanglelabels", "labels", "rectangle", "anything"])
def test_the_keys_of_a_value_decide_and_not_the_type(tmp_path: Path, kind: str) -> None:
    record = read(tmp_path, result(kind, **PLACE, labels=["car"]))
    assert record.annotations == (Annotation("car", box=BOX),)


def test_a_span_of_text_is_not_seconds(tmp_path: Path) -> None:
    span = result("labels", start=3, end=9, text="abc", labels=["PER"])
    with pytest.raises(FormatError, match="is a span of text"):
        read(tmp_path, span)
    report = Report()
    good = result("rectanglelabels", "r2", **PLACE, rectanglelabels=["car"])
    record = read(tmp_path, span, good, on_error="skip", report=report)
    assert [one.label for one in record.annotations] == ["car"]
    assert len(report.skipped) == 1
    sound = read(tmp_path, span, data={"audio": "a.wav"})
    assert (sound.annotations[0].start_seconds, sound.annotations[0].end_seconds) == (3, 9)


def test_mere_ids_of_predictions_are_ignored(tmp_path: Path) -> None:
    task = {"id": 1, "data": {"image": "a.jpg"}, "predictions": [286], "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps([task]))
    (record,) = labelstudio.read(tmp_path / "a.json")
    assert record.annotations == ()


def test_an_object_of_a_video_keeps_its_identity_and_key_frames(tmp_path: Path) -> None:
    keys = [
        {"frame": 1, "enabled": True, **PLACE},
        {"frame": 26, "enabled": False, **PLACE, "x": 50},
    ]
    track = {"id": "obj7", "type": "videorectangle", "from_name": "box", "to_name": "video",
             "value": {"sequence": keys, "framesCount": 50, "duration": 2.0,
                       "labels": ["car"]}}  # fmt: skip
    record = read(tmp_path, track, data={"video": "a.mp4"})

    assert [(one.frame_index, one.start_seconds, one.attributes) for one in record.annotations] == [
        (0, 0.0, {"track_id": "obj7", "keyframe_enabled": True}),
        (25, 1.0, {"track_id": "obj7", "keyframe_enabled": False}),
    ]
    # and back: one region with both key frames
    labelstudio.write([record], tmp_path / "b.json", fps=25.0)
    (task,) = json.loads((tmp_path / "b.json").read_text())
    (region,) = task["predictions"][0]["result"]
    assert region["id"] == "obj7"
    assert [(key["frame"], key["enabled"]) for key in region["value"]["sequence"]] == [
        (1, True), (26, False)]  # fmt: skip
    (again,) = labelstudio.read(tmp_path / "b.json")
    assert again.annotations == record.annotations


@pytest.mark.parametrize(
    "wrong",
    [
        result("polygonlabels", "bad", points=[[1, 2], [3, 4]], polygonlabels=["a"]),
        result("polygonlabels", "bad", points=[[1, 2], [3]], polygonlabels=["a"]),
        result("rectanglelabels", "bad", **{**PLACE, "x": "far"}, rectanglelabels=["a"]),
        result("brushlabels", "bad", rle=[1, 2, 3], brushlabels=["a"]),
        {**result("rectanglelabels", "bad", **PLACE, rectanglelabels=["a"]), "score": 59},
        result("rectanglelabels", "bad", **PLACE, rectanglelabels=[1]),
        "text",
    ],
)
def test_one_bad_region_costs_no_other(tmp_path: Path, wrong: Any) -> None:
    good = result("rectanglelabels", "good", **PLACE, rectanglelabels=["car"])
    report = Report()
    with pytest.raises(FormatError, match="item 1"):
        read(tmp_path, good, wrong)
    record = read(tmp_path, good, wrong, on_error="skip", report=report)
    assert record.annotations == (Annotation("car", box=BOX),)
    assert [one.place for one in report.skipped] == ["item 1"]


def test_a_brush_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    huge = {**result("brushlabels", rle=[255] * 8, brushlabels=["a"]),
            "original_width": 65535, "original_height": 65535}  # fmt: skip
    with pytest.raises(FormatError, match="max_pixels"):
        read(tmp_path, huge)


def test_a_rectangle_drawn_backwards_is_the_same(tmp_path: Path) -> None:
    report = Report()
    backwards: dict[str, Any] = {"x": 37.5, "y": 75, "width": -25, "height": -50}
    record = read(tmp_path, result("rectanglelabels", **backwards, rectanglelabels=["car"]),
                  report=report)  # fmt: skip
    assert [one.box for one in record.annotations] == [BOX]
    assert report.repaired == {policy.FLIPPED: 1}


def test_the_small_export_is_read(tmp_path: Path) -> None:
    minimal = [{"id": 9, "image": "a.jpg", "label": [{**PLACE, "rectanglelabels": ["car"], **SIZE}],
                "kind": "day", "annotator": 1}]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(minimal))
    (record,) = labelstudio.read(tmp_path / "a.json")

    assert record.annotations == (Annotation("car", box=BOX),)
    assert (record.id, record.width, record.metadata) == ("9", 200, {"kind": "day"})


def test_two_tasks_of_one_id_are_an_error(tmp_path: Path) -> None:
    task = {"id": 1, "data": {"image": "a.jpg"}}
    (tmp_path / "a.json").write_text(json.dumps([task, task]))
    with pytest.raises(FormatError, match=r"item 2.*item 1"):
        list(labelstudio.read(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("length", "seconds"),
    [
        ({"framesCount": 50, "duration": 2}, 1.0),
        ({"framesCount": 0, "duration": 2}, 25 / 24),
        ({"duration": 2}, 25 / 24),
        ({"framesCount": 50, "duration": 0}, 25 / 24),
    ],
)
def test_keyframes_without_times_take_the_rate_that_is_known(
    tmp_path: Path, length: dict[str, float], seconds: float
) -> None:
    """A video whose frames were not counted has the usual rate."""
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    value = {**length, "labels": ["car"], "sequence": [{"frame": 26, **box}]}
    result = {"id": "v", "type": "videorectangle", "value": value}
    (annotation,) = read(tmp_path, result, data={"video": "a.mp4"}).annotations
    assert (annotation.frame_index, annotation.start_seconds) == (25, seconds)


@pytest.mark.parametrize(
    ("kind", "frame"),
    [("videorectangle", 10**20), ("videorectangle", 10**400), ("timelinelabels", 10**400)],
)
def test_frames_beyond_any_film_are_errors_at_their_place(
    tmp_path: Path, kind: str, frame: int
) -> None:
    keys = [{"frame": frame, "x": 1, "y": 2, "width": 3, "height": 4}]
    value = {"sequence": keys, "ranges": [{"start": frame, "end": frame}], "labels": ["car"]}
    result = {"id": "v", "type": kind, "value": {**value, "timelinelabels": ["car"]}}
    with pytest.raises(FormatError, match=r"item 1, .*(too large|must be <= 9223372036854775807)"):
        read(tmp_path, result, data={"video": "a.mp4"})
