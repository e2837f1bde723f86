"""What models return, valid and invalid: each message names field, value, frame and a hint."""

from __future__ import annotations

import io
import json
import logging
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import ModelOutputError
from common_ml.tagging import run_helpers
from common_ml.tagging.calls.batching import FrameCaller
from common_ml.tagging.calls.validator import FrameRef, OutputValidator, named
from common_ml.tagging.calls.values import (
    clipped,
    is_good_box,
    order_problem,
    overhang,
    range_problem,
    times_problem,
)
from common_ml.tagging.messages import FrameInfo, Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel, Pixels
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.producer import TagMessageProducer
from tests.media import recipes
from tests.tagging.calls.test_batching import pictures
from tests.tagging.numbers import Reads, ReadsBatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., list[tuple[str, Any]]]

LENGTH = "if {0}2 is a length, write {0}2 = {0}1 + length; else exchange them"
SHOT = FrameRef("film.mp4", 36, 1.5)


def box(x1: float, y1: float, x2: float, y2: float) -> dict[str, float]:
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2}


GOOD = box(0.1, 0.2, 0.3, 0.4)


class Model(FrameModel):
    """Returns the given value."""

    def __init__(self, returned: Any) -> None:
        self.returned = returned

    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        found: list[FrameTag] = self.returned() if callable(self.returned) else self.returned
        return found


def message_of(returned: Any, *, side: int = 2) -> str:
    with pytest.raises(ModelOutputError) as caught:
        FrameCaller.of(Model(returned)).tag(pictures(1, side=side), [SHOT])
    return str(caught.value)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "got None; hint: return [] where there are no tags"),
        ("cat", "got str; hint: return [FrameTag(tag='cat')]"),
        (7, "got int"),
        (FrameTag(tag="cat"), "got FrameTag; hint: put it into a list"),
        (Tag(tag="cat"), "got Tag; hint: return [FrameTag(tag='cat')]"),
        ({FrameTag(tag="cat")}, "got set; hint: call list() on it"),
        (iter([FrameTag(tag="cat")]), "got list_iterator; hint: call list() on it"),
        (["cat"], "got str at [0]; hint: make it FrameTag(tag='cat')"),
        ([FrameTag(tag="cat"), None], "got None at [1]"),
        ([Tag(tag="cat")], "got Tag at [0]; hint: make it FrameTag(tag='cat')"),
        ([{"tag": "cat", "box": None}], "got dict at [0]; hint: make it FrameTag(**tag)"),
        ([{"label": "cat"}], "got dict at [0]"),
        ([[FrameTag(tag="cat")]], "got list at [0]"),
    ],
)
def test_what_is_no_list_of_tags_is_named(returned: object, words: str) -> None:
    place = "Model.tag_frame, frame 36 at 1.500 s, must return a list of FrameTag"
    assert message_of(returned) == f"{place}, {words}"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [FrameTag(tag=3)], "tag must be a str, got int 3; hint: convert it with str()"),  # type: ignore[arg-type] # tested
        (
            lambda: [FrameTag(box={**GOOD, "x2": float("nan")})],
            (
                "box.x2 must be a finite number, got float nan; "
                "hint: give shares of width and height, from the left and the top"
            ),
        ),
        (
            lambda: [FrameTag(additional_info=["x"])],  # type: ignore[arg-type] # tested
            (
                "additional_info must be a dict or None, got list ['x']; "
                'hint: give it a name, as in {"value": ...}'
            ),
        ),
    ],
)
def test_a_wrong_type_names_the_frame_too(make: Callable[[], Any], words: str) -> None:
    """The author's code makes the tag; the frame is reported where it is known."""
    assert message_of(make) == f"Model.tag_frame, frame 36 at 1.500 s: {words}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            box(0.1, 0.2, 300, 40),
            "box.x2 must be 0..1, got 300; hint: divide pixels by the width (640)",
        ),
        (
            box(0.1, 2.5, 0.3, 40),
            "box.y1 must be 0..1, got 2.5; hint: divide pixels by the height (360)",
        ),
        (
            box(-3, 0, 300, 40),
            "box.x1 must be 0..1, got -3; hint: divide pixels by the width (640)",
        ),
        (
            box(-0.2, 0, 0.3, 0.4),
            "box.x1 must be 0..1, got -0.2; hint: clip it: it is a share of the width (640)",
        ),
        (
            box(0.5, 0, 0.3, 0.4),
            "box.x1 must be <= box.x2 (0.3), got 0.5; hint: " + LENGTH.format("x"),
        ),
        (
            box(0, 0.5, 0.3, 0.4),
            "box.y1 must be <= box.y2 (0.4), got 0.5; hint: " + LENGTH.format("y"),
        ),
    ],
)
def test_a_box_that_makes_no_sense_is_named(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ModelOutputError) as caught:
        OutputValidator(strict=True).frame_tags(
            [FrameTag(tag="ok", box=GOOD), FrameTag(tag="cat", box=wrong)],
            method="Model.tag_frame",
            shot=SHOT,
            size=(360, 640),
        )
    place = "Model.tag_frame, frame 36 at 1.500 s"
    assert str(caught.value) == f"{place}: {words}; in the tag 'cat'"


