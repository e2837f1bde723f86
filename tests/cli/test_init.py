"""`common-ml init`: what it makes is a whole repo, clean and true."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from common_ml.cli import scaffold
from common_ml.cli.app import main
from common_ml.cli.scaffold import KINDS, Kind, installed_wheel, make_repo
from common_ml.errors import NewRepoError
from common_ml.runtime import ProcessTagger
from common_ml.runtime.conformance import run_checks
from common_ml.runtime.describing import describe_tagger
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.messages import Message, Progress, Tag
from tests.container.test_containerfiles import instructions
from tests.python_program import run_python

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = REPOSITORY / "examples" / "media" / "clip.mp4"
"""Pictures with the colours and cuts, and the voice, that clip.json beside it tells of."""


@pytest.mark.examples
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_repo_is_clean_and_its_own_tests_pass(tmp_path: Path, kind: Kind) -> None:
    """With the settings that it brings itself, in its own folder."""
    repo = make_repo(tmp_path / "my-tagger", kind=kind).folder

    for command in (
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy", "--cache-dir", str(REPOSITORY / ".mypy_cache" / "new-repo")],
        ["pytest", "-q", "-p", "no:cacheprovider"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=repo, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_the_frame_repo_tells_the_colours_of_the_clip(tmp_path: Path) -> None:
    """As one sees them: blue, yellow and green shots, and at the end a dark magenta one."""
    tags = tags_of(tmp_path, "frame", params={"fps": 2})

    ranges = [(tag.tag, tag.start_time) for tag in tags if tag.frame_info is None]
    assert ranges == [
        ("blue", 0),
        ("yellow", 3500),
        ("green", 6500),
        ("dark", 12000),
        ("magenta", 12000),
    ]


def test_the_batch_repo_finds_the_shot_without_edges(tmp_path: Path) -> None:
    tags = tags_of(tmp_path, "batch", params={"batch_size": 4})

    assert {(tag.tag, tag.start_time) for tag in tags if tag.frame_info is None} >= {
        ("sharp", 0),
        ("blurred", 7000),
    }


def test_the_av_repo_finds_the_cuts_and_covers_the_clip(tmp_path: Path) -> None:
    """The cuts of the clip are at 3167, 6208, 8833 and 12000 ms; a picture stands for 250 ms."""
    tags = tags_of(tmp_path, "av", params={"threshold": 0.1})

    assert [(tag.start_time, tag.end_time) for tag in tags if tag.tag == "motion"] == [
        (3000, 3250),
        (6000, 6250),
        (8750, 9000),
        (11750, 12000),
    ]
    assert {tag.track for tag in tags} == {"motion"}
    assert tags[0].start_time == 0
    assert tags[-1].end_time == 14000
    assert all(one.end_time == two.start_time for one, two in pairwise(tags))


def test_the_clip_repo_finds_the_clips_with_cuts(tmp_path: Path) -> None:
    """The cuts of the clip are at 3167, 6208, 8833 and 12000 ms."""
    tags = tags_of(tmp_path, "clip", params={"threshold": 0.03})

    assert [tag.start_time for tag in tags if tag.tag == "lively"] == [3000, 6000, 8000]
    assert {tag.track for tag in tags} == {"pace"}
    assert [(tag.start_time, tag.end_time) for tag in tags] == [
        (start, start + 1000) for start in range(0, 14000, 1000)
    ]


def test_the_audio_repo_hears_the_voice_and_the_tone(tmp_path: Path) -> None:
    """The tone from 7 to 8 s is loud, and no sentence has its middle in silence."""
    truth = json.loads(CLIP.with_suffix(".json").read_text())
    tags = tags_of(tmp_path, "audio", params={"loud_above": -18.0})

    assert {tag.track for tag in tags} == {"loudness"}
    loud = [(tag.start_time, tag.end_time) for tag in tags if tag.tag == "loud"]
    tone = truth["tone"]
    assert loud == [(1000 * tone["start_seconds"], 1000 * tone["end_seconds"])]
    for sentence in truth["speech"]:
        middle = 500 * (sentence["start_seconds"] + sentence["end_seconds"])
        (heard,) = [tag.tag for tag in tags if tag.start_time <= middle < tag.end_time]
        assert heard != "silence", sentence["text"]


@pytest.mark.examples
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_repo_passes_every_check(tmp_path: Path, kind: Kind) -> None:
    repo = make_repo(tmp_path / "my-tagger", kind=kind).folder

    results = run_checks(str(repo))

    assert [result for result in results if result.failed] == []
    assert sum(result.outcome == "passed" for result in results) >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_repo_describes_itself(tmp_path: Path, kind: Kind) -> None:
    repo = make_repo(tmp_path / "my-tagger", kind=kind).folder

    described = describe_tagger(str(repo))

    assert described["kind"] == ("av" if kind in ("audio", "clip") else kind)
    assert described["name"] == scaffold.MODELS[kind].name
    assert described["tracks"] in ([""], ["pace"], ["motion"], ["loudness"])
    for key in described["params"]["properties"]:
        assert f"`{key}`" in (repo / "README.md").read_text()


def test_wrong_params_are_an_error_line(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "my-tagger").folder

    arguments = ("--output-path", "tags.jsonl", "--params", '{"dark_belo": 1}')
    done = run_python("main.py", *arguments, cwd=repo)

    assert done.returncode != 0
    (line,) = (repo / "tags.jsonl").read_text().splitlines()
    assert 'did you mean "dark_below"?' in json.loads(line)["data"]["message"]


def test_the_containerfile_is_the_template(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "my-tagger").folder

    followed = instructions(REPOSITORY / "Containerfile.template")
    assert instructions(repo / "Containerfile") == followed


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("My Tagger", "hint: use my-tagger"),
        ("tagger_", "hint: use tagger"),
        ("a" * 61, "hint: use aaa"),
        ("über", "hint: use ber"),
        ("...", "lower-case letters"),
        ("numpy", "choose another name"),
        ("common_ml", "choose another name"),
        ("Common ML", "lower-case letters"),
    ],
)
def test_an_invalid_name_is_refused(tmp_path: Path, name: str, way_out: str) -> None:
    with pytest.raises(NewRepoError, match=way_out):
        make_repo(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t", "my-tagger", "ocr.v2", "a_b", "2nd-try"])
def test_a_good_name_is_taken(tmp_path: Path, name: str) -> None:
    assert make_repo(tmp_path / "deep" / name).name == name


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(NewRepoError, match=r"not empty \(notes.txt\).*choose another name"):
        make_repo(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my-tagger").write_text("mine")

    with pytest.raises(NewRepoError, match="is a file"):
        make_repo(tmp_path / "my-tagger")

    assert (tmp_path / "my-tagger").read_text() == "mine"


def test_here_is_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`common-ml init .` in a new clone, which has its `.git` already."""
    folder = tmp_path / "my-tagger"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)

    repo = make_repo(".")

    assert repo.name == "my-tagger"
    assert (folder / "main.py").is_file()


