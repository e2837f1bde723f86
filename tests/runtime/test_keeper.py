"""A tagger kept alive over many files, and what kills it: real processes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime import ProcessTagger, tagger_slot
from common_ml.runtime.keeper import Cancelled, Retry, TaggerDiedError, TaggerKeeper, is_outcome
from common_ml.tagging.messages import Error, Progress, Tag
from tests.runtime.programs import HONEST, command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOODY = """
for line in lines:
    tag(line, "begun")
    if "poison" in line:
        os.kill(os.getpid(), signal.SIGKILL)
    if "once" in line and not os.path.exists(sys.argv[0] + ".once"):
        open(sys.argv[0] + ".once", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if "endless" in line:
        signal.pause()
    tag(line, str(os.getpid()))
    put("progress", source_media=line)
"""
"""Does what the name of a file says."""


@pytest.fixture
def make_tagger(tmp_path: Path) -> Callable[[], ProcessTagger]:
    words = command(tmp_path / "moody", MOODY)
    return lambda: ProcessTagger(words)


def made(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


def test_one_tagger_serves_all_files(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    files = made(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    with TaggerKeeper(make_tagger) as kept:
        assert kept.num_starts == 0
        one_by_one = [list(kept.tag(path)) for path in files]
        ahead = list(kept.tag_all(files))
        assert kept.num_starts == 1

    (pid,) = {event.tag for event in ahead if isinstance(event, Tag)} - {"begun"}
    for file, events in zip(files, one_by_one, strict=True):
        assert events == [Tag(0, 0, "begun", file), Tag(0, 0, pid, file), Progress(file)]
    assert [event for events in one_by_one for event in events] == ahead


def test_messages_are_about_the_name_that_was_given(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    (file,) = made(tmp_path, "a.mp4")
    with TaggerKeeper(make_tagger) as kept:
        events = list(kept.tag(file, name="s3://films/a.mp4"))

    assert {getattr(event, "source_media", None) for event in events} == {"s3://films/a.mp4"}


def test_errors_name_the_file_as_it_was_given(tmp_path: Path) -> None:
    words = command(tmp_path / "honest", HONEST)
    with TaggerKeeper(lambda: ProcessTagger(words)) as kept:
        (error,) = kept.tag(tmp_path / "missing.mp4", name="s3://films/a.mp4")

    assert error == Error("no such file: s3://films/a.mp4", "s3://films/a.mp4")


def test_the_failure_counts_for_the_first_open_file_which_is_retried_alone(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    """The one that was open beside it is tagged after it, and its messages are not doubled."""
    files = made(tmp_path, "a.mp4", "poison.mp4", "b.mp4", "c.mp4")
    with TaggerKeeper(make_tagger) as kept:
        events = list(kept.tag_all(files))
        assert kept.num_starts == 4

    about_poison = [event for event in events if getattr(event, "source_media", "") == files[1]]
    assert [type(event) for event in about_poison] == [Tag, Retry, Tag, Retry, Tag, TaggerDiedError]
    assert [event.attempt for event in about_poison if isinstance(event, Retry)] == [2, 3]
    died = about_poison[-1]
    assert isinstance(died, TaggerDiedError)
    assert died.attempts == 3
    assert "SIGKILL" in died.message
    for file in (files[0], *files[2:]):
        about = [event for event in events if getattr(event, "source_media", "") == file]
        assert [type(event) for event in about] == [Tag, Tag, Progress]


def test_a_file_that_fails_once_is_tagged(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    (file,) = made(tmp_path, "once.mp4")
    with TaggerKeeper(make_tagger) as kept:
        events = list(kept.tag(file))

    assert [type(event) for event in events] == [Tag, Retry, Tag, Tag, Progress]


def test_a_tagger_that_ends_after_an_error_has_named_the_cause(tmp_path: Path) -> None:
    files = [str(tmp_path / "missing.mp4"), *made(tmp_path, "a.mp4")]
    words = command(tmp_path / "honest", HONEST)
    with TaggerKeeper(lambda: ProcessTagger(words), max_tries=1) as kept:
        events = list(kept.tag_all(files))

    assert [type(event) for event in events] == [Error, Tag, Progress]


def test_a_cancelled_file_ends_and_its_neighbour_is_tagged(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    endless, other = made(tmp_path, "endless.mp4", "b.mp4")
    with TaggerKeeper(make_tagger) as kept:
        events = []
        for event in kept.tag_all([endless, other]):
            events.append(event)
            if len(events) == 1:
                threading.Thread(target=kept.cancel, args=[endless]).start()
        assert kept.cancel(endless) is False

    assert events[:2] == [Tag(0, 0, "begun", endless), Cancelled(endless)]
    assert [type(event) for event in events[2:]] == [Tag, Tag, Progress]


def test_leaving_a_file_cancels_it(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    endless, other = made(tmp_path, "endless.mp4", "b.mp4")
    with TaggerKeeper(make_tagger) as kept:
        for _ in kept.tag(endless):
            break
        events = list(kept.tag(other))

    assert [type(event) for event in events] == [Tag, Tag, Progress]


def test_an_idle_tagger_is_stopped_and_started_again(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    (file,) = made(tmp_path, "a.mp4")
    with TaggerKeeper(make_tagger, idle_seconds=0.01) as kept:
        list(kept.tag(file))
        timer = kept._idle_timer._timer
        if timer is not None:
            timer.join()
        assert not kept.is_running
        assert isinstance(list(kept.tag(file))[-1], Progress)
        assert kept.num_starts == 2


def test_a_failure_between_two_files_counts_for_no_file(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    files = made(tmp_path, "a.mp4", "b.mp4")
    with TaggerKeeper(make_tagger, max_tries=1) as kept:
        pid = int([event.tag for event in kept.tag(files[0]) if isinstance(event, Tag)][-1])
        descriptor = os.pidfd_open(pid)
        os.kill(pid, 9)
        os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT)
        os.close(descriptor)
        events = list(kept.tag(files[1]))

    assert [type(event) for event in events] == [Tag, Tag, Progress]


def test_a_tagger_that_never_finishes_a_file_is_the_fault(tmp_path: Path) -> None:
    files = made(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    words = command(tmp_path / "broken", "raise SystemExit('no model')")
    events: list[object] = []
    with (
        TaggerKeeper(lambda: ProcessTagger(words), max_tries=2) as kept,
        pytest.raises(TaggerError, match="no model"),
    ):
        events.extend(kept.tag_all(files))

    assert [type(event) for event in events] == [TaggerDiedError, TaggerDiedError]


def test_a_tagger_that_has_written_much_is_replaced(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagger_slot, "MAX_FILES", 2)
    files = made(tmp_path, *(f"{number}.mp4" for number in range(5)))
    with TaggerKeeper(make_tagger) as kept:
        events = list(kept.tag_all(files))
        assert kept.num_starts == 3

    finished = [event.source_media for event in events if isinstance(event, Progress)]
    assert finished == files
    assert not any(isinstance(event, Retry) for event in events)


def test_finished_files_leave_the_media_folder(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    """A film that its owner deletes must not go on to fill the disk."""
    files = made(tmp_path, "a.mp4", "b.mp4")
    taggers: list[ProcessTagger] = []

    def make() -> ProcessTagger:
        taggers.append(make_tagger())
        return taggers[-1]

    with TaggerKeeper(make) as kept:
        for path in [*files, files[0]]:
            assert isinstance(list(kept.tag(path))[-1], Progress)
        assert list(taggers[0].media_dir.iterdir()) == []


def test_with_close_the_tagger_ends_by_itself(
    tmp_path: Path, make_tagger: Callable[[], ProcessTagger]
) -> None:
    taggers: list[ProcessTagger] = []

    def make() -> ProcessTagger:
        taggers.append(make_tagger())
        return taggers[-1]

    with TaggerKeeper(make) as kept:
        events = list(kept.tag_all(made(tmp_path, "a.mp4"), close=True))
        assert is_outcome(events[-1])
        assert taggers[0].exit_status == 0
        with pytest.raises(ValueError, match="closed"):
            kept.submit("more.mp4")


def test_no_tries_are_a_mistake(make_tagger: Callable[[], ProcessTagger]) -> None:
    with pytest.raises(ValueError, match="max_tries must be >= 1, got 0"):
        TaggerKeeper(make_tagger, max_tries=0)