def test_the_size_of_the_frame_is_that_of_its_pixels() -> None:
    assert "divide pixels by the width (48)" in message_of(
        [FrameTag(box=box(0, 0, 2, 0.5))], side=48
    )


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ([[]], "must return one list of tags for each of the 2 frames, got 1"),
        (None, "must return one list of tags for each of the 2 frames, got None"),
    ],
)
def test_a_batch_of_the_wrong_length_is_named(returned: Any, words: str) -> None:
    with pytest.raises(ModelOutputError) as caught:
        FrameCaller.of(Batches(returned)).tag(pictures(2), [SHOT, FrameRef("film.mp4", 48, 2.0)])
    place = "Batches.tag_frames, frames 36 to 48 at 1.500 to 2.000 s"
    assert str(caught.value) == f"{place}, {words}; return [] for a frame without tags"


class Batches(BatchFrameModel):
    def __init__(self, returned: Any) -> None:
        self.returned = returned

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        found: list[list[FrameTag]] = self.returned
        return found


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            None,
            ", must return a list of FrameTag, got None; hint: return [] where there are no tags",
        ),
        ([FrameTag(box=box(0, 0, 9, 1))], ": box.x2 must be 0..1, got 9; hint: divide pixels"),
    ],
)
def test_the_frame_of_a_batch_that_is_at_fault_is_named(second: Any, words: str) -> None:
    caller = FrameCaller.of(Batches([[FrameTag(box=GOOD)], second]))
    with pytest.raises(ModelOutputError) as caught:
        caller.tag(pictures(2), [SHOT, FrameRef("film.mp4", 48, 2.0)])
    assert str(caught.value).startswith(f"Batches.tag_frames, frame 48 at 2.000 s{words}")


def test_pictures_that_share_a_call_are_named_by_their_files() -> None:
    assert (
        named([FrameRef("a.png", 0, 0.0), FrameRef("b.png", 0, 0.0)]) == "pictures a.png to b.png"
    )


near_0_to_1 = st.floats(-0.02, 1.02)
boxes = st.builds(box, near_0_to_1, near_0_to_1, near_0_to_1, near_0_to_1)


@given(boxes | st.builds(box, *[st.floats(-1e3, 1e3)] * 4))
def test_a_clipped_box_is_in_range_and_the_nearest_one(given_box: dict[str, float]) -> None:
    better = clipped(given_box)
    moved = max(abs(better[key] - given_box[key]) for key in better)
    assert moved == overhang(given_box)
    assert (overhang(given_box) == 0) == (range_problem(given_box) is None)
    assert is_good_box(better) == (order_problem(better) is None)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_times_make_sense_or_have_a_problem(start: int, end: int) -> None:
    assert (times_problem(start, end) is None) == (0 <= start <= end)


