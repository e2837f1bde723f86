"""Local workers, with stand-ins for taggers: what is sent to them, and their events."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.runtime.targets import Target, find_target
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.local_pool import LocalPool
from common_ml.scale.pool import BatchResult, FilmResult, Finished, Joined, Lost, Moved, Recalled
from common_ml.scale.schedule import Batch
from tests.scale.made_films import films_of
from tests.scale.taggers import MANY_TAGS, tagger_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.scale.plan import Film
    from common_ml.scale.pool import PoolEvent

SPEC = WorkSpec(Target("process", ("tagger",)), parts="parts")


class StandIn:
    """Tags when its gate is open."""

    made: list[StandIn]
    gate: threading.Event

    def __init__(self, spec: WorkSpec, *, log: Path | None = None) -> None:
        if len(self.made) == 9:
            raise OSError(24, "Too many open files")
        self.log = log
        self.calls: list[tuple[Any, ...]] = []
        self.made.append(self)

    def tag(self, number: int, films: Sequence[Film]) -> BatchResult:
        self.gate.wait()
        self.calls.append(("tag", number))
        if films[0].cost > 1000:
            raise RuntimeError("a bug")
        return BatchResult(tuple(FilmResult(film, "done") for film in films), 1.0)

    def prefetch(self, films: Sequence[Film]) -> None:
        self.calls.append(("prefetch", films[0].name))

    def recall(self, number: int) -> bool:
        return number != 1

    def position(self) -> tuple[str, float] | None:
        return None if self.gate.is_set() else ("0.mp4", 2.5)

    def stop(self, grace_seconds: float) -> None:
        self.calls.append(("stop", grace_seconds))
        self.gate.set()

    def close(self) -> None:
        self.calls.append(("close",))


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StandIn]]:
    monkeypatch.setattr(StandIn, "made", [], raising=False)
    monkeypatch.setattr(StandIn, "gate", threading.Event(), raising=False)
    monkeypatch.setattr("common_ml.scale.local_pool.FilmWorker", StandIn)
    yield StandIn.made
    StandIn.gate.set()


def events_of(pool: LocalPool, number: int) -> list[PoolEvent]:
    """Wait for so many events, without those of progress."""
    found: list[PoolEvent] = []
    while len(found) < number:
        events = pool.wait(60)
        assert events
        found += [event for event in events if not isinstance(event, Moved)]
    return found


def test_workers_finish_batches_in_the_order_in_which_they_were_sent(
    stand_ins: list[StandIn],
) -> None:
    pool = LocalPool(SPEC, max_workers=2)
    pool.grow(2)
    assert events_of(pool, 2) == [Joined("tagger 0"), Joined("tagger 1")]
    batches = [Batch(number, (film,)) for number, film in enumerate(films_of([1.0, 2.0, 3.0]))]
    for batch in batches:
        pool.send("tagger 1", batch)
    assert pool.wait(0) == [Moved("tagger 0", "0.mp4", 2.5), Moved("tagger 1", "0.mp4", 2.5)]

    StandIn.gate.set()

    assert events_of(pool, 3) == [
        Finished("tagger 1", number, BatchResult((FilmResult(film, "done"),), 1.0))
        for number, film in enumerate(films_of([1.0, 2.0, 3.0]))
    ]
    pool.close(grace_seconds=3.0)
    idle, busy = stand_ins
    assert sorted(idle.calls) == [("close",), ("stop", 3.0)]  # its thread does one of them
    assert [call for call in busy.calls if call[0] == "prefetch"] == [
        ("prefetch", "0.mp4"), ("prefetch", "1.mp4"), ("prefetch", "2.mp4")
    ]  # fmt: skip
    assert [call for call in busy.calls if call[0] == "tag"] == [("tag", n) for n in range(3)]


@pytest.mark.usefixtures("stand_ins")
def test_a_recall_is_answered() -> None:
    pool = LocalPool(SPEC, max_workers=1)
    pool.grow(1)
    pool.recall("tagger 0", 1)
    pool.recall("tagger 0", 2)
    assert events_of(pool, 3)[1:] == [Recalled("tagger 0", 1, False), Recalled("tagger 0", 2, True)]
    pool.close(grace_seconds=0)


def test_a_replacement_continues_the_log_of_a_worker(stand_ins: list[StandIn]) -> None:
    pool = LocalPool(SPEC, max_workers=2, log_of=lambda number: Path(f"{number}.log"))
    pool.grow(2)
    pool.release("tagger 0")
    pool.grow(1)
    assert [str(made.log) for made in stand_ins] == ["0.log", "1.log", "0.log"]
    assert [event.worker for event in events_of(pool, 3)] == ["tagger 0", "tagger 1", "tagger 2"]
    pool.close(grace_seconds=0)


@pytest.mark.usefixtures("stand_ins")
def test_a_worker_that_cannot_be_made_is_lost() -> None:
    pool = LocalPool(SPEC, max_workers=10)
    pool.grow(10)
    *_, last = events_of(pool, 10)
    assert last == Lost("tagger 9", "[Errno 24] Too many open files", "none")
    pool.close(grace_seconds=0)


def test_a_bug_ends_its_worker_and_is_shown(
    stand_ins: list[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.append(str(args.exc_value)))
    pool = LocalPool(SPEC, max_workers=1)
    pool.grow(1)
    pool.send("tagger 0", Batch(1, tuple(films_of([9999.0]))))
    StandIn.gate.set()
    assert events_of(pool, 2)[1:] == [Lost("tagger 0", "RuntimeError: a bug", "none")]
    pool.close(grace_seconds=0)
    assert shown == ["a bug"]
    assert ("close",) in stand_ins[0].calls


@pytest.mark.usefixtures("stand_ins")
def test_without_workers_nothing_happens() -> None:
    pool = LocalPool(SPEC, max_workers=1)
    assert pool.wait(0) == []
    pool.close(grace_seconds=0)
    before = pool.now()
    assert before <= pool.now()


def test_the_end_of_a_released_worker_is_no_loss(tmp_path: Path) -> None:
    target = find_target(tagger_in(tmp_path / "tagger", MANY_TAGS))
    pool = LocalPool(WorkSpec(target, parts=str(tmp_path / "parts")), max_workers=1)
    pool.grow(1)
    (joined,) = pool.wait(10)
    thread = pool._workers[joined.worker].thread
    pool.release(joined.worker)
    thread.join()

    assert pool.wait(0.01) == []
    pool.close(grace_seconds=0)


def test_a_worker_whose_end_fails_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of it, the driver would wait forever for its films."""
    target = find_target(tagger_in(tmp_path / "tagger", MANY_TAGS))
    pool = LocalPool(WorkSpec(target, parts=str(tmp_path / "parts")), max_workers=1)
    pool.grow(1)
    (joined,) = pool.wait(10)
    worker = pool._workers[joined.worker]
    monkeypatch.setattr(worker.films, "close", lambda: 1 / 0)
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    worker.batches.put(None)
    worker.thread.join()

    (lost,) = pool.wait(0.01)
    assert (type(lost), lost.worker) == (Lost, joined.worker)
    pool.close(grace_seconds=0)
