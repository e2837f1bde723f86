"""Taggers that do with their output and media what no honest one does: real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ProcessTagger, TaggerError
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.messages import Progress
from tests.runtime.programs import command

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT = 'sys.argv[sys.argv.index("--output-path") + 1]'


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a film of somebody's")
    return path


@pytest.mark.parametrize(
    ("replacement", "problem"),
    [
        ('os.symlink("/etc/passwd", path)', "(symbolic link|replaced)"),
        ('os.symlink("/dev/zero", path)', "(symbolic link|replaced)"),
        ("os.mkfifo(path)", "(not a regular file|replaced)"),
        ('open(path, "w").write("{}\\n" * 9)', "(replaced|truncated|the line)"),
        ("os.mkdir(path)", "(not a regular file|replaced)"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_output_that_is_replaced_is_a_violation(
    tmp_path: Path, clip: Path, replacement: str, problem: str, when: str
) -> None:
    """No file of the host is read, nothing waits for a FIFO, no device fills the memory."""
    body = f"""
    path = {OUTPUT}
    line = next(lines)
    if {when == "after"}:
        tag(line, "first")
        time.sleep(0)
    os.unlink(path)
    {replacement}
    signal.pause()
    """

    with ProcessTagger(command(tmp_path, body), idle_timeout_seconds=60) as tagger:
        tagger.send([clip])
        with pytest.raises(TaggerError, match=f"violated the protocol: .*{problem}"):
            list(tagger.messages())


def test_an_output_that_is_cut_is_a_violation(tmp_path: Path, clip: Path) -> None:
    body = f"""
    line = next(lines)
    tag(line, "first")
    next(lines)
    os.truncate({OUTPUT}, 0)
    signal.pause()
    """

    with ProcessTagger(command(tmp_path, body), idle_timeout_seconds=60) as tagger:
        tagger.send([clip])
        messages = tagger.messages()
        next(messages)
        tagger.send([clip])
        with pytest.raises(TaggerError, match=r"violated the protocol: its output was truncated"):
            next(messages)


@pytest.mark.parametrize(
    "damage",
    [
        'open(line, "wb").write(b"scribble")',
        'open(line, "r+b").write(b"X")',
        "os.truncate(line, 0)",
        "os.unlink(line)",
        "os.chmod(line, 0)",
        'os.rename(line, line + ".bak")',
    ],
)
def test_the_file_of_the_user_stays_as_it_is(tmp_path: Path, clip: Path, damage: str) -> None:
    before = clip.stat()
    body = f"""
    for line in lines:
        {damage}
        put("progress", source_media=line)
    """

    assert messages_of(ProcessTagger(command(tmp_path, body)), [clip]) == [Progress(str(clip))]

    assert clip.read_bytes() == b"a film of somebody's"
    assert clip.stat().st_mode == before.st_mode
    assert clip.stat().st_mtime_ns == before.st_mtime_ns