# What becomes of it in a job.


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """3 s at 24 frames a second."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=72, rate=Fraction(24)))
    return str(path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a job; gives type and text of each line: of tags their data, of errors the message."""

    def run(model: Any, *files: str, strict: bool = False, **params: Any) -> list[tuple[str, Any]]:
        output = tmp_path / "tags.jsonl"
        params = {"continue_on_error": True, "common_ml": {"strict": strict}, **params}
        argv = ["main.py", "--output-path", str(output), "--params", json.dumps(params)]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{file}\n" for file in files)))
        run_helpers.run_default(model)
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        return [(line["type"], line["data"].get("message", line["data"])) for line in lines]

    return run


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("kind", [Reads, ReadsBatches])
def test_frame_and_time_reach_the_user(
    run: Run, clip: str, kind: type[Reads | ReadsBatches]
) -> None:
    def pixels_from_frame_24(number: int) -> list[FrameTag]:
        return [FrameTag(tag="cat", box=box(0, 0, 300, 90) if number >= 24 else GOOD)]

    model = kind(pixels_from_frame_24)
    lines = run(model, clip, fps=2)
    method = "Reads.tag_frame" if kind is Reads else "ReadsBatches.tag_frames"
    assert lines[-1] == (
        "error",
        (
            f"ModelOutputError: {method}, frame 24 at 1.000 s: box.x2 must be 0..1, got 300; "
            "hint: divide pixels by the width (160); in the tag 'cat'"
        ),
    )
    assert "progress" not in [kind for kind, _ in lines]


def test_boxes_that_reach_out_a_little_are_clipped_and_told_once(
    run: Run, clip: str, caplog: pytest.LogCaptureFixture
) -> None:
    a_little = box(-0.01, 0.25, 1.005, 1.01)
    model = Reads(lambda number: [FrameTag(tag="cat", box=a_little)])
    lines = run(model, clip, clip, fps=2)
    found = [
        data["frame_info"]["box"] for kind, data in lines if kind == "tag" if data["frame_info"]
    ]
    assert found == [box(0.0, 0.25, 1.0, 1.0)] * 12
    assert [kind for kind, _ in lines].count("progress") == 2
    (warning,) = warnings_in(caplog)
    assert warning == (
        "boxes clipped that reached out of 0..1: 12, "
        "the first in Reads.tag_frame, frame 0 at 0.000 s: box.x1 must be 0..1, got -0.01"
    )


@pytest.mark.parametrize(
    "reaches_out", [box(-0.5, -0.5, 1.5, 1.5), box(-0.1, 0.2, 0.9, 1.2), box(1.1, 0, 1.4, 0.5)]
)
def test_boxes_that_reach_out_are_clipped_and_counted(
    run: Run, clip: str, caplog: pytest.LogCaptureFixture, reaches_out: dict[str, float]
) -> None:
    """As detectors give them that do not clip; in a strict job they fail their file."""
    model = Reads(lambda number: [FrameTag(tag="cat", box=reaches_out)])
    lines = run(model, clip, fps=2)
    assert boxes_in(lines) == [clipped(reaches_out)] * 6
    assert lines[-1][0] == "progress"
    (warning,) = warnings_in(caplog)
    assert warning.startswith(
        "boxes clipped that reached out of 0..1: 6, the first in Reads.tag_frame, frame 0"
    )
    assert run(model, clip, fps=2, strict=True)[-1][0] == "error"


@pytest.mark.parametrize(
    "pixels", [box(0, 0, 300, 90), box(0, 0, 1.51, 1), box(-0.51, 0, 1, 1), box(-1e9, 0, 1, 1)]
)
@pytest.mark.parametrize("strict", [False, True])
def test_boxes_that_cannot_be_shares_fail_their_file(
    run: Run, clip: str, pixels: dict[str, float], *, strict: bool
) -> None:
    model = Reads(lambda number: [FrameTag(tag="cat", box=pixels)])
    ((kind, message),) = run(model, clip, fps=2, strict=strict)
    assert kind == "error"
    assert "; hint: divide pixels by the width (160); in the tag 'cat'" in message


def test_a_box_out_of_order_is_written_as_it_is(
    run: Run, clip: str, caplog: pytest.LogCaptureFixture
) -> None:
    reversed_box = box(0.5, 0, 0.2, 1)
    model = Reads(lambda number: [FrameTag(tag="cat", box=reversed_box)])
    lines = run(model, clip, fps=2)
    assert boxes_in(lines) == [reversed_box] * 6
    assert lines[-1][0] == "progress"
    first, in_all = warnings_in(caplog)
    assert first == (
        "Reads.tag_frame, frame 0 at 0.000 s: box.x1 must be <= box.x2 (0.2), got 0.5; hint: "
        f"{LENGTH.format('x')}; in the tag 'cat'; written as it is, as all that follow"
    )
    assert in_all == "Reads.tag_frame: boxes: 6 in all were tolerated"


