"""A call in which a model failed is kept whole, and run again gives the same."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

import common_ml
from common_ml.context import entered
from common_ml.errors import AbortTaggingException, DecodeError, MessageError, ModelOutputError
from common_ml.media import images as image_files
from common_ml.media.decode import frames
from common_ml.media.images import read_image, write_png
from common_ml.tagging.calls.call_policy import CallPolicy
from common_ml.tagging.calls.crash_bundle import MAX_BUNDLES, load
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import FrameModel, Pixels
from common_ml.tagging.models.tag_types import FrameTag, Tag
from common_ml.tagging.params.sdk_options import SdkOptions
from tests.media import recipes
from tests.tagging.numbers import Reads

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

MAIN = """
    from dataclasses import dataclass

    from common_ml import (
        AVModel, BatchFrameModel, FrameModel, FrameTag, Tag, catch_errors, get_params, run_default
    )

    @dataclass
    class Params:
        limit: int = 100

    def reds(imgs):
        return [round(img[:, :, 0].mean()) for img in imgs]

    class Model(FrameModel):
        def __init__(self, params: Params):
            self.limit = params.limit

        def tag_frame(self, img):
            img_before = img.copy()
            img[:] = 0  # a model may draw into its own
            return [FrameTag(tag=self.name(img_before))]

        def name(self, img):
            (red,) = reds([img])
            if red > self.limit:
                raise ValueError(f"{red} is more than {self.limit}")
            return f"red {red}"

    class Batches(BatchFrameModel):
        batch_size = 2

        def __init__(self, params):
            self.limit = params["limit"]

        def tag_frames(self, imgs):
            if max(reds(imgs)) > self.limit:
                raise ValueError("too red")
            return [[FrameTag(tag="fine")] for img in imgs]

    class Whole(AVModel):
        def tag(self, fpath):
            text = open(fpath).read()
            if "bad" in text:
                raise KeyError(text)
            return [Tag(tag=text)]

    class Pixels(FrameModel):
        def tag_frame(self, img):
            return [FrameTag(tag="box", box={"x1": 0, "y1": 0, "x2": 30, "y2": 40})]

    def model():
        return Model(get_params(Params))

    made = Pixels()
    several = lambda a, b: None

    if __name__ == "__main__":
        import sys
        chosen = {"Model": model, "Batches": lambda: Batches(get_params()),
                  "Whole": Whole, "Pixels": Pixels}[sys.argv.pop(1)]
        with catch_errors():
            run_default(chosen())
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(textwrap.dedent(MAIN))
    # 4 frames a second, each redder than the one before: 0, 40, 80, 120, ...
    with av.open(str(tmp_path / "clip.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=4)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "bgr0"
        for number in range(6):
            rgb = np.full((16, 32, 3), 7, np.uint8)
            rgb[:, :, 0] = 40 * number
            rgb[3, 5] = (1, 2, 3)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        output.mux(stream.encode(None))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs Python in the folder, where `main.py` lies."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=folder,
            check=False,
        )

    return run


def tagged(run: Run, model: str, file: str, **params: Any) -> subprocess.CompletedProcess[str]:
    params = {"common_ml": {"crash_dir": "out/crashes"}, **params}
    arguments = ["--output-path", "tags.jsonl", "--params", json.dumps(params)]
    return run("main.py", model, *arguments, stdin=f"{file}\n")


def the_bundle(folder: Path) -> Path:
    (bundle,) = (folder / "out/crashes").iterdir()
    return bundle


def replayed(
    run: Run, bundle: Path | str, target: str, *options: str
) -> subprocess.CompletedProcess[str]:
    return run(*options, "-m", "common_ml.tagging.replay", str(bundle), target)


def test_a_frame_is_kept_and_fails_again_in_the_same_way(run: Run, folder: Path) -> None:
    done = tagged(run, "Model", "clip.mkv", fps=4, limit=100)
    assert done.returncode == 1
    bundle = the_bundle(folder)
    assert f"crash bundle: out/crashes/{bundle.name}" in done.stderr
    kept, (picture,) = load(bundle)
    assert kept.method == "Model.tag_frame"
    assert kept.error == "ValueError: 120 is more than 100"
    assert kept.params == {"common_ml": {"crash_dir": "out/crashes"}, "fps": 4, "limit": 100}
    (shot,) = kept.shots
    assert (shot.source_media, shot.index, shot.seconds) == ("clip.mkv", 3, 0.75)
    (original,) = frames(folder / "clip.mkv", [3])
    np.testing.assert_array_equal(read_image(picture), original.rgb)
    expected = {"common_ml": common_ml.__version__, "numpy": np.__version__, "av": av.__version__}
    assert expected.items() <= kept.versions.items()
    assert kept.versions["cv2"].startswith(cv2.__version__)  # the distribution's has more places
    assert kept.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "torch" not in kept.versions
    assert bundle.stat().st_mode & 0o777 == 0o755

    again = replayed(run, bundle, "main:Model")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (bundle / "traceback.txt").read_text()
    steps = [line for line in again.stderr.splitlines() if line.startswith("  File ")]
    assert [step.rpartition(" in ")[2] for step in steps] == ["tag_frame", "name"]
    assert again.stderr.endswith("\nValueError: 120 is more than 100\n")


def test_a_model_that_was_put_right_gives_its_tags(run: Run, folder: Path) -> None:
    tagged(run, "Model", "clip.mkv", fps=4, limit=100)
    main = folder / "main.py"
    main.write_text(main.read_text().replace("red > self.limit", "red > 2 * self.limit"))
    for target in ("main:Model", "main:model"):
        again = replayed(run, the_bundle(folder), target)
        assert (again.returncode, again.stderr) == (0, "")
        assert again.stdout == (
            "frame 3 at 0.750 s: "
            "FrameTag(tag='red 120', box=None, additional_info=None, vector=None, "
            "track='', confidence=None)\n"
        )


def test_a_batch_is_kept_whole(run: Run, folder: Path) -> None:
    tagged(run, "Batches", "clip.mkv", fps=4, limit=100)
    bundle = the_bundle(folder)
    kept, kept_pictures = load(bundle)
    assert kept.method == "Batches.tag_frames"
    assert [(shot.index, shot.seconds) for shot in kept.shots] == [(2, 0.5), (3, 0.75)]
    for picture, original in zip(kept_pictures, frames(folder / "clip.mkv", [2, 3]), strict=True):
        np.testing.assert_array_equal(read_image(picture), original.rgb)
    again = replayed(run, bundle, "main:Batches")  # made with the dictionary
    assert again.returncode == 1
    assert again.stderr == (bundle / "traceback.txt").read_text()


def test_of_a_file_its_name_and_content_are_noted(run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("bad news")
    tagged(run, "Whole", "notes.txt")
    bundle = the_bundle(folder)
    kept, kept_pictures = load(bundle)
    assert kept_pictures == []
    assert kept.method == "Whole.tag"
    assert kept.file is not None
    assert (kept.file.path, kept.file.num_bytes) == ("notes.txt", 8)
    assert kept.file.absolute_path == str(folder / "notes.txt")
    assert kept.file.sha256 == hashlib.sha256(b"bad news").hexdigest()
    again = replayed(run, bundle, "main:Whole")
    assert (again.returncode, again.stderr) == (1, (bundle / "traceback.txt").read_text())

    (folder / "notes.txt").write_text("good news")
    changed = replayed(run, bundle, "main:Whole")
    assert changed.returncode == 0
    assert changed.stdout.startswith("Tag(start_time=0, end_time=0, tag='good news', source_media=")
    assert changed.stderr == (
        "notes.txt is not the file that the model failed on: its content differs\n"
    )
    (folder / "notes.txt").unlink()
    gone = replayed(run, bundle, "main:Whole")
    assert gone.returncode == 2
    assert gone.stderr.startswith("no replay: no such file: notes.txt, as received in /")


def test_what_a_model_returned_wrongly_is_kept_too(run: Run, folder: Path) -> None:
    tagged(run, "Pixels", "clip.mkv", fps=1)
    bundle = the_bundle(folder)
    again = replayed(run, bundle, "main:made")  # an instance
    assert again.returncode == 1
    assert again.stderr == (bundle / "traceback.txt").read_text()
    assert again.stderr.endswith(
        "ModelOutputError: Pixels.tag_frame, frame 0 at 0.000 s: box.x2 must be 0..1, got 30; "
        "hint: divide pixels by the width (32); in the tag 'box'\n"
    )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("main", "no replay: invalid model 'main': expected one as in main:Model"),
        ("nothing:Model", "cannot be made: ModuleNotFoundError: No module named 'nothing'"),
        ("main:Nothing", "cannot be made: AttributeError: "),
        (
            "main:several",
            "only one argument can get the params, got a, b; hint: name a function without",
        ),
        ("main:reds", "cannot be made: "),
        ("main:Whole", "Model.tag_frame: expected a FrameModel or BatchFrameModel, got a Whole"),
        ("ends:Model", 'put run_default below `if __name__ == "__main__"`'),
    ],
)
def test_a_call_that_cannot_be_made_says_why(
    run: Run, folder: Path, target: str, words: str
) -> None:
    tagged(run, "Model", "clip.mkv", fps=4)
    source = "from common_ml import run_default\nfrom main import made\nrun_default(made)\n"
    (folder / "ends.py").write_text(source)
    done = replayed(run, the_bundle(folder), target)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_what_is_no_bundle_says_so(run: Run, folder: Path) -> None:
    done = replayed(run, folder, "main:Model")
    assert done.returncode == 2
    assert done.stderr.startswith(f"no replay: {folder} is not a crash bundle: FileNotFoundError: ")


