"""Several taggers that share the files of a job: real processes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ProcessTagger, TaggerError
from common_ml.runtime.job import TaggingJob
from common_ml.tagging.messages import Progress, Tag
from tests.runtime.programs import HONEST, command

if TYPE_CHECKING:
    from pathlib import Path

BUSY = """
for line in lines:
    tag(line, str(os.getpid()))
    if "end" in line:
        sys.exit("no more")
    signal.pause()
"""
"""Stays with its first file, unless that is the end."""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{number:02}.mp4" for number in range(30)]
    for path in paths:
        path.touch()
    return [str(path) for path in paths]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("num_taggers", [1, 3])
def test_every_file_is_tagged_once(tmp_path: Path, files: list[str], num_taggers: int) -> None:
    """And the tags of a file come before its progress, whoever else is at work."""
    taggers = [ProcessTagger(command(tmp_path, HONEST)) for _ in range(num_taggers)]

    with TaggingJob(taggers, files) as job:
        messages = list(job.messages())

    assert not job.stopped
    finished = [message.source_media for message in messages if isinstance(message, Progress)]
    assert sorted(finished) == files
    for file in files:
        assert messages.index(Tag(0, 0, "size", file)) < messages.index(Progress(file))
    assert [tagger.exit_status for tagger in taggers] == [0] * num_taggers


def test_the_input_ends_with_the_last_file(tmp_path: Path, files: list[str]) -> None:
    """A tagger may begin at the end of its input."""
    body = """
    for line in list(lines):
        put("progress", source_media=line)
    """
    with TaggingJob([ProcessTagger(command(tmp_path, body))], files[:2]) as job:
        assert list(job.messages()) == [Progress(files[0]), Progress(files[1])]


def test_one_that_fails_stops_the_others(tmp_path: Path, files: list[str]) -> None:
    """Its error comes when all have ended, behind what they wrote."""
    end = tmp_path / "end.mp4"
    end.touch()
    taggers = [ProcessTagger(command(tmp_path, BUSY)) for _ in range(2)]

    with TaggingJob(taggers, [end, *files]) as job:
        messages = job.messages()
        with pytest.raises(TaggerError, match="ended with status 1") as caught:
            list(messages)

    assert job.stopped
    assert caught.value.stderr_tail == "no more"
    assert sorted(tagger.exit_status or 0 for tagger in taggers) == [-signal.SIGTERM, 1]


def test_a_stop_leaves_what_was_written(tmp_path: Path, files: list[str]) -> None:
    taggers = [ProcessTagger(command(tmp_path, BUSY)) for _ in range(2)]

    with TaggingJob(taggers, files) as job:
        messages = job.messages()
        first = next(messages)
        job.stop()
        rest = list(messages)

    assert isinstance(first, Tag)
    assert all(isinstance(message, Tag) for message in rest)
    assert {tagger.exit_status for tagger in taggers} == {-signal.SIGTERM}


def test_a_stop_before_the_start_is_not_forgotten(tmp_path: Path, files: list[str]) -> None:
    job = TaggingJob([ProcessTagger(command(tmp_path, BUSY))], files)
    job.stop()

    with job:
        assert len(list(job.messages())) <= 1  # and it ends

    assert job.stopped


def test_nothing_is_left_when_the_reader_leaves(tmp_path: Path, files: list[str]) -> None:
    """In the middle of more messages than anybody would hold in memory."""
    body = """
    line = next(lines)
    tag(line, str(os.getpid()))
    while True:
        tag(line, "x" * 100)
    """
    with TaggingJob([ProcessTagger(command(tmp_path, body))], files) as job:
        first = next(job.messages())

    assert isinstance(first, Tag)
    assert not is_running(int(first.tag))


def test_a_file_that_cannot_be_brought_in_is_an_error(
    tmp_path: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("common_ml.runtime.media_folder.private_copy", refuse)

    with (
        TaggingJob([ProcessTagger(command(tmp_path, HONEST))], files) as job,
        pytest.raises(OSError, match="No space left"),
    ):
        list(job.messages())


def test_a_job_needs_a_tagger() -> None:
    with pytest.raises(ValueError, match="at least one tagger"):
        TaggingJob([], ["a.mp4"])