def test_a_wheel_goes_along(tmp_path: Path) -> None:
    wheel = tmp_path / "common_ml-1.0.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")

    repo = make_repo(tmp_path / "my-tagger", wheel=wheel)

    assert (repo.folder / "wheels" / wheel.name).read_bytes() == b"PK"
    assert f"wheels/{wheel.name}" in repo.files


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NewRepoError, match="is not a wheel"):
        make_repo(tmp_path / "my-tagger", wheel=tmp_path / "missing.whl")
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_that_was_installed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the note that pip leaves (PEP 610); one that is gone, or a clone, is none."""
    wheel = tmp_path / "a folder" / "common_ml-1.0.0-py3-none-any.whl"
    noted = {"url": wheel.as_uri(), "archive_info": {}}
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Noted(json.dumps(noted)))
    assert installed_wheel() is None

    wheel.parent.mkdir()
    wheel.touch()
    assert installed_wheel() == wheel

    noted = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Noted(json.dumps(noted)))
    assert installed_wheel() is None
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Noted(None))
    assert installed_wheel() is None


def test_the_command_lists_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as ended:
        main(["init", "my-tagger"])

    assert ended.value.code == 0
    first, *listed = capsys.readouterr().out.splitlines()
    assert first.startswith("my-tagger: Tags pictures")
    there = {str(path) for path in Path("my-tagger").rglob("*") if path.is_file()}
    assert {line.strip() for line in listed} == there


def test_the_command_tells_the_way_out_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-tagger").mkdir()
    (tmp_path / "my-tagger" / "main.py").touch()

    with pytest.raises(SystemExit) as ended:
        main(["init", "my-tagger"])

    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("choose another name, or empty it")


class Noted:
    """A distribution with a note of where it comes from."""

    def __init__(self, note: str | None) -> None:
        self._note = note

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._note


def tags_of(folder: Path, kind: Kind, *, params: dict[str, object]) -> list[Tag]:
    """What a new repo of a kind finds in the clip; its progress comes last."""
    repo = make_repo(folder / "my-tagger", kind=kind).folder
    clip = shutil.copy(CLIP, folder / "clip.mp4")
    tagger = ProcessTagger([sys.executable, "main.py"], cwd=repo, params=params)
    messages: list[Message] = messages_of(tagger, [clip])
    assert messages[-1] == Progress(str(clip))
    return [message for message in messages if isinstance(message, Tag)]
