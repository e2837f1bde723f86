"""Common mistakes of authors end in one line that helps."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml import AVModel, FrameModel, FrameTag, Tag, tag_files
from common_ml.errors import MessageError, ModelOutputError
from common_ml.runtime import ProcessTagger, TaggerError
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.calls.author_hints import keyword_hint
from common_ml.tagging.messages import FrameInfo
from common_ml.tagging.params.problems import unknown_key
from tests.conftest import REPOSITORY
from tests.python_program import run_python

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

CLIP = str(REPOSITORY / "examples" / "media" / "clip.mp4")


class Calls(AVModel):
    """A model whose `tag` is a function."""

    def __init__(self, tag: Callable[[], Any]) -> None:
        self._tag = tag

    def tag(self, fpath: str) -> Any:
        return self._tag()


def failure_of(tag: Callable[[], Any]) -> str:
    with pytest.raises(ModelOutputError) as raised:
        tag_files(Calls(tag), CLIP)
    return str(raised.value)


TAG: Any = Tag
FRAME_TAG: Any = FrameTag


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (
            lambda: [TAG(tag="x", score=0.5)],
            "Calls.tag: Tag has no score; hint: write confidence=...",
        ),
        (lambda: [TAG(label="x")], "Calls.tag: Tag has no label; hint: write tag=..."),
        (lambda: [TAG(start=0, end=1)], "Calls.tag: Tag has no start; hint: write start_time=..."),
        (lambda: [TAG(tagg="x")], "Calls.tag: Tag has no tagg; hint: did you mean tag?"),
        (
            lambda: [TAG(colour="x")],
            'Calls.tag: Tag has no colour; hint: put it into additional_info={"colour": ...}',
        ),
        (
            lambda: [FRAME_TAG("x", bbox={})],
            "Calls.tag: FrameTag has no bbox; hint: write box=...",
        ),
        (
            lambda: [FRAME_TAG("x", path="a")],
            "Calls.tag: FrameTag has no path; hint: leave it out: file and time are the frame's",
        ),
    ],
)
def test_a_keyword_that_a_tag_does_not_have(tag: Callable[[], Any], message: str) -> None:
    assert failure_of(tag) == message


def test_a_box_of_a_tag_belongs_to_its_frame() -> None:
    assert keyword_hint("Tag", "box") == "write frame_info=FrameInfo(frame_idx, box)"


async def _coroutine() -> list[Tag]:
    await asyncio.sleep(0)
    return []


def test_async_def_where_nothing_awaits() -> None:
    assert failure_of(_coroutine).endswith(
        "must return a list of Tag, got coroutine; hint: write def, not async def: the method is "
        "called, not awaited"
    )


def test_a_generator_of_a_frame_model() -> None:
    class Yields(FrameModel):
        def tag_frame(self, img: Any) -> Any:
            yield FrameTag("x")

    with pytest.raises(ModelOutputError, match=r"hint: yield makes it a generator: append"):
        tag_files(Yields(), CLIP, fps=0.1)


@pytest.mark.parametrize(
    ("box", "hint"),
    [
        (
            {"x": 1, "y": 2, "w": 3, "h": 4},
            "from_xywh(boxes, img) makes tags of x, y, width, height",
        ),
        (
            {"x": 0, "y": 0, "width": 0.3, "height": 0.4},
            "from_xywh(boxes, img) makes tags of x, y, width, height",
        ),
        (
            {"x1": 0.5, "y1": 0.5, "width": 0.2, "height": 0.2},
            "from_xywh(boxes, img) makes tags of x, y, width, height",
        ),
        ([0.1, 0.2, 0.3, 0.4], "from_xyxy(boxes, img) makes tags of boxes in pixels"),
        (np.array([0.1, 0.2, 0.3, 0.4]), "from_xyxy(boxes, img) makes tags of boxes in pixels"),
        ([1, 2], 'write {"x1": 0.1'),
    ],
)
def test_boxes_of_other_forms(box: Any, hint: str) -> None:
    with pytest.raises(MessageError) as raised:
        FRAME_TAG("x", box=box)
    assert hint in str(raised.value).partition("; hint: ")[2]


def test_a_length_in_place_of_a_corner(caplog: pytest.LogCaptureFixture) -> None:
    box = {"x1": 0.6, "y1": 0.1, "x2": 0.2, "y2": 0.3}
    tag_files(Calls(lambda: [Tag(frame_info=FrameInfo(0, box))]), CLIP)
    assert "hint: if x2 is a length, write x2 = x1 + length; else exchange them" in caplog.text


@pytest.mark.parametrize(
    ("ends", "warns"),
    [([0.9, 3.2], True), ([3, 14], True), ([900, 3200], False), ([0], False), ([16], False)],
)
def test_times_in_seconds(ends: list[float], warns: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The clip lasts 14 seconds."""
    tags = [Tag(0, end, "x") for end in ends]  # type: ignore[arg-type] # the mistake
    tag_files(Calls(lambda: tags), [CLIP, CLIP])

    found = [record.message for record in caplog.records if "milliseconds" in record.message]
    assert len(found) == warns
    if warns:
        (text,) = found
        assert text == (
            f"Calls.tag: all times are within {round(ends[-1])} ms of a file of 14 s; "
            "hint: times are milliseconds, round(1000 * seconds)"
        )


def test_a_key_in_capitals() -> None:
    assert unknown_key("$", "FPS", ["fps", "size"]) == (
        'unknown key "FPS"; hint: did you mean "fps"? @ $.FPS'
    )


def started(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A main.py on one file, as its runtime starts it."""
    main = (
        "from common_ml import AVModel, Tag, catch_errors, run_default\n"
        "class Model(AVModel):\n"
        "    def tag(self, fpath):\n"
        f"        {body}\n"
        "        return []\n"
        "with catch_errors():\n"
        "    run_default(Model())\n"
    )
    (folder / "main.py").write_text(main)
    (folder / "a.mp4").write_bytes(b"x")
    options = ["--output-path", "tags.jsonl"]
    return run_python("main.py", *options, cwd=folder, stdin="a.mp4\na.mp4\n")


@pytest.mark.parametrize("body", ["breakpoint()", "import pdb; pdb.set_trace()"])
def test_a_breakpoint_where_stdin_carries_paths(body: str, tmp_path: Path) -> None:
    done = started(tmp_path, body)

    assert done.returncode == 1
    error = json.loads((tmp_path / "tags.jsonl").read_text().splitlines()[-1])["data"]["message"]
    assert error.endswith(
        'a tagger has no terminal; hint: tag_files(Model(), "clip.mp4") of common_ml, in a script '
        "or a notebook, stops at a breakpoint"
    )


def test_a_program_without_run_default(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text("from common_ml import FrameModel\n")
    (tmp_path / "a.mp4").write_bytes(b"x")

    with pytest.raises(TaggerError, match=r"; hint: does it call run_default\(Model\(\)\)\?"):
        messages_of(ProcessTagger([sys.executable, str(main)]), [str(tmp_path / "a.mp4")])
