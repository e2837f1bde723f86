"""Online backup of database and store into a folder, and its restoration."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.exc import DBAPIError

from common_ml.errors import (
    ConflictError,
    DatabaseUnavailableError,
    InvalidRequestError,
    NotFoundError,
    StoreError,
)
from common_ml.parts import PartKey, open_parts
from common_ml.service.db import schema as t
from common_ml.service.db.engine import translated
from common_ml.service.db.migrating import current_revision
from common_ml.service.store import open_contents

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.settings import Settings

MANIFEST = "backup.json"
_SQLITE, _POSTGRESQL, _STORE = "service.db", "service.dump", "store"


def back_up(core: Core, folder: Path, *, with_contents: bool = True) -> dict[str, int]:
    """Write a backup; the service may run meanwhile.

    The database comes first: all that it names is in the store already, since contents and parts
    are stored before their rows. What is copied is what the copy of the database names, whatever
    is tagged anew meanwhile.

    Args:
        core: The service.
        folder: A new or empty folder.
        with_contents: Whether to copy contents and tags, too; without, the store must be backed up
            in another way, after the database.

    Returns:
        The number of `contents` and `parts` that were copied.

    Raises:
        InvalidRequestError: the folder is not empty.
        ConflictError: pg_dump is missing or failed.
        StoreError: a content cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InvalidRequestError(f"{folder} is not empty; hint: name a new folder")
    folder.chmod(0o700)  # hashes of passwords
    copied = _dump_postgresql if core.database.is_postgresql else _copy_sqlite
    keys, parts = copied(core, folder)
    counts = {"contents": 0, "parts": 0}
    if with_contents:
        counts = _copy_store(core, folder / _STORE, keys, parts)
    manifest = {
        "created_at": time.time(),
        "schema": core.database.read(current_revision),
        "database": "postgresql" if core.database.is_postgresql else "sqlite",
        "with_contents": with_contents,
        **counts,
    }
    (folder / MANIFEST).write_text(
        json.dumps(manifest, indent=2) + "\n"
    )  # written last: it marks a complete backup
    return counts


def restore(folder: Path, settings: Settings) -> dict[str, int]:
    """Bring a backup into a new data folder, or a new, empty PostgreSQL database and store.

    Raises:
        NotFoundError: there is no whole backup in the folder.
        ConflictError: there is a service already, or pg_restore is missing or failed; or the backup
            is of the other kind of database.
        StoreError: a content cannot be stored.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no backup in {folder}, or it is not whole") from error
    url = make_url(settings.database_url)
    kind = "postgresql" if url.get_backend_name() == "postgresql" else "sqlite"
    if kind != manifest["database"]:
        raise ConflictError(f"the backup is of {manifest['database']}, and the database is {kind}")
    if kind == "sqlite":
        place = Path(url.database or "")
        if place.exists() and place.stat().st_size:
            raise ConflictError(f"{place} exists; hint: name a new data folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / _SQLITE, place)
        place.chmod(0o600)
    else:
        plain = str(settings.database_url).replace("postgresql+psycopg://", "postgresql://")
        _run(
            "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={plain}", folder / _POSTGRESQL
        )
    counts = {"contents": 0, "parts": 0}
    store = folder / _STORE
    if manifest["with_contents"]:
        contents = open_contents(settings.store_address)
        for place in sorted((store / "contents").glob("*/*")):
            copy = settings.data / f"restoring-{place.name}"
            settings.data.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, copy)
            try:
                contents.put_file(copy, place.name)
            finally:
                copy.unlink()
            counts["contents"] += 1
        counts["parts"] = _restore_parts(store / "parts", contents.parts_address)
    return counts


def _copy_sqlite(core: Core, folder: Path) -> tuple[list[str], list[PartKey]]:
    """Copy by the backup API of SQLite, consistent beside writers; return the keys it names."""
    place = folder / _SQLITE
    source = make_url(core.database.url).database or ""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(place)) as new:
        old.backup(new)  # in one step: a copy in several restarts after each commit of a writer
        new.execute("PRAGMA journal_mode=DELETE").close()
    place.chmod(0o600)
    engine = create_engine(f"sqlite:///{place}")
    try:
        with engine.connect() as connection:
            return _named(connection)
    except DBAPIError as error:
        raise translated(error) or DatabaseUnavailableError(
            f"the copy of the database cannot be read: {error.orig}"
        ) from error
    finally:
        engine.dispose()


def _dump_postgresql(core: Core, folder: Path) -> tuple[list[str], list[PartKey]]:
    """Dump the snapshot of one transaction; return the keys it names."""
    with core.database.connection() as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        options = ["--format=custom", f"--snapshot={snapshot}", f"--file={folder / _POSTGRESQL}"]
        _run("pg_dump", *options, _plain_url(core))
        return _named(connection)


def _named(connection: Connection) -> tuple[list[str], list[PartKey]]:
    """Return the keys of all contents, and of all valid tags files."""
    return list(connection.execute(select(t.file.c.key)).scalars()), _winning(connection)


def _copy_store(
    core: Core, folder: Path, contents: list[str], part_keys: list[PartKey]
) -> dict[str, int]:
    for content in contents:
        place = folder / content
        place.parent.mkdir(parents=True, exist_ok=True)
        core.contents.fetch(content, place)
        if place.is_symlink():  # a backup is whole without the store
            target = place.resolve()
            place.unlink()
            shutil.copyfile(target, place)
    parts = open_parts(folder / "parts")
    for key in part_keys:
        try:
            parts.commit(key, core.parts.read(key))
        except FileNotFoundError as error:
            raise StoreError(f"the tags {key.name} are missing; hint: run doctor") from error
    return {"contents": len(contents), "parts": len(part_keys)}


def winning_parts(core: Core) -> list[PartKey]:
    """Return the keys of all valid tags files: those of the attempt that finished."""
    return core.database.read(_winning)


def _winning(connection: Connection) -> list[PartKey]:
    p = t.prediction.c
    wanted = (
        select(t.file.c.sha256, p.revision, p.params_sha, p.part)
        .join(t.file, t.file.c.id == p.file_id)
        .where(p.part.is_not(None))
    )
    rows = connection.execute(wanted)
    return [PartKey(row.sha256, row.revision, row.params_sha, fence=row.part) for row in rows]


def _restore_parts(folder: Path, address: str) -> int:
    """Copy parts by their names, which encode the key."""
    target = open_parts(address)
    number = 0
    for path in sorted(folder.glob("*.jsonl")):
        copy = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.copyfile(path, copy)
        try:
            target._create(path.name, copy)
        finally:
            copy.unlink(missing_ok=True)
        number += 1
    return number


def _plain_url(core: Core) -> str:
    return core.settings.database_url.replace("postgresql+psycopg://", "postgresql://")


def _run(program: str, *arguments: str | Path) -> None:
    found = shutil.which(program)
    if found is None:
        raise ConflictError(f"{program} is not on the PATH; hint: install PostgreSQL's client")
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL
        [found, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ConflictError(f"{program} failed: {done.stderr.strip()[-1000:]}")
