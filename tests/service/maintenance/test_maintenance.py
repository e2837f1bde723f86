"""Backups that hold all, collecting that leaves what is needed, and a doctor that finds faults."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from common_ml.errors import ConflictError, InvalidRequestError, NotFoundError
from common_ml.service.clock import ManualClock
from common_ml.service.core import open_core
from common_ml.service.maintenance import backup
from common_ml.service.maintenance.backup import _copy_store, back_up, restore
from common_ml.service.maintenance.collecting import collect
from common_ml.service.maintenance.doctor import examine
from common_ml.service.operations import files, predictions, results, search, users
from common_ml.service.operations.search import Query
from tests.cli.running import common_ml as run_common_ml
from tests.service.cores import add_file, ask, clock_of, make_core, make_user
from tests.service.postgres import new_database
from tests.service.taggers import words_spec
from tests.service.worker.test_worker import wait_for, working

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor


def tagged_files(core: Core, tmp_path: Path) -> tuple[Actor, list[int]]:
    """Two files with tags, by a worker."""
    from common_ml.service.operations import models

    spec = words_spec(tmp_path)
    models.register(core, [spec])
    ann = make_user(core, "ann", "admin")
    hashes = [
        add_file(core, ann, text, f"{text.decode()}.txt", kind="text").sha256
        for text in (b"red", b"blue")
    ]
    ids = ask(core, ann, *hashes, model="words")
    with working(core, spec):
        wait_for(core, ann, ids)
    return ann, ids


def test_a_restored_backup_has_all_that_there_was(
    any_core: Core, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if any_core.database.is_postgresql:
        programs = request.getfixturevalue("postgres_server")._programs
        request.getfixturevalue("monkeypatch").setenv("PATH", f"{programs}:{os.environ['PATH']}")
    ann, ids = tagged_files(any_core, tmp_path)
    folder = tmp_path / "backup"

    assert back_up(any_core, folder) == {"contents": 2, "parts": 2}
    with pytest.raises(InvalidRequestError, match="is not empty"):
        back_up(any_core, folder)
    url = ""
    if any_core.database.is_postgresql:
        url = new_database(request.getfixturevalue("postgres_server"))
    settings = replace(any_core.settings, data=tmp_path / "new", database=url)
    assert restore(folder, settings) == {"contents": 2, "parts": 2}
    with open_core(settings, clock=ManualClock()) as again:
        assert again.contents.check() is None
        assert users.get(again, "ann") == users.get(any_core, "ann")
        assert predictions.get_many(again, ann, ids) == predictions.get_many(any_core, ann, ids)
        for one in ids:
            assert list(results.tags(again, ann, one)) == list(results.tags(any_core, ann, one))
        found = search.find(again, ann, Query(text="blu"))
        assert [file.name for file in found] == ["blue.txt"]
        assert b"".join(again.contents.read(found[0].key)) == b"blue"
        assert {one.level for one in examine(again, deep=True)} == {"ok", "warning"}
    with pytest.raises(ConflictError):
        restore(folder, settings)


@pytest.mark.parametrize(
    "part", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]
)
def test_a_backup_ends_beside_writers_and_holds_the_tags_that_it_names(
    part: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are tagged anew and rows are written all the time while it is made."""
    url = ""
    if part == "postgres":
        server = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("PATH", f"{server._programs}:{os.environ['PATH']}")
        url = new_database(server)
    with make_core(tmp_path, database=url) as core, ExitStack() as stack:
        ann, ids = tagged_files(core, tmp_path)
        with core.database.connection(for_writing=True) as connection:
            connection.execute(text("CREATE TABLE ticks (n INT)"))
            connection.execute(text("INSERT INTO ticks VALUES (0)"))
            connection.execute(text("CREATE TABLE filler (b TEXT)"))
            for _ in range(30):  # more than one step of a copy was
                connection.execute(text("INSERT INTO filler VALUES (:b)"), {"b": "x" * 1_000_000})
        ends = threading.Event()

        def write() -> None:
            while not ends.is_set():
                core.database.write(lambda c: c.execute(text("UPDATE ticks SET n = n + 1")))

        def copy_store(*args: Any) -> dict[str, int]:
            ends.set()
            with working(core, words_spec(tmp_path)):  # new tags, before the old ones are copied
                predictions.retry(core, ann, ids, force=True)
                wait_for(core, ann, ids)
            return _copy_store(*args)

        monkeypatch.setattr(backup, "_copy_store", copy_store)
        thread = threading.Thread(target=write)
        thread.start()
        stack.callback(thread.join)
        stack.callback(ends.set)
        assert back_up(core, tmp_path / "backup") == {"contents": 2, "parts": 2}
        if part == "postgres":
            url = new_database(server)
        again = replace(core.settings, data=tmp_path / "new", database=url)
        restore(tmp_path / "backup", again)
        with open_core(again) as restored:
            for one in ids:
                assert len(list(results.tags(restored, ann, one))) == 2


