"""A worker in this process, with real taggers."""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from common_ml.backoff import Backoff
from common_ml.errors import DatabaseFullError
from common_ml.parts import FolderParts
from common_ml.runtime.orphans import ProcessId
from common_ml.service.clock import SystemClock
from common_ml.service.core import open_core
from common_ml.service.maintenance.backup import back_up, restore
from common_ml.service.maintenance.collecting import collect
from common_ml.service.maintenance.doctor import examine
from common_ml.service.operations import models, predictions, results, workers
from common_ml.service.settings import ServiceLimits, Settings
from common_ml.service.store.local import LocalStore
from common_ml.service.worker import slot
from common_ml.service.worker.open_file import OpenFile
from common_ml.service.worker.worker import Worker, is_alive, worker_id
from common_ml.tagging.messages import Progress, Tag
from tests.service.cores import add_file, ask, make_user
from tests.service.taggers import words_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.models.model import ModelSpec
    from common_ml.service.operations.actor import Actor
    from common_ml.service.store import LocalContent


@contextmanager
def service(tmp_path: Path, **limits: float) -> Iterator[Core]:
    settings = Settings(tmp_path / "data", limits=ServiceLimits(**limits))  # type: ignore[arg-type] # as given
    with open_core(settings, clock=SystemClock()) as core:
        yield core


@contextmanager
def working(core: Core, *specs: ModelSpec, **options: float) -> Iterator[Worker]:
    stop = threading.Event()
    worker = Worker(core, specs, **options)
    thread = threading.Thread(target=worker.run, args=[stop])
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join()


def wait_for(core: Core, actor: Actor, numbers: list[int], *states: str) -> list[str]:
    """Wait until each prediction has one of these states."""
    wanted = states or ("done", "failed", "cancelled")
    pause = threading.Event()
    while True:
        found = [one.state for one in predictions.get_many(core, actor, numbers)]
        if all(state in wanted for state in found):
            return found
        pause.wait(0.02)


def add_text(core: Core, actor: Actor, text: str, name: str = "a.txt") -> str:
    return add_file(core, actor, text.encode(), name, kind="text").sha256


def test_an_idle_worker_hears_of_new_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "_POLL_SECONDS", 3600.0)
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        with working(core, spec):
            for text in ("red", "green", "blue"):
                ids = ask(core, ann, add_text(core, ann, text, f"{text}.txt"), model="words")
                assert wait_for(core, ann, ids) == ["done"]


