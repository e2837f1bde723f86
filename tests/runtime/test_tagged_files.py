"""`tag_files`: models in this process, taggers in theirs, one function."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import common_ml
from common_ml import (
    AudioModel,
    AVModel,
    BatchFrameModel,
    ClipModel,
    FrameContext,
    FrameModel,
    FrameTag,
    Tag,
    runtime,
    tag_files,
)
from common_ml.errors import (
    CommonMLError,
    MediaError,
    MissingMediaError,
    ModelOutputError,
    ParamsError,
    UnfinishedFileError,
)
from common_ml.media.images.writer import write_png
from common_ml.runtime.interactive_progress import InteractiveProgress
from common_ml.tagging.messages import Progress
from common_ml.tagging.producer import TagMessageProducer
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.tag_list import Tags

CLIP = str(REPOSITORY / "examples" / "media" / "clip.mp4")
TAG_FILES: Any = tag_files  # for calls that a type checker refuses
MAIN = """
from common_ml import FrameModel, FrameTag, catch_errors, run_default

class Colour(FrameModel):
    def tag_frame(self, img):
        strongest = img.mean(axis=(0, 1)).argmax()
        return [FrameTag(tag=("red", "green", "blue")[strongest])]

if __name__ == "__main__":
    with catch_errors():
        run_default(Colour())
"""


class Colour(FrameModel):
    def tag_frame(self, img: Any) -> list[FrameTag]:
        strongest = img.mean(axis=(0, 1)).argmax()
        return [FrameTag(tag=("red", "green", "blue")[strongest])]


class Colours(BatchFrameModel):
    def tag_frames(self, imgs: Any) -> list[list[FrameTag]]:
        return [Colour().tag_frame(img) for img in imgs]


class Size(AVModel):
    def tag(self, fpath: str) -> list[Tag]:
        return [Tag(0, 10, f"{os.path.getsize(fpath)} bytes")]

    def on_completion(self) -> Iterator[Tag]:
        yield Tag(0, 0, "last", source_media=CLIP)


class Clips(ClipModel):
    clip_seconds = stride_seconds = 5.0
    num_frames = 4

    def tag_clip(self, frames: Any, times: Any) -> list[Tag]:
        return [Tag(tag=f"{len(frames)} frames")]


class Sounds(AudioModel):
    sample_rate = 8000
    window_seconds = 5.0

    def tag_audio(self, samples: Any, start_seconds: float) -> list[Tag]:
        return [Tag(tag=f"{len(samples) / 8000} s")]


class Names(TagMessageProducer):
    def produce(self, files: list[str]) -> Iterator[Any]:
        for file in files:
            yield Tag(tag=Path(file).name, source_media=file)
            yield Progress(file)


class Failing(FrameModel):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def tag_frame(self, img: Any) -> list[FrameTag]:
        if img.mean() > 100:
            raise self.error
        return [FrameTag(tag="dark")]


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Three: dark, bright, dark."""
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, value in zip(paths, (0, 200, 0), strict=True):
        write_png(path, np.full((8, 8, 3), value, np.uint8))
    return [str(path) for path in paths]


def test_it_is_one_function() -> None:
    assert tag_files is common_ml.tag_files is runtime.tag_files


def test_a_model_gives_the_messages_of_its_daemon(tmp_path: Path) -> None:
    """In this process, as a started tagger, and by its name."""
    main = tmp_path / "main.py"
    main.write_text(MAIN)

    here = tag_files(Colour(), CLIP, fps=0.5)

    assert here == tag_files(str(main), CLIP, fps=0.5)
    assert here == tag_files(runtime.tagger_for(str(main), params={"fps": 0.5}), [CLIP])
    assert [tag.start_time for tag in here[:3]] == [0, 2000, 4000]
    assert here.messages[-1] == Progress(CLIP)


def test_models_of_every_kind(pictures: list[str]) -> None:
    assert tag_files(Colours(), CLIP, fps=0.5) == tag_files(Colour(), CLIP, fps=0.5)
    assert [tag.tag for tag in tag_files(Size(), pictures[0])] == [
        f"{os.path.getsize(pictures[0])} bytes",
        "last",
    ]
    clips = tag_files(Clips(), CLIP)
    assert [(tag.start_time, tag.tag) for tag in clips] == [
        (0, "4 frames"),
        (5000, "4 frames"),
        (10000, "4 frames"),
    ]
    assert [tag.tag for tag in tag_files(Sounds(), CLIP)] == ["5.0 s"] * 3
    assert [tag.tag for tag in tag_files(Names(), pictures)] == ["a.png", "b.png", "c.png"]


