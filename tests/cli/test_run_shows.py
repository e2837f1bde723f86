"""What `common-ml run` shows: the bar, the errors, the tables; and which files are meant."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from common_ml.cli.durations import Durations
from common_ml.cli.progress import RunProgress
from common_ml.cli.summary import MAX_FILES, MAX_TAGS, print_summary
from common_ml.cli.tally import Tally
from common_ml.cli.texts import clock, plural, printable
from common_ml.errors import MissingMediaError
from common_ml.runtime.media_files import find_media
from common_ml.tagging.messages import Error, Message, Progress, Tag
from tests.media.recipes import Video, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def tally_of(paths: Iterable[str], *messages: Message) -> Tally:
    tally = Tally.of(paths)
    for message in messages:
        tally.add(message)
    return tally


def shown(tally: Tally, width: int = 60) -> list[list[str]]:
    """The words of each line of the summary."""
    console = Console(file=io.StringIO(), width=width)
    print_summary(tally, console)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def clip(tmp_path: Path) -> str:
    """A film of two seconds."""
    path = tmp_path / "clip.mp4"
    write(path, Video(num_frames=48))
    return str(path)


def run_shown(paths: list[str], messages: list[Message], *, terminal: bool) -> str:
    """What a run with these messages puts on the screen."""
    tally = Tally.of(paths)
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=None)
    with Durations(paths) as durations:
        durations.wait()
        with RunProgress(tally, durations, console) as progress:
            for message in messages:
                tally.add(message)
                progress.show(message)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_bar_tells_how_far_it_is(clip: str) -> None:
    """By the length of the films, of which the first is done here."""
    messages = [Tag(0, 2000, "cat", clip), Progress(clip)]

    text = run_shown([clip, "missing.mp4"], messages, terminal=True)

    last = text.replace("\r", "\n").splitlines()[-1]
    for part in ("1/2 files", " 67%", " tags/s, ", "x real time, ", " left"):  # 2 s of 2 s + 1
        assert part in text, last


def test_the_bar_leaves_room_for_what_a_terminal_echoes(clip: str) -> None:
    """A `^C` behind a bar of full width begins a new line, and the bar stays where it was."""
    text = run_shown([clip], [Tag(0, 1000, "cat", clip), Progress(clip)], terminal=True)

    bars = [line for line in re.split(r"[\r\n]|\x1b\[\??\w+", text) if " files " in line]
    assert bars
    assert max(map(len, bars)) <= 120 - 3


def test_without_a_terminal_there_are_only_errors(clip: str) -> None:
    """A log is no place for a bar."""
    messages = [Tag(0, 2000, "cat", clip), Error("no [red] film", clip), Error("over")]

    text = run_shown([clip], messages, terminal=False)

    assert text == f"error: {clip}: no [red] film\nerror: over\n"


def test_a_tag_cannot_command_the_terminal() -> None:
    """Neither by rich's markup nor by escape sequences: it stays what it says."""
    tag = Tag(0, 0, "[bold]\x1b[31mred\n", "a\x1b.mp4", track="\x07bell")

    lines = shown(tally_of(["a\x1b.mp4"], tag, Progress("a\x1b.mp4")))

    assert ["track", "\\x07bell"] in lines
    assert ["[bold]\\x1b[31mred\\n", "1", "-"] in lines
    assert ["a\\x1b.mp4", "1", "tagged"] in lines


def test_a_table_for_each_track() -> None:
    """Sorted by time, then by number; points in time have none."""
    lines = shown(
        tally_of(
            ["a.mp4"],
            Tag(0, 75_250, "cat", "a.mp4"),
            Tag(80_000, 81_000, "cat", "a.mp4"),
            Tag(5, 5, "dog", "a.mp4"),
            Tag(0, 3_600_000, "hi", "a.mp4", track="speech"),
        )
    )

    assert ["default", "track"] in lines
    assert lines.index(["cat", "2", "1:16.250"]) < lines.index(["dog", "1", "-"])
    assert lines.index(["track", "speech"]) < lines.index(["hi", "1", "1:00:00.000"])
    assert ["a.mp4", "4", "not", "tagged"] in lines