def test_other_keys_of_a_box_are_left_out_with_one_warning(
    run: Run, clip: str, caplog: pytest.LogCaptureFixture
) -> None:
    with_score = {**GOOD, "score": 0.5, "label": "cat"}
    model = Reads(lambda number: [FrameTag(tag="cat", box=with_score)])
    lines = run(model, clip, fps=2)
    assert boxes_in(lines) == [GOOD] * 6
    first, in_all = warnings_in(caplog)
    assert first == (
        "Reads.tag_frame, frame 0 at 0.000 s: box must have no keys but x1, y1, x2, y2, got "
        "'score', 'label'; hint: put them into additional_info; in the tag 'cat'; left out, as all "
        "that follow"
    )
    assert in_all == "Reads.tag_frame: keys of boxes: 6 in all were tolerated"
    assert run(model, clip, fps=2, strict=True)[-1][0] == "error"


def test_an_empty_box_is_none(run: Run, clip: str, caplog: pytest.LogCaptureFixture) -> None:
    model = Reads(lambda number: [FrameTag(tag="cat", box={})])
    assert boxes_in(run(model, clip, fps=2, strict=True)) == [None] * 6
    assert warnings_in(caplog) == []


def boxes_in(lines: list[tuple[str, Any]]) -> list[Any]:
    frames = [data["frame_info"] for kind, data in lines if kind == "tag"]
    return [frame["box"] for frame in frames if frame]


class Whole(AVModel):
    def __init__(self, tag: Any, *, last: Tag | None = None) -> None:
        self.made, self.last = tag, last

    def tag(self, fpath: str) -> list[Tag]:
        found: list[Tag] = self.made()
        return found

    def on_completion(self) -> Iterator[Tag]:
        if self.last is not None:
            yield self.last


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: [Tag(5, 3, "cat")],
            ": end_time must be >= start_time (5), got 3; hint: exchange the two; in the tag 'cat'",
        ),
        (
            lambda: [Tag(-5, 3, "cat")],
            (
                ": start_time must be >= 0, got -5; hint: count from the start of the file; "
                "in the tag 'cat'"
            ),
        ),
        (
            lambda: [Tag(1500, 1500, "cat", frame_info=FrameInfo(36, box(1, 2, 3, 4)))],
            (
                ", frame 36 at 1.500 s: frame_info.box.y1 must be 0..1, got 2; "
                "hint: divide pixels by the height; in the tag 'cat'"
            ),
        ),
        (
            lambda: [Tag("0:05", tag="cat")],  # type: ignore[arg-type] # tested
            (
                ": start_time must be a whole number of milliseconds, got str '0:05'; "
                "hint: multiply seconds by 1000"
            ),
        ),
        (
            lambda: ["cat"],
            (
                " must return a list of Tag, got str at [0]; "
                "hint: make it Tag(start_time=..., end_time=..., tag='cat')"
            ),
        ),
        (
            lambda: None,
            " must return a list of Tag, got None; hint: return [] where there are no tags",
        ),
        (lambda: {"tag": "cat"}, " must return a list of Tag, got dict; hint: return [Tag(**tag)]"),
        (lambda: iter([1]), " must return a list of Tag, got int at [0]"),
    ],
)
def test_the_tags_of_a_file_are_validated(run: Run, make: Callable[[], Any], words: str) -> None:
    assert run(Whole(make), "a.mp4", strict=True) == [
        ("error", f"ModelOutputError: Whole.tag{words}")
    ]


def test_fractions_of_milliseconds_are_rounded(run: Run) -> None:
    lines = run(Whole(lambda: [Tag(1.4, 2.6, "cat")]), "a.mp4")  # type: ignore[arg-type] # tested
    assert [(data["start_time"], data["end_time"]) for kind, data in lines if kind == "tag"] == [
        (1, 3)
    ]