def test_globs_folders_and_lists_are_expanded(tmp_path: Path, pictures: list[str]) -> None:
    expected = tag_files(Colour(), pictures)

    assert tag_files(Colour(), tmp_path) == expected
    assert tag_files(Colour(), str(tmp_path / "*.png")) == expected
    assert tag_files(Colour(), [str(tmp_path / "[ab].png"), pictures[2]]) == expected
    assert tag_files(Colour(), (path for path in pictures)) == expected


def test_sdk_keys_go_where_they_belong(tmp_path: Path, pictures: list[str]) -> None:
    """Published ones to the top of the params, the others to their section."""
    main = tmp_path / "main.py"
    main.write_text(
        "import json\n"
        "from common_ml import AVModel, Tag, get_params, run_default\n"
        "class Echo(AVModel):\n"
        "    def tag(self, fpath):\n"
        "        return [Tag(tag=json.dumps(get_params()))]\n"
        "run_default(Echo())\n"
    )
    tags = tag_files(main, pictures[0], fps=2, max_pixels=100, params={"threshold": 0.5})

    assert tags[0].tag == '{"threshold": 0.5, "fps": 2, "common_ml": {"max_pixels": 100}}'


def test_the_limits_hold_and_are_left_behind(pictures: list[str]) -> None:
    with pytest.raises(MediaError, match="max_pixels"):
        tag_files(Colour(), pictures, max_pixels=10)
    assert len(tag_files(Colour(), pictures)) == 3


def test_a_failing_model_raises_its_own_error(pictures: list[str]) -> None:
    error = KeyError("colour")
    with pytest.raises(KeyError) as raised:
        tag_files(Failing(error), pictures)
    assert raised.value is error
    assert raised.traceback[-1].name == "tag_frame"
    if sys.version_info >= (3, 11):
        assert raised.value.__notes__ == [
            f"while tagging {pictures[1]}, in Failing.tag_frame, frame 0 at 0.000 s"
        ]


def test_with_continue_on_error_the_rest_is_tagged(pictures: list[str]) -> None:
    tags = tag_files(Failing(KeyError("colour")), pictures, continue_on_error=True)

    assert [tag.source_media for tag in tags] == [pictures[0], pictures[2]]
    assert [(error.source_media, error.message) for error in tags.errors] == [
        (pictures[1], "KeyError: 'colour'")
    ]


def test_a_model_that_exits_does_not_end_the_interpreter(pictures: list[str]) -> None:
    with pytest.raises(CommonMLError, match=r"the model ended the program: sys.exit\(3\)"):
        tag_files(Failing(SystemExit(3)), pictures)


def test_an_interrupt_is_passed_on(pictures: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt) as raised:
        tag_files(Failing(KeyboardInterrupt()), pictures, continue_on_error=True)
    found: Any = raised.value
    assert [tag.source_media for tag in found.tags] == pictures[:1]  # nothing is lost


def test_a_wrong_result_says_where(pictures: list[str]) -> None:
    class Wrong(FrameModel):
        def tag_frame(self, img: Any) -> Any:
            return "dark"

    with pytest.raises(ModelOutputError, match=r"Wrong.tag_frame, frame 0 at 0.000 s, must return"):
        tag_files(Wrong(), pictures)


def test_a_producer_that_forgets_a_file(pictures: list[str]) -> None:
    class Forgetful(TagMessageProducer):
        def produce(self, files: list[str]) -> Iterator[Any]:
            yield Progress(files[0])

    with pytest.raises(UnfinishedFileError, match=r"without Progress or Error for .*b.png"):
        tag_files(Forgetful(), pictures)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingMediaError, match="no such file"):
        tag_files(Colour(), "no/such.mp4")
    with pytest.raises(MissingMediaError, match=r"nothing matches .*\*.mp4"):
        tag_files(Colour(), str(tmp_path / "*.mp4"))
    assert tag_files(Colour(), []) == []


def test_it_works_inside_a_running_event_loop(pictures: list[str]) -> None:
    async def cell() -> Tags:
        return tag_files(Colour(), pictures)

    assert asyncio.run(cell()) == tag_files(Colour(), pictures)


def test_an_async_model_works_inside_a_running_event_loop(pictures: list[str]) -> None:
    """As in a notebook: its calls run in a loop of their own, and the caller's goes on after."""

    class Remote(FrameModel):
        concurrency = 4

        async def tag_frame(self, img: Any, context: FrameContext) -> list[FrameTag]:
            await asyncio.sleep(0)
            return [FrameTag(tag=f"{os.path.basename(context.path)} {context.index}")]

    async def cell() -> Tags:
        tags = tag_files(Remote(), [*pictures, CLIP], fps=2)
        await asyncio.sleep(0)
        return tags

    tags = asyncio.run(cell())

    assert tags == tag_files(Remote(), [*pictures, CLIP], fps=2)
    assert [tag.tag for tag in tags][: len(pictures)] == [
        f"{os.path.basename(path)} 0" for path in pictures
    ]
    assert len({tag.tag for tag in tags}) == len(pictures) + 28


