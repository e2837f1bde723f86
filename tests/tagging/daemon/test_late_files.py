"""Files that come later than their lines."""

from __future__ import annotations

import itertools
import json
import signal
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.daemon import late_files
from common_ml.tagging.daemon.late_files import STEP_SECONDS, LateFiles
from common_ml.tagging.job.signals import StopRequested
from tests.tagging.child import Child, source_media_of

MAIN = """
    import pathlib, sys

    from common_ml import AVModel, Tag, catch_errors, run_default
    from common_ml.tagging.messages import Progress
    from common_ml.tagging.producer import TagMessageProducer

    class Reads(AVModel):
        def tag(self, fpath):
            return [Tag(tag=pathlib.Path(fpath).read_text())]

    class Counts(TagMessageProducer):
        def produce(self, files):
            for file in files:
                yield Tag(tag=f"one of {len(files)}", source_media=file)
                yield Progress(file)

    if __name__ == "__main__":
        with catch_errors():
            run_default({"reads": Reads, "counts": Counts}[sys.argv[-1]](), batch_limit=2)
"""

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "main.py").write_text(textwrap.dedent(MAIN))

    def start(*, wait: float, model: str = "reads") -> Child:
        params = {"common_ml": {"wait_for_file_seconds": wait}, "continue_on_error": True}
        return Child(tmp_path / "main.py", params=json.dumps(params), arguments=[model])

    return start


def test_a_file_that_comes_later_is_tagged_and_the_others_do_not_wait(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "first").write_text("1")
    (tmp_path / "later").write_text("2")
    with start(wait=60) as tagger:
        tagger.send("missing", "first")
        assert tagger.next_message()["data"]["tag"] == "1"
        assert tagger.next_message()["type"] == "progress"
        tagger.send("later")  # of another batch, while the first one still has a file to come
        assert tagger.next_message()["data"]["tag"] == "2"
        assert tagger.next_message()["type"] == "progress"
        (tmp_path / ".missing").write_text("3")
        (tmp_path / ".missing").rename(tmp_path / "missing")
        tag, progress = tagger.next_message(), tagger.next_message()
        assert (tag["data"]["tag"], tag["data"]["source_media"]) == ("3", "missing")
        assert progress == {"type": "progress", "data": {"source_media": "missing"}}
        assert tagger.finish().status == 0


def test_the_end_of_the_input_is_no_end_of_waiting(start: Start, tmp_path: Path) -> None:
    with start(wait=60) as tagger:
        (tmp_path / "first").write_text("1")
        tagger.send("missing", "first")
        tagger.next_message()  # from now on it waits
        tagger._stdin.close()
        (tmp_path / ".missing").write_text("2")
        (tmp_path / ".missing").rename(tmp_path / "missing")
        outcome = tagger.wait()
    assert outcome.status == 0
    assert source_media_of(outcome.messages, "progress") == ["first", "missing"]


def test_a_file_that_never_comes_is_an_error_in_the_end(start: Start) -> None:
    with start(wait=0.2) as tagger:
        tagger.send("missing")
        outcome = tagger.finish()
    (error,) = outcome.messages
    assert error["type"] == "error"
    assert error["data"]["source_media"] == "missing"
    assert "No such file" in error["data"]["message"]


@pytest.mark.parametrize("input_ends", [True, False])
def test_a_signal_ends_the_waiting(start: Start, tmp_path: Path, *, input_ends: bool) -> None:
    (tmp_path / "first").write_text("1")
    with start(wait=600) as tagger:
        tagger.send("missing", "first")
        tagger.next_message()
        tagger.next_message()
        if input_ends:
            tagger._stdin.close()
        begin = time.monotonic()
        tagger.process.send_signal(signal.SIGTERM)
        outcome = tagger.wait()
        seconds = time.monotonic() - begin
    assert (outcome.status, outcome.messages) == (128 + signal.SIGTERM, [])
    assert seconds < 2
    assert "1 files finished, 0 failed, 1 not finished: missing" in outcome.stderr


def test_late_files_come_in_batches_that_are_not_too_large(start: Start, tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    with start(wait=60, model="counts") as tagger:
        (tmp_path / "first").write_text("1")
        tagger.send(*names, "first")
        assert tagger.next_message()["data"]["tag"] == "one of 1"
        tagger.next_message()
        for name in names:
            (tmp_path / name).symlink_to("gate")  # none is there before what they point to
        (tmp_path / "gate").write_text("")
        outcome = tagger.finish()
    tags = [message["data"]["tag"] for message in outcome.messages if message["type"] == "tag"]
    assert tags[:2] in (["one of 2"] * 2, ["one of 1", "one of 2"])  # looked for in between or not
    assert sorted(source_media_of(outcome.messages, "progress")) == names


# In this process, with a clock of our own.


class Clock:
    """A clock that goes on only when something sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(late_files, "monotonic", clock.monotonic)
    return clock


def test_by_default_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_files, "_is_missing", None)  # a call would raise
    late = LateFiles(0)
    assert late.ready(["missing"]) == ["missing"]
    assert late.poll_interval() is None
    assert list(late.drain(time.sleep)) == []


def test_a_missing_file_has_its_time_and_no_more(clock: Clock, tmp_path: Path) -> None:
    late, missing = LateFiles(1.0), str(tmp_path / "missing")
    assert late.ready([missing]) == []
    assert late.poll_interval() == pytest.approx(STEP_SECONDS)
    *empty, last = late.drain(clock.sleep)
    assert last == [missing]
    assert not any(empty)
    assert clock.now == pytest.approx(101.0, abs=STEP_SECONDS)
    assert late.poll_interval() is None


def test_time_is_counted_for_each_line(clock: Clock, tmp_path: Path) -> None:
    early, later = str(tmp_path / "early"), str(tmp_path / "later")
    late = LateFiles(1.0)
    late.ready([early])
    clock.sleep(0.5)
    assert late.ready([later]) == []
    clock.sleep(0.5)
    assert late.ready([]) == [early]
    Path(later).write_text("")
    clock.sleep(STEP_SECONDS)
    assert late.ready([]) == [later]


def test_many_missing_files_are_looked_for_less_often(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(file: str) -> bool:
        clock.now += 0.01
        return True

    monkeypatch.setattr(late_files, "_is_missing", slow)
    late = LateFiles(60)
    late.ready(["missing"] * 100)
    assert late.poll_interval() == pytest.approx(10.0)  # a tenth of the time, whatever their number


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "main.py/x"])
def test_what_can_never_come_is_not_waited_for(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert LateFiles(60).ready([path]) == [path]


def test_a_request_to_stop_ends_the_draining(tmp_path: Path) -> None:
    def stop(seconds: float) -> None:
        raise StopRequested(signal.SIGTERM)

    late = LateFiles(60)
    late.ready([str(tmp_path / "missing")])
    with pytest.raises(StopRequested):
        next(late.drain(stop))


@given(st.lists(st.lists(st.sampled_from(["here", "gone", "later"]), max_size=3), max_size=5))
def test_every_line_comes_out_once(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    (folder / "here").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(late_files, "monotonic", clock.monotonic)
        late = LateFiles(0.2)
        ready = [late.ready([str(folder / name) for name in names]) for names in batches]
        (folder / "later").write_text("")
        ready += late.drain(clock.sleep)
    expected = sorted(itertools.chain.from_iterable(batches))
    assert sorted(Path(path).name for files in ready for path in files) == expected