def test_files_are_tagged_and_their_labels_counted(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        texts = ["red green red", "", "bad", "blue red"]
        hashes = [add_text(core, ann, text, f"{n}.txt") for n, text in enumerate(texts)]
        ids = ask(core, ann, *hashes, model="words", params={"prefix": "x-"})
        with working(core, spec):
            assert wait_for(core, ann, ids) == ["done", "done", "failed", "done"]

        found = predictions.get_many(core, ann, ids)
        assert [one.num_tags for one in found] == [3, 0, None, 2]
        assert found[2].error is not None
        assert found[2].error.startswith("cannot read ")
        assert found[2].error.endswith("2.txt")
        assert str(tmp_path) not in found[2].error
        labels = results.labels(core, ids)
        assert [(label.text, label.n, label.best) for label in labels[ids[0]]] == [
            ("x-red", 2, 1.0),
            ("x-green", 1, 0.5),
        ]
        messages = list(results.tags(core, ann, ids[3], name="films/b.txt"))
        assert messages == [
            Tag(0, 0, "x-blue", "films/b.txt", additional_info={"confidence": 1.0}),
            Tag(1, 1, "x-red", "films/b.txt", additional_info={"confidence": 0.5}),
            Progress("films/b.txt"),
        ]
        assert workers.find_all(core) == []
        assert list(core.settings.work.iterdir()) == []


def test_contents_and_tags_may_lie_on_s3(s3_url: str, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data", store=f"{s3_url}/worker")
    with open_core(settings, clock=SystemClock()) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        ids = ask(core, ann, *[add_text(core, ann, text) for text in ("red", "bad")], model="words")
        with working(core, spec):
            assert wait_for(core, ann, ids) == ["done", "failed"]

        assert [one.tag for one in results.tags(core, ann, ids[0]) if isinstance(one, Tag)] == [
            "red"
        ]
        assert not (core.settings.data / "store").exists()
        assert {one.level for one in examine(core, deep=True)} == {"ok", "warning"}
        back_up(core, tmp_path / "backup")
        again = replace(settings, data=tmp_path / "new", store=f"{s3_url}/restored")
        assert restore(tmp_path / "backup", again) == {"contents": 2, "parts": 1}
        assert collect(core, grace_seconds=-3600).parts == 1  # the note of the failed file


def test_a_file_that_ends_its_tagger_fails_alone(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        texts = ["one", "die now", "two", "three"]
        ids = ask(core, ann, *[add_text(core, ann, text) for text in texts], model="words")
        with working(core, spec):
            assert wait_for(core, ann, ids) == ["done", "failed", "done", "done"]

        error = predictions.get(core, ann, ids[1]).error
        assert error is not None
        assert "SIGKILL" in error
        assert [one.attempts for one in predictions.get_many(core, ann, ids)] == [1, 1, 1, 1]


def test_a_running_file_is_cancelled_and_the_others_go_on(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        ids = ask(core, ann, add_text(core, ann, "wait"), add_text(core, ann, "go"), model="words")
        with working(core, spec):
            wait_for(core, ann, ids[:1], "running")
            predictions.cancel(core, ann, ids[:1])
            assert wait_for(core, ann, ids) == ["cancelled", "done"]
        admin = make_user(core, "root", "admin")
        assert predictions.get(core, admin, ids[0]).state == "cancelled"


def test_each_file_is_tagged_with_its_own_params(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        hashes = [add_text(core, ann, f"word{n}", f"{n}.txt") for n in range(3)]
        ids = [
            one
            for prefix in "ab"
            for one in ask(core, ann, *hashes, model="words", params={"prefix": prefix})
        ]
        with working(core, spec):
            wait_for(core, ann, ids)

        found = results.labels(core, ids)
        expected = [[f"{prefix}word{n}"] for prefix in "ab" for n in range(3)]
        assert [[label.text for label in found[one]] for one in ids] == expected


def test_a_file_that_ends_leaves_the_same_content_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for with other params, it is claimed while the first prediction is written down."""
    is_fetched, is_closed = threading.Event(), threading.Event()
    fetch, finish, close = LocalStore.fetch, OpenFile.finish, OpenFile.close
    keys: list[str] = []

    def fetch_and_wait(self: LocalStore, key: str, target: Path) -> LocalContent:
        content = fetch(self, key, target)
        keys.append(key)
        if len(keys) == 2:  # the first one ends before this one is sent to the tagger
            is_fetched.set()
            assert is_closed.wait(60)
        return content

    def finish_late(self: OpenFile, *args: Any, **options: Any) -> bool:
        assert is_fetched.wait(60)
        return finish(self, *args, **options)

    def close_noted(self: OpenFile) -> None:
        close(self)
        is_closed.set()

    monkeypatch.setattr(LocalStore, "fetch", fetch_and_wait)
    monkeypatch.setattr(OpenFile, "finish", finish_late)
    monkeypatch.setattr(OpenFile, "close", close_noted)
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        sha256 = add_text(core, ann, "word", "word.txt")
        (first,) = ask(core, ann, sha256, model="words", params={"prefix": "a"})
        (second,) = ask(core, ann, sha256, model="words", params={"prefix": "b"})
        with working(core, spec):
            wait_for(core, ann, [first, second])

        found = results.labels(core, [first, second])
        assert [[label.text for label in found[one]] for one in (first, second)] == [
            ["aword"],
            ["bword"],
        ]


def test_a_stopped_worker_gives_back_what_it_has_not_finished(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        ids = ask(core, ann, add_text(core, ann, "wait"), add_text(core, ann, "go"), model="words")
        with working(core, spec, grace_seconds=0):
            wait_for(core, ann, ids[:1], "running")

        found = predictions.get_many(core, ann, ids)
        assert [(one.state, one.attempts) for one in found] == [("queued", 0)] * 2
        assert workers.find_all(core) == []


def test_a_tagger_that_cannot_start_fails_after_three_attempts(tmp_path: Path) -> None:
    with service(tmp_path, retry_seconds=0.01) as core:
        spec = words_spec(tmp_path, python="/no/such/python")
        models.register(core, [spec])
        ann = make_user(core, "ann")
        ids = ask(core, ann, add_text(core, ann, "one"), model="words")
        with working(core, spec):
            assert wait_for(core, ann, ids) == ["failed"]

        found = predictions.get(core, ann, ids[0])
        assert found.attempts == 3
        assert found.error is not None
        assert "cannot start" in found.error


def test_workers_that_are_gone_are_known_by_their_process() -> None:
    mine = worker_id()
    machine, pid, started, _ = mine.rsplit(":", 3)

    assert is_alive(mine)
    assert not is_alive(f"{machine}:{pid}:{int(started) + 1}:x")
    assert is_alive(f"elsewhere:{pid}:{int(started) + 1}:x")
    assert is_alive("not one of ours")


def test_a_store_that_refuses_tags_files_costs_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is full five times, more often than a prediction has attempts; then it works."""
    monkeypatch.setattr(slot, "_PAUSE", Backoff(first_seconds=0.01, longest_seconds=0.01))
    refusals = iter(range(5))
    create = FolderParts._create

    def full_at_first(parts: FolderParts, name: str, path: Path) -> bool:
        if next(refusals, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return create(parts, name, path)

    monkeypatch.setattr(FolderParts, "_create", full_at_first)
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        ids = ask(core, ann, add_text(core, ann, "red"), model="words")
        with working(core, spec):
            assert wait_for(core, ann, ids) == ["done"]
        assert next(refusals, None) is None


def test_a_full_database_ends_no_worker_and_costs_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot, "_PAUSE", Backoff(first_seconds=0.01, longest_seconds=0.01))
    with service(tmp_path, lease_seconds=30, renew_seconds=0.5) as core:
        pages = {"most": 1 << 30}

        def limit(connection: Connection) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most']}").close()

        event.listen(core.database.engine, "begin", limit)
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        hashes = [add_text(core, ann, f"w{n}", f"{n}.txt") for n in range(40)]
        core.database.write(lambda c: c.exec_driver_sql("CREATE TABLE filler (b)"))
        with working(core, spec):
            ids = ask(core, ann, *hashes, model="words")
            wait_for(core, ann, ids[:1], "done")
            pages["most"] = 1  # SQLite takes the present number
            for size in (100_000, 3000, 100, 1):
                fill(core, size)
            while "the database is full" not in caplog.text:
                threading.Event().wait(0.02)
            found = [one.state for one in predictions.get_many(core, ann, ids)]
            assert set(found) <= {"queued", "running", "done"}
            pages["most"] = 1 << 30
            assert wait_for(core, ann, ids) == ["done"] * 40
        assert {one.attempts for one in predictions.get_many(core, ann, ids)} == {1}


def fill(core: Core, size: int) -> None:
    """Add rows until there is no room for another one of this size."""
    with suppress(DatabaseFullError):
        while True:
            core.database.write(
                lambda c: c.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(?))", (size,))
            )


@pytest.mark.parametrize("missing", ["store/parts", "store/contents", "work"])
def test_a_missing_folder_costs_no_attempt(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    missing: str,
) -> None:
    """Contents come back with what was mounted; the others are made again."""
    monkeypatch.setattr(slot, "_PAUSE", Backoff(first_seconds=0.01, longest_seconds=0.01))
    with service(tmp_path) as core:
        spec = words_spec(tmp_path)
        models.register(core, [spec])
        ann = make_user(core, "ann")
        hashes = [add_text(core, ann, f"w{n}", f"{n}.txt") for n in range(5)]
        with working(core, spec):
            wait_for(core, ann, ask(core, ann, hashes[0], model="words"))
            (core.settings.data / missing).rename(tmp_path / "away")
            ids = ask(core, ann, *hashes[1:], model="words")
            while not any(record.levelname == "ERROR" for record in caplog.records):
                threading.Event().wait(0.02)
            if missing == "store/contents":
                (tmp_path / "away").rename(core.settings.data / missing)
            assert wait_for(core, ann, ids) == ["done"] * 4
        assert {one.attempts for one in predictions.get_many(core, ann, ids)} == {1}


def test_an_idle_tagger_is_stopped_and_another_one_started(tmp_path: Path) -> None:
    with service(tmp_path) as core:
        log = tmp_path / "pids"
        spec = words_spec(tmp_path)
        note = f"open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        main = tmp_path / "words" / "main.py"
        main.write_text(main.read_text().replace("for line in lines:", f"{note}for line in lines:"))
        models.register(core, [spec])
        ann = make_user(core, "ann")
        first, second = (add_text(core, ann, text, f"{text}.txt") for text in ("red", "blue"))
        with working(core, spec, keep_idle_seconds=0.05):
            assert wait_for(core, ann, ask(core, ann, first, model="words")) == ["done"]
            process = ProcessId(int(log.read_text()), None)
            while process.is_alive:
                threading.Event().wait(0.02)
            assert wait_for(core, ann, ask(core, ann, second, model="words")) == ["done"]
        assert len(set(log.read_text().split())) == 2