def test_a_model_finds_the_params_in_its_context(pictures: list[str]) -> None:
    """Those given, with the SDK's own keys where a tagger of its own would have them."""
    seen: list[object] = []

    class Sees(FrameModel):
        def tag_frame(self, img: Any, context: FrameContext) -> list[FrameTag]:
            seen.append(context.params)
            return []

    tag_files(Sees(), pictures[0], fps=2, max_pixels=10_000_000, params={"threshold": 0.5})
    tag_files(Sees(), pictures[0])

    assert seen == [
        {"threshold": 0.5, "fps": 2, "common_ml": {"max_pixels": 10_000_000}},
        {},
    ]


def test_the_process_stays_as_it_was(pictures: list[str]) -> None:
    def state() -> dict[str, object]:
        return {
            "handlers": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            "wakeup": signal.set_wakeup_fd(-1),
            "factory": logging.getLogRecordFactory(),
            "log handlers": list(logging.root.handlers),
            "hooks": (sys.excepthook, threading.excepthook, sys.stdin, list(sys.argv)),
            "folder": os.getcwd(),
        }

    before, threads = state(), set(threading.enumerate())
    tag_files(Colour(), [CLIP, *pictures], fps=0.5, file_timeout_seconds=60)
    with pytest.raises(KeyError):
        tag_files(Failing(KeyError()), pictures)

    assert state() == before
    for thread in set(threading.enumerate()) - threads:
        thread.join(30)  # a cancelled alarm is about to end
        assert not thread.is_alive()


def test_it_logs_nothing_and_needs_no_stdin(tmp_path: Path) -> None:
    """As a script without standard input, in an interpreter of its own."""
    script = tmp_path / "script.py"
    script.write_text(
        MAIN.partition("if __name__")[0]
        + f"\nfrom common_ml import tag_files\nprint(len(tag_files(Colour(), {CLIP!r}, fps=0.2)))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, pass_fds=()
    )
    assert (done.stdout, done.stderr) == ("6\n", "")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tag_files(Colour()), r"needs files to tag; hint: tag_files\(MyModel\(\), \"clips"),
        (lambda: tag_files(Colour, CLIP), r"got the class Colour; hint: make an instance of it"),
        (lambda: TAG_FILES(CLIP, Colour()), r"takes the model first; hint: tag_files\(MyModel"),
        (lambda: tag_files(Colour(), CLIP, fsp=1), r"no key 'fsp'; hint: did you mean fps\?"),
        (lambda: tag_files(Colour(), CLIP, threshold=1), r"the model's own are params="),
        (lambda: tag_files(Colour(), CLIP, resume=True), r"resume is for a tagger that runs by it"),
        (lambda: TAG_FILES(Colour(), 3), r"files must be a path, a glob or a list of them, got 3"),
        (lambda: tag_files(3, CLIP), r"takes a model, a tagger, or the name of one, got int"),
        (
            lambda: tag_files(runtime.tagger_for("main:x"), CLIP, fps=2),
            r"ContainerTagger has its params already; hint: give them to it",
        ),
    ],
)
def test_a_mistake_ends_in_what_helps(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_a_class_that_extends_nothing_is_told_what_to_extend() -> None:
    class Model:
        def tag_frame(self, img: Any) -> list[FrameTag]:
            return []

    with pytest.raises(TypeError, match=r"hint: extend FrameModel: class Model\(FrameModel\)"):
        tag_files(Model(), CLIP)


def test_a_wrong_value_is_a_params_error() -> None:
    with pytest.raises(ParamsError, match=r"fps must be a finite number > 0, got -1"):
        tag_files(Colour(), CLIP, fps=-1)


def test_at_a_prompt_longer_work_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one line that is gone in the end; in a script nothing."""
    times = iter([0.0, 0.5, 1.2, 1.3, 1.8, 2.0])
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    progress = InteractiveProgress(2, clock=lambda: next(times))
    for message in (Tag(), Tag(), Progress("a"), Tag(), Progress("b")):
        progress.add(message)
    progress.close()

    assert capsys.readouterr().err == (
        "\r0/2 files, 2 tags\r1/2 files, 3 tags\r                 \r"
    )
    monkeypatch.delattr(sys, "ps1")
    InteractiveProgress(1, clock=lambda: 0.0).add(Tag())
    assert capsys.readouterr().err == ""
