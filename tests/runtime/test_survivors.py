"""Nothing outlives a tagger, no tagger outlives its runtime: real processes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ProcessTagger, TaggerError, orphans
from common_ml.runtime.guard import Guard
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.messages import Progress
from tests.runtime.programs import command

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd on this system")

CHILDREN = """
import subprocess
sleep = [sys.executable, "-c", "import signal; print(1, flush=True); signal.pause()"]
for line in lines:
    child = subprocess.Popen(sleep, stdout=subprocess.PIPE)
    apart = subprocess.Popen(sleep, stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline(), apart.stdout.readline()
    tag(line, f"{child.pid} {apart.pid}")
    put("progress", source_media=line)
"""
"""Leaves two children behind: one of its process group, one that hides in a session of its own."""

RUNTIME = """
import sys
from common_ml.runtime import ProcessTagger
with ProcessTagger([sys.executable, sys.argv[1]]) as tagger:
    tagger.send(sys.argv[2:])
    print(next(tagger.messages()).tag, flush=True)
    sys.stdin.read()
"""
"""A runtime that prints the first tag and waits; for being killed."""


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"film")
    return str(path)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of this test and of the processes that it starts."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def ends(pid: int, *, within_seconds: float) -> bool:
    """Wait for the end of a process that is not a child of this one."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(within_seconds * 1000))
    finally:
        os.close(descriptor)


@needs_pidfd
def test_the_children_of_a_tagger_end_with_it(tmp_path: Path, clip: str) -> None:
    messages = messages_of(ProcessTagger(command(tmp_path, CHILDREN)), [clip])

    assert messages[-1] == Progress(clip)
    for pid in map(int, getattr(messages[0], "tag", "").split()):
        assert ends(pid, within_seconds=5)


@needs_pidfd
def test_the_children_of_a_tagger_that_crashed_end_with_it(tmp_path: Path, clip: str) -> None:
    body = CHILDREN.replace('put("progress"', "os.kill(os.getpid(), 9), put('progress'")
    with ProcessTagger(command(tmp_path, body)) as tagger:
        tagger.send([clip])
        messages = tagger.messages()
        pids = [int(pid) for pid in getattr(next(messages), "tag", "").split()]
        with pytest.raises(TaggerError, match="was ended by SIGKILL"):
            list(messages)

    for pid in pids:
        assert ends(pid, within_seconds=5)


def guard_of(runtime: int) -> int:
    """The process that outlives a runtime."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == runtime and b"common-ml-guard" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
    raise AssertionError("the runtime has no guard")


@pytest.fixture
def killed_runtime(tmp_path: Path, clip: str, scratch: Path) -> Iterator[tuple[str, Path, int]]:
    """What the tagger of a runtime wrote that was then ended by SIGKILL, and the folder left."""
    program = command(tmp_path, STOPPABLE)[-1]
    with subprocess.Popen(
        [sys.executable, "-c", RUNTIME, str(program), clip],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runtime:
        assert runtime.stdout is not None
        printed = runtime.stdout.readline().strip()
        (folder,) = scratch.glob("common-ml-tagger-*")
        guard = guard_of(runtime.pid)
        runtime.send_signal(signal.SIGKILL)
        runtime.wait()
        yield printed, folder, guard


STOPPABLE = """
def stop(number, frame):
    with open(sys.argv[0] + ".stopped", "w") as file: file.write(str(number))
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
for line in lines:
    tag(line, str(os.getpid()))
    while True: signal.pause()
"""
"""Is never done with its first file, and knows nothing of the end of its input."""


@needs_pidfd
def test_a_tagger_ends_with_a_runtime_that_is_killed(
    killed_runtime: tuple[str, Path, int], tmp_path: Path
) -> None:
    """In the middle of a file, and by SIGTERM, so that it may write what it has."""
    assert ends(int(killed_runtime[0]), within_seconds=10)

    (stopped,) = tmp_path.glob("*.stopped")
    assert stopped.read_text() == str(int(signal.SIGTERM))


@needs_pidfd
def test_a_runtime_that_is_killed_leaves_no_folder(
    killed_runtime: tuple[str, Path, int],
) -> None:
    pid, folder, guard = killed_runtime
    assert ends(int(pid), within_seconds=10)
    assert ends(guard, within_seconds=10)

    assert list(folder.parent.iterdir()) == []


@needs_pidfd
def test_a_tagger_that_the_guard_missed_is_ended_by_the_next_runtime(
    tmp_path: Path,
) -> None:
    """As where both were killed at once."""
    folder = tmp_path / "common-ml-tagger-old"
    folder.mkdir()
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as dead,
        subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True
        ) as tagger,
    ):
        orphans.note_tagger(
            folder, tagger.pid, mark="", cleanup_command=["touch", str(folder) + "x"]
        )
        record = json.loads((folder / "owner.json").read_text())
        dead.wait()
        record["runtime"] = {"pid": dead.pid, "started": 1}
        (folder / "owner.json").write_text(json.dumps(record))

        assert orphans.clean_up(tmp_path) == [folder]

        assert tagger.wait() == -signal.SIGKILL
    assert not folder.exists()
    assert Path(str(folder) + "x").exists()  # the removal of its container


def test_what_belongs_to_a_runtime_that_lives_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "common-ml-tagger-mine"
    folder.mkdir()
    orphans.note_tagger(folder, os.getpid(), mark="", cleanup_command=[])

    assert orphans.clean_up(tmp_path) == []
    assert folder.exists()


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"runtime": {"pid": "x"}}', '{"runtime": 1}'])
def test_a_record_that_cannot_be_read_is_left_alone(tmp_path: Path, record: str) -> None:
    folder = tmp_path / "common-ml-tagger-odd"
    folder.mkdir()
    (folder / "owner.json").write_text(record)

    assert orphans.clean_up(tmp_path) == []
    assert folder.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Anybody may make one in the temporary directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    orphans.note_tagger(elsewhere, 1, mark="", cleanup_command=[])
    record = (elsewhere / "owner.json").read_text().replace(str(os.getpid()), str(2**22 - 1))
    (elsewhere / "owner.json").write_text(record)
    (tmp_path / "common-ml-tagger-link").symlink_to(elsewhere)

    assert orphans.clean_up(tmp_path) == []
    assert elsewhere.exists()


@needs_pidfd
def test_a_process_of_the_same_number_is_another_one() -> None:
    me = orphans.ProcessId.of(os.getpid())

    assert me.is_alive
    assert not orphans.ProcessId(me.pid, (me.started or 0) + 1).is_alive


def test_a_guard_that_is_released_does_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    ) as tagger:
        guard = Guard("/nowhere", ["/bin/sh", "-c", "exit 1"])
        guard.watch(tagger.pid)
        guard.release()
        guard.release()
        assert tagger.poll() is None
        tagger.communicate()
        assert tagger.returncode == 0