def test_a_bundle_may_be_moved(run: Run, folder: Path) -> None:
    tagged(run, "Model", "clip.mkv", fps=4)
    shutil.move(the_bundle(folder), folder / "moved")
    (folder / "clip.mkv").unlink()
    assert replayed(run, "moved", "main:Model").returncode == 1


# In this process: what is kept and what not.


@pytest.fixture
def crash_dir(tmp_path: Path) -> Path:
    return tmp_path / "crashes"


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "one.png"
    write_png(path, recipes.picture(1, 160, 96))
    return str(path)


class Fails(FrameModel):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        raise self.error


def calling_by(options: SdkOptions) -> AbstractContextManager[None]:
    return entered(JobContext(CallPolicy.of(options)))


def fail(model: FrameModel | AVModel, file: str, crash_dir: Path) -> None:
    tagger = (
        FileTagger.from_frame_model(model)
        if isinstance(model, FrameModel)
        else FileTagger.from_video_model(model)
    )
    with calling_by(SdkOptions(crash_dir=str(crash_dir))), pytest.raises(Exception, match="no"):
        tagger.tag(file)


class FailsWhole(AVModel):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def tag(self, fpath: str) -> list[Tag]:
        raise self.error


@pytest.mark.parametrize(
    "model",
    [
        Fails(AbortTaggingException("no more")),
        FailsWhole(AbortTaggingException("no more")),
        FailsWhole(DecodeError("no film", path="a.mp4")),
    ],
)
def test_a_wish_to_stop_and_a_bad_file_are_no_crash(
    model: FrameModel | AVModel, picture: str, crash_dir: Path
) -> None:
    fail(model, picture, crash_dir)
    assert not crash_dir.exists()