def test_half_a_backup_is_none(core: Core, tmp_path: Path) -> None:
    back_up(core, tmp_path / "backup")
    (tmp_path / "backup" / "backup.json").unlink()

    with pytest.raises(NotFoundError, match="there is no backup"):
        restore(tmp_path / "backup", replace(core.settings, data=tmp_path / "new"))


def test_what_nobody_needs_is_removed_and_the_rest_stays(core: Core, tmp_path: Path) -> None:
    ann, ids = tagged_files(core, tmp_path)
    red, blue = predictions.get_many(core, ann, ids)
    files.remove(core, ann, red.sha256)
    stray = tmp_path / "stray"
    stray.write_bytes(b"stray")
    core.contents.put_file(stray, "f" * 64)
    young = collect(core)
    assert (young.files, young.strays, young.parts) == (0, 0, 0)
    assert young.texts == 1  # its name, which no file has any more

    clock_of(core).advance(2e9)  # beyond the times of the files
    removed = collect(core)
    assert (removed.files, removed.strays, removed.parts) == (1, 1, 1)
    assert removed.texts == 1  # its label
    assert [key for key, _ in core.contents.entries()] == [files.get(core, ann, blue.sha256).key]
    assert len(list(results.tags(core, ann, blue.id))) == 2
    assert search.find(core, ann, Query(text="red")) == []
    again = collect(core)
    assert (again.files, again.strays, again.parts, again.texts) == (0, 0, 0, 0)


def test_the_doctor_finds_what_is_missing(core: Core, tmp_path: Path) -> None:
    ann, ids = tagged_files(core, tmp_path)
    first = predictions.get(core, ann, ids[0])
    core.parts.delete(results.part_key(first))
    core.contents.delete(files.get(core, ann, first.sha256).key)

    found = {one.name: one for one in examine(core, deep=True)}
    assert (found["contents"].level, found["tags"].level) == ("error", "error")
    assert first.sha256 in found["contents"].text
    assert "1 of 2 missing, 0 damaged" in found["tags"].text
    assert {one.level for one in examine(core)} == {"ok", "warning"}  # no worker is alive


def test_the_doctor_finds_what_is_damaged(core: Core, tmp_path: Path) -> None:
    ann, ids = tagged_files(core, tmp_path)
    red, blue = predictions.get_many(core, ann, ids)
    content = core.contents.local_path(files.get(core, ann, red.sha256).key)
    assert content is not None
    content.chmod(0o644)
    content.write_bytes(b"rED")  # as long as it was
    key = results.part_key(blue)
    part = core.settings.data / "store" / "parts" / f"{key.name}.jsonl"
    part.write_bytes(part.read_bytes()[:-5])

    found = {one.name: one for one in examine(core, deep=True)}
    assert (found["contents"].level, found["tags"].level) == ("error", "error")
    assert "0 missing, 1 damaged" in found["contents"].text
    assert "0 of 2 missing, 1 damaged" in found["tags"].text


def test_a_damaged_database_is_said_in_a_line(tmp_path: Path) -> None:
    with make_core(tmp_path / "a") as core:
        make_user(core, "ann")
        data = core.settings.data
    place = data / "service.db"
    damaged = bytearray(place.read_bytes())
    damaged[4096 * 2 :] = b"\xff" * (len(damaged) - 4096 * 2)
    place.write_bytes(damaged)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "service.db").touch()

    for command in ("doctor", "backup", "gc"):
        arguments = [str(tmp_path / "backup")] if command == "backup" else []
        done = run_common_ml("service", command, *arguments, "--data", str(data), cwd=tmp_path)
        assert done.returncode == 1
        assert "malformed" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    empty = run_common_ml("service", "doctor", "--data", "empty", cwd=tmp_path)
    assert empty.returncode == 1
    assert "tables of version None" in empty.stdout
    assert "no such table" in empty.stdout
    assert "Traceback" not in empty.stderr


def test_the_commands(core: Core, tmp_path: Path) -> None:
    common_ml = partial(run_common_ml, cwd=tmp_path)
    ann = make_user(core, "root", "admin")
    add_file(core, ann, b"x", "x.png")
    data = ["--data", str(core.settings.data)]

    doctor = common_ml("service", "doctor", "--json", *data)
    assert doctor.returncode == 0, doctor.stderr
    assert {one["name"] for one in json.loads(doctor.stdout)} >= {"database", "store", "workers"}
    assert common_ml("service", "backup", str(tmp_path / "b"), *data).returncode == 0
    restored = common_ml("service", "restore", str(tmp_path / "b"), "--data", str(tmp_path / "new"))
    assert restored.stdout == "1 contents and 0 tags files restored\n"
    assert json.loads(common_ml("service", "gc", "--json", *data).stdout)["files"] == 0
    wrong = common_ml("service", "gc", "--data", str(tmp_path / "no"))
    assert wrong.returncode == 1
    assert "there is no service in" in wrong.stderr
