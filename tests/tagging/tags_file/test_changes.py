"""Waiting for a file to grow: by events, with wake-ups, and by polling where there are none."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file import changes
from common_ml.tagging.tags_file.changes import FileChanges
from common_ml.tagging.wire import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = b'{"type":"progress","data":{"source_media":"a.mp4"}}\n'

needs_inotify = pytest.mark.skipif(sys.platform != "linux", reason="inotify is a part of Linux")


@pytest.fixture
def only_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that no event ends lasts for an hour, and the test fails by its time limit."""
    monkeypatch.setattr(changes, "_SAFETY_SECONDS", 3600)


@pytest.fixture
def tags(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "tags.jsonl"
    assert [thread.name for thread in threading.enumerate() if thread.name == "writer"] == []


def in_background(*steps: object) -> threading.Thread:
    """Runs callables, one after the other, once the reader waits."""

    def work() -> None:
        for step in steps:
            assert callable(step)
            step()

    thread = threading.Thread(target=work, name="writer")
    thread.start()
    return thread


def append(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(LINE)


@needs_inotify
@pytest.mark.usefixtures("only_events")
def test_a_new_line_ends_the_wait(tags: Path) -> None:
    tags.touch()
    with read_messages(tags, follow=True) as reader:
        for _ in range(3):
            writer = in_background(lambda: append(tags))
            assert next(reader) == Progress("a.mp4")
            writer.join()


@needs_inotify
@pytest.mark.usefixtures("only_events")
def test_a_new_file_ends_the_wait(tags: Path) -> None:
    with read_messages(tags, follow=True) as reader:
        writer = in_background(lambda: append(tags))
        assert next(reader) == Progress("a.mp4")
        writer.join()


@needs_inotify
@pytest.mark.usefixtures("only_events")
@pytest.mark.parametrize("exists", [True, False])
def test_a_stop_event_ends_the_wait(tags: Path, *, exists: bool) -> None:
    if exists:
        tags.touch()
    stop = threading.Event()
    with read_messages(tags, follow=True, stop=stop) as reader:
        stopper = in_background(stop.set)
        assert list(reader) == []
        stopper.join()


@needs_inotify
@pytest.mark.usefixtures("only_events")
def test_a_descriptor_ends_the_wait(tags: Path) -> None:
    """As that of a process which has ended: then the function is asked."""
    tags.touch()
    read_end, write_end = os.pipe()
    stopped: list[bool] = []
    with read_messages(tags, follow=True, stop=lambda: bool(stopped), wake_on=[read_end]) as reader:
        stopper = in_background(lambda: stopped.append(True), lambda: os.write(write_end, b"x"))
        assert list(reader) == []
        stopper.join()
    os.close(read_end)
    os.close(write_end)


def test_a_function_is_asked_again_and_again(tags: Path) -> None:
    tags.touch()
    answers = iter([False, False, False, True])

    assert list(read_messages(tags, follow=True, stop=lambda: next(answers), poll_seconds=0)) == []


def test_without_the_library_it_polls(tags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems, too."""
    monkeypatch.setitem(sys.modules, "inotify_simple", None)
    stop = threading.Event()
    with read_messages(tags, follow=True, stop=stop, poll_seconds=0.001) as reader:
        writer = in_background(lambda: append(tags), lambda: append(tags), stop.set)
        assert list(reader) == [Progress("a.mp4")] * 2
        writer.join()


@needs_inotify
def test_a_file_system_without_events_is_polled(
    tags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What grows without an event, twice in a row, is a network's or a virtual machine's."""
    monkeypatch.setattr(changes, "_SAFETY_SECONDS", 0.001)
    tags.touch()
    with tags.open("rb") as file:
        waiter = FileChanges(str(tags), poll_seconds=0.001)
        waiter.wait(file.fileno())  # begins to watch
        for _ in range(2):
            assert waiter._inotify is not None
            waiter.wait(file.fileno())
            waiter.found()
        assert waiter._inotify is None
        waiter.wait(file.fileno())  # it still ends
        waiter.close()


@needs_inotify
def test_an_event_in_between_is_trusted_again(tags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that comes before its event is a race, and no sign of a strange file system."""
    monkeypatch.setattr(changes, "_SAFETY_SECONDS", 0.001)
    tags.touch()
    with tags.open("rb") as file:
        waiter = FileChanges(str(tags), poll_seconds=0.001)
        waiter.wait(file.fileno())
        for _ in range(5):
            waiter.wait(file.fileno())
            waiter.found()  # without its event
            append(tags)
            waiter.wait(file.fileno())
            waiter.found()  # with it
        assert waiter._inotify is not None
        waiter.close()


def test_nothing_is_left_open(tags: Path) -> None:
    tags.touch()
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    stop = threading.Event()
    for _ in range(20):
        stop.clear()
        reader = read_messages(tags, follow=True, stop=stop)
        stopper = in_background(stop.set)
        assert list(reader) == []
        stopper.join()
        for thread in threading.enumerate():
            if thread.name == "reader wake-up":
                thread.join()
    after = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    assert after <= before