def test_long_tables_end_in_a_sum() -> None:
    """Files that failed are never among those left out."""
    paths = [f"{number:03}.mp4" for number in range(MAX_FILES + 10)]
    tags = [Tag(0, 1000 + n, f"t{n}", paths[0]) for n in range(MAX_TAGS + 5)]
    done = [Progress(path) for path in paths[:-1]]

    lines = shown(tally_of(paths, *tags, *done, Error("no", paths[-1])))

    assert ["and", "5", "more", "tags", "5", "0:05.010"] in lines
    assert ["and", "10", "more", "files", "0", "tagged"] in lines
    assert [paths[-1], "0", "failed:", "no"] in lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.000"), (75.25, "1:15.250"), (3599.9996, "1:00:00.000"), (36_000, "10:00:00.000")],
)
def test_times_are_clocks(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_words() -> None:
    assert [plural(1, "file"), plural(0, "file"), plural(2000, "tag")] == [
        "1 file",
        "0 files",
        "2,000 tags",
    ]
    assert printable("żółw 🐘 [x]") == "żółw 🐘 [x]"


def test_durations_are_those_of_the_films(clip: str, tmp_path: Path) -> None:
    """Pictures have none, and the tagger reports what is not media."""
    (tmp_path / "text.mp4").write_text("no film")
    paths = [clip, str(tmp_path / "text.mp4"), "missing.mp4", "picture.png"]

    with Durations(paths) as durations:
        durations.wait()

    assert durations.are_known
    assert [durations.of(path) for path in paths] == [2.0, 0.0, 0.0, 0.0]
    assert durations.of("another.mp4") is None


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "films/b.MP4",
        "films/a.mp4",
        "films/notes.txt",
        "films/.hidden.mp4",
        "films/.git/x.mp4",
        "films/deep/c.wav",
        "films/deep/d.png",
        "notes/readme.txt",
        "odd[1].mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["films"], ["films/a.mp4", "films/b.MP4", "films/deep/c.wav", "films/deep/d.png"]),
        (["./films/deep/"], ["films/deep/c.wav", "films/deep/d.png"]),
        (["films/notes.txt"], ["films/notes.txt"]),
        (["films/*.mp4"], ["films/a.mp4"]),
        (["films/**/*.wav"], ["films/deep/c.wav"]),
        (["fil*"], ["films/a.mp4", "films/b.MP4", "films/deep/c.wav", "films/deep/d.png"]),
        (["films/b.MP4", "films/../films/b.MP4", "films/*.MP4"], ["films/b.MP4"]),
        (["odd[1].mp4"], ["odd[1].mp4"]),
    ],
)
def test_files_folders_and_globs(arguments: list[str], files: list[str]) -> None:
    """What is named is taken; what is found is taken if it looks like media."""
    assert find_media(arguments) == files


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("argument", ["nix.mp4", "notes", "films/*.mov", "not*"])
def test_nothing_is_an_error(argument: str) -> None:
    with pytest.raises(MissingMediaError):
        find_media([argument])


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("argument", ["films", "films/deep", "films/deep/c.wav"])
def test_what_may_not_be_read_is_not_left_out_unsaid(
    argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a user without the rights to `films/deep`, whoever runs this test."""
    scandir, lstat = os.scandir, os.lstat

    def guarded_scandir(path: str) -> object:
        if path == "films/deep":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    def guarded_lstat(path: str, **options: int) -> os.stat_result:
        if path.startswith("films/deep/"):
            raise PermissionError(13, "Permission denied", path)
        return lstat(path, **options)

    monkeypatch.setattr(os, "scandir", guarded_scandir)
    monkeypatch.setattr(os, "lstat", guarded_lstat)
    with pytest.raises(PermissionError, match="films/deep"):
        find_media([argument])
