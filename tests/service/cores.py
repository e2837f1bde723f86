"""Cores for tests: a database and a store of their own, and a clock that the test moves."""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.service.clock import ManualClock
from common_ml.service.core import Core, open_core
from common_ml.service.db import queue
from common_ml.service.models.model import ModelSpec
from common_ml.service.operations import files, models, predictions, users
from common_ml.service.settings import Settings

if TYPE_CHECKING:
    from common_ml.service.db.queue import Claim, Outcome
    from common_ml.service.operations.actor import Actor
    from common_ml.service.operations.files import File


def make_core(folder: Path, **settings: Any) -> Core:
    """A new service in a folder."""
    wanted = Settings(folder / "data", **settings)
    is_new = not wanted.database and not (wanted.data / "service.db").exists()
    if is_new:  # a copy of tables takes a hundredth of the time of making them
        wanted.data.mkdir(parents=True, exist_ok=True)
        (wanted.data / "service.db").write_bytes(_new_tables())
        (wanted.data / "service.db").chmod(0o600)
    return open_core(wanted, clock=ManualClock(), migrate=not is_new)


@cache
def _new_tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with open_core(Settings(Path(folder))):
            pass
        return (Path(folder) / "service.db").read_bytes()


def clock_of(core: Core) -> ManualClock:
    """The clock of a core that `make_core` made."""
    assert isinstance(core.clock, ManualClock)
    return core.clock


def make_user(core: Core, name: str, *roles: str) -> Actor:
    """A new user."""
    return users.create(core, name=name, roles=roles or ["investigator"]).actor


def add_file(core: Core, actor: Actor, content: bytes, name: str, kind: str = "image") -> File:
    """Store bytes under a name."""
    place = core.settings.data / "staged"
    place.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    key = core.contents.put_file(place, sha256)
    place.unlink()
    return files.add(
        core,
        actor,
        sha256=sha256,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        size=len(content),
        kind=kind,
        name=name,
        key=key,
    )


def offer(core: Core, name: str = "ocr", revision: str = "r1", **values: Any) -> ModelSpec:
    """Register a model."""
    spec = ModelSpec(name, target=f"/models/{name}", revision=revision, **values)
    models.register(core, [spec])
    return spec


def ask(core: Core, actor: Actor, *digests: str, model: str = "ocr", **options: Any) -> list[int]:
    """Ask for predictions with one model."""
    params = options.pop("params", {})
    return predictions.submit(
        core, actor, files=digests, choices=[predictions.Choice(model, params)], **options
    )


def claim(core: Core, *, owner: str = "w1", limit: int = 1, model: str = "ocr") -> list[Claim]:
    """Claim as a worker with the newest revision does."""
    revision = models.get(core, model).revision
    return core.database.write(
        lambda connection: queue.claim(
            core, connection, owner=owner, model=model, revision=revision, limit=limit
        )
    )


def finish(core: Core, claimed: Claim, outcome: Outcome = "done", **values: Any) -> bool:
    """Finish as a worker does."""
    return core.database.write(
        lambda connection: queue.finish(
            core, connection, claimed.id, fence=claimed.fence, outcome=outcome, **values
        )
    )


def state(core: Core, actor: Actor, number: int) -> str:
    """The state that an actor sees."""
    return predictions.get(core, actor, number).state