def test_without_the_key_nothing_is_kept(
    picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with calling_by(SdkOptions()), pytest.raises(ValueError, match="no"):
        FileTagger.from_frame_model(Fails(ValueError("no"))).tag(picture)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_frame_model_as_an_av_model_is_kept_once(picture: str, crash_dir: Path) -> None:
    fail(AVModel.from_frame_model(Fails(ValueError("no")), 1.0, False), picture, crash_dir)
    (bundle,) = crash_dir.iterdir()
    assert bundle.name.endswith("-tag_frame")


def test_a_tag_that_cannot_be_born_is_a_crash_of_its_call(picture: str, crash_dir: Path) -> None:
    def no_text(number: int) -> list[FrameTag]:
        return [FrameTag(tag=number)]  # type: ignore[arg-type] # tested

    with (
        calling_by(SdkOptions(crash_dir=str(crash_dir))),
        pytest.raises(
            ModelOutputError, match=r"Reads\.tag_frame, frame 0 .* tag must be"
        ) as caught,
    ):
        FileTagger.from_frame_model(Reads(no_text)).tag(picture)
    assert isinstance(caught.value.__cause__, MessageError)
    (bundle,) = crash_dir.iterdir()
    assert "in no_text" in (bundle / "traceback.txt").read_text()


def test_no_more_are_kept_than_a_disk_can_bear(
    tmp_path: Path, crash_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = tmp_path / "clip.mp4"
    recipes.write(clip, recipes.Video(num_frames=30, rate=Fraction(10)))
    tagging = FrameTagging(Fails(ValueError("no")), SdkOptions(fps=10))
    with calling_by(SdkOptions(crash_dir=str(crash_dir))):
        for _ in range(MAX_BUNDLES + 5):
            with pytest.raises(ValueError, match="no"):
                list(tagging.tag_file(str(clip)))
            tagging.caller._model.error = ValueError("no")  # type: ignore[attr-defined] # a new one
    assert len(list(crash_dir.iterdir())) == MAX_BUNDLES == 20
    assert caplog.text.count("20 crash bundles are saved: no more of this job") == 1


def test_what_cannot_be_saved_leaves_nothing_and_fails_nothing(
    picture: str, tmp_path: Path, crash_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    fail(Fails(ValueError("no")), picture, tmp_path / "file")
    assert f"no crash bundle below {tmp_path / 'file'}: FileExistsError" in caplog.text


def test_a_disk_that_is_full_leaves_no_half_a_bundle(
    picture: str,
    crash_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(image_files, "write_png", full)
    fail(Fails(ValueError("no")), picture, crash_dir)
    assert list(crash_dir.iterdir()) == []
    assert "No space left on device" in caplog.text


def test_a_fifo_does_not_block(tmp_path: Path, crash_dir: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    fail(FailsWhole(ValueError("no")), str(tmp_path / "fifo"), crash_dir)
    assert not crash_dir.exists()


@pytest.mark.parametrize("shape", [(1, 1, 3), (33, 47, 3)])
def test_pngs_give_the_same_pixels_again(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / "ünïcode.png"
    write_png(path, rgb)
    np.testing.assert_array_equal(read_image(path), rgb)
    independent = av.open(str(path))
    with independent:
        (frame,) = independent.decode(video=0)
        np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), rgb)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)]
)
def test_what_is_no_picture_is_not_written(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"pixels must (be uint8, shape|not be empty)"):
        write_png(tmp_path / "x.png", bad)
    assert not (tmp_path / "x.png").exists()