def test_times_out_of_order_or_below_0_are_written_as_they_are(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A shot may have begun in the file before: the runtime aligns it."""
    lines = run(Whole(lambda: [Tag(-1200, 3), Tag(5, 3), Tag(-7, -9)]), "a.mp4", "b.mp4")
    found = [(data["start_time"], data["end_time"]) for kind, data in lines if kind == "tag"]
    assert found == [(-1200, 3), (5, 3), (-7, -9)] * 2
    first, in_all = warnings_in(caplog)
    assert first.startswith("Whole.tag: start_time must be >= 0, got -1200; hint: count from")
    assert in_all == "Whole.tag: times: 6 in all were tolerated"


def test_a_frame_number_below_0_is_written_as_it_is(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    lines = run(Whole(lambda: [Tag(frame_info=FrameInfo(-1))]), "a.mp4")
    assert lines[0][1]["frame_info"] == {"frame_idx": -1, "box": None}
    (warning,) = warnings_in(caplog)
    assert "frame_info.frame_idx must be >= 0, got -1; hint: count frames from 0" in warning


def test_without_strict_types_are_still_checked(run: Run) -> None:
    ((kind, message),) = run(Whole(lambda: ["cat"]), "a.mp4")
    assert kind == "error"
    assert message.startswith("ModelOutputError: Whole.tag must return a list of Tag, got str")


def test_what_comes_in_the_end_is_judged_too(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Its file has its last word already, so the log alone can tell."""
    model = Whole(list, last=Tag(5, 3, "cat", source_media="a.mp4"))
    assert [kind for kind, _ in run(model, "a.mp4", strict=True)] == ["progress"]
    assert (
        "ModelOutputError: Whole.on_completion: end_time must be >= start_time (5)" in caplog.text
    )


class Own(TagMessageProducer):
    def produce(self, files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Tag(5, 3 if "bad" in file else 7, "cat", file)
            yield Progress(file)


def test_an_authors_producer_fails_for_the_file_at_fault_alone(run: Run) -> None:
    lines = run(Own(), "a.mp4", "bad.mp4", "b.mp4", strict=True)
    assert [kind for kind, _ in lines] == ["tag", "progress", "error", "tag", "progress"]
    assert lines[2][1].startswith("ModelOutputError: Own.produce: end_time must be >= start_time")


@pytest.mark.parametrize("wrap", [AVModel.from_frame_model, None])
def test_a_model_that_was_wrapped_before_obeys_the_job(
    run: Run, clip: str, caplog: pytest.LogCaptureFixture, wrap: Any
) -> None:
    from common_ml.tagging.file_tagger import FileTagger

    frame_model = Reads(lambda number: [FrameTag(tag="cat", box=box(0.5, 0, 0.2, 1))])
    if wrap is None:
        wrapped: Any = TagMessageProducer.from_file_tagger(FileTagger.from_frame_model(frame_model))
    else:
        wrapped = wrap(frame_model, 1.0, False)
    assert run(wrapped, clip)[-1][0] == "progress"
    assert len(warnings_in(caplog)) == 2  # each box is counted once: the first, and the sum
    assert warnings_in(caplog)[1].startswith("Reads.tag_frame: boxes: 3 in all")


def test_what_cannot_be_written_names_the_frame(run: Run, clip: str) -> None:
    model = Reads(lambda number: [FrameTag(tag="cat", additional_info={"ids": [1, {2}]})])
    ((_, message),) = run(model, clip, fps=2)
    assert message.startswith(
        "MessageError: additional_info.ids[1] cannot be written: a set has no meaning in JSON, "
        "got set {2}; hint: sorted() it; in the tag 'cat' at 0..0 ms, frame 0 of "
    )


def test_good_tags_are_handed_on_as_they_are() -> None:
    tags = [FrameTag(tag="cat", box=GOOD), FrameTag(tag="dog")]
    judged = OutputValidator().frame_tags(tags, method="M.tag_frame", shot=SHOT, size=(2, 2))
    assert all(kept is tag for kept, tag in zip(judged, tags, strict=True))
    tag = Tag(1, 2, "cat", frame_info=FrameInfo(0, GOOD))
    assert OutputValidator().tag(tag, method="M.tag") is tag
