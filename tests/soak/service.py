"""Servers, workers and PostgreSQL killed, workers frozen, while files are tagged: lost or doubled?

python -m tests.soak.service [FILES, 400 by default] [KILLS, 50 by default]
"""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from common_ml.service.clock import SystemClock
from common_ml.service.core import open_core
from common_ml.service.db import schema as t
from common_ml.service.operations import models, predictions, results
from common_ml.service.settings import Settings
from common_ml.tagging.messages import Progress, Tag
from tests.runtime.programs import program
from tests.service.cores import add_file, ask, make_user
from tests.service.postgres import new_database, running_postgres

if TYPE_CHECKING:
    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor
    from tests.service.postgres import PostgresServer

Disturbance = Literal["kill", "kill server", "freeze", "kill postgres"]
NUM_WORKERS = 2
LEASE_SECONDS = 3
TAGGER = """
for line in lines:
    for place, word in enumerate(open(line).read().split()):
        tag(line, word, start=place, end=place)
        time.sleep(0.01)
    put("progress", source_media=line)
"""


@dataclass(frozen=True)
class Outcome:
    """What became of the files."""

    num_files: int
    num_disturbances: int
    done: int
    wrong: int
    """Files whose tags are not exactly theirs."""
    doubled: int
    """Files that were done more than once."""
    retried: int
    """Files that had failed because three workers were lost with them."""
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Nothing lost, nothing double."""
        return self.done == self.num_files and not self.wrong and not self.doubled


class Workers:
    """`common-ml worker` a number of times; each can be killed or frozen."""

    def __init__(self, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "common_ml", "worker", "--lease", str(LEASE_SECONDS)]
        self._command += arguments
        self.running = [self._start() for _ in range(NUM_WORKERS)]

    def kill(self, place: int) -> None:
        """Kill one, and start another in its place."""
        self.running[place].kill()
        self.running[place].wait()
        self.running[place] = self._start()

    def freeze(self, place: int) -> None:
        """Stop one for longer than its lease, then let it go on."""
        self.running[place].send_signal(signal.SIGSTOP)
        time.sleep(LEASE_SECONDS + 3)
        self.running[place].send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Stop all."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stderr=subprocess.DEVNULL)


class Server:
    """`common-ml serve` with its workers; it or one of them can be killed."""

    def __init__(self, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "common_ml", "serve", "--port", "0"]
        self._command += ["--limit", f"lease_seconds={LEASE_SECONDS}"]
        self._command += ["--workers", str(NUM_WORKERS), *arguments]
        self.running = self._start()

    def kill(self, place: int) -> None:
        """Kill the server and start it again; or one of its workers, which it replaces."""
        workers = children(self.running.pid)
        if place and workers:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(workers[0], signal.SIGKILL)
            return
        self.running.kill()
        self.running.wait()
        self.running = self._start()

    def end(self) -> None:
        """Stop it, and its workers with it."""
        self.running.terminate()
        self.running.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def children(process: int) -> list[int]:
    """The numbers of the children of a process."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(number) for number in found.split()]


def disturbed(
    folder: Path,
    disturbance: Disturbance,
    *,
    num_files: int,
    num_disturbances: int,
    dice: random.Random,
    postgres: PostgresServer | None = None,
) -> Outcome:
    """Tag files while workers or the database are disturbed; compare all with what it should be."""
    database = new_database(postgres) if postgres is not None else ""
    settings = Settings(folder / "data", database=database)
    tagger = program(folder / "tagger", TAGGER).parent
    started = time.monotonic()
    with open_core(settings, clock=SystemClock()) as core:
        arguments = ["--data", str(settings.data), str(tagger)]
        if database:
            arguments = ["--database", database, *arguments]
        kind = Server if disturbance == "kill server" else Workers
        workers = kind(arguments)
        try:
            ann = make_user(core, "ann", "admin")
            wait_for_model(core)
            texts = [f"file{n} {n % 7} end" for n in range(num_files)]
            hashes = [
                add_file(core, ann, text.encode(), f"{n}.txt", kind="image").sha256
                for n, text in enumerate(texts)
            ]
            ids = ask(core, ann, *hashes, model="tagger")
            for number in range(num_disturbances):
                disturb(workers, disturbance, place=number % NUM_WORKERS, postgres=postgres)
                time.sleep(dice.uniform(0.5, 3))
            retried = wait_until_done(core, ann, ids)
        finally:
            workers.end()
        wrong = sum(
            not is_right(core, ann, one, text) for one, text in zip(ids, texts, strict=True)
        )
        return Outcome(
            num_files=num_files,
            num_disturbances=num_disturbances,
            done=predictions.counts(core, ann).get("done", 0),
            wrong=wrong,
            doubled=num_doubled(core),
            retried=retried,
            seconds=time.monotonic() - started,
        )


def disturb(
    workers: Workers | Server,
    disturbance: Disturbance,
    *,
    place: int,
    postgres: PostgresServer | None,
) -> None:
    """Do it once."""
    if disturbance in {"kill", "kill server"}:
        workers.kill(place)
    elif disturbance == "freeze":
        assert isinstance(workers, Workers)
        workers.freeze(place)
    else:
        assert postgres is not None
        postgres.kill()
        postgres.start()


def wait_for_model(core: Core) -> None:
    """Wait until a worker has registered it."""
    while not models.find_all(core):
        threading.Event().wait(0.05)


def wait_until_done(core: Core, actor: Actor, ids: list[int]) -> int:
    """Wait until all are done; what failed is asked for again, and counted."""
    retried = 0
    while True:
        counts = predictions.counts(core, actor)
        failed = [one.id for one in predictions.find(core, actor, states=["failed"], limit=1000)]
        if failed:
            retried += len(predictions.retry(core, actor, failed))
        elif counts.get("done", 0) == len(ids):
            return retried
        threading.Event().wait(0.1)


def is_right(core: Core, actor: Actor, number: int, text: str) -> bool:
    """Whether tags and labels are exactly those of the file."""
    words = text.split()
    expected = [Tag(place, place, word, "x") for place, word in enumerate(words)]
    found = list(results.tags(core, actor, number, name="x"))
    labels = {label.text: label.n for label in results.labels(core, [number])[number]}
    return found == [*expected, Progress("x")] and labels == dict(Counter(words))


def num_doubled(core: Core) -> int:
    """How many predictions were done more than once."""
    e = t.event.c
    many = select(e.subject).where(e.kind == "prediction.done").group_by(e.subject)
    many = many.having(func.count() > 1)
    return len(core.database.read(lambda connection: connection.execute(many).all()))


def main() -> None:
    """Run them all, and say what was found."""
    logging.getLogger("common_ml").setLevel(logging.ERROR)
    num_files = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    num_kills = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    dice = random.Random(0)
    plans: list[tuple[Disturbance, bool, int]] = [
        ("kill", False, num_kills),
        ("kill server", False, num_kills),
        ("kill server", True, num_kills),
        ("freeze", False, max(1, num_kills // 10)),
        ("kill", True, num_kills),
        ("freeze", True, max(1, num_kills // 10)),
        ("kill postgres", True, max(1, num_kills // 5)),
    ]
    is_whole = True
    for disturbance, on_postgres, number in plans:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            postgres = stack.enter_context(running_postgres()) if on_postgres else None
            outcome = disturbed(
                folder,
                disturbance,
                num_files=num_files,
                num_disturbances=number,
                dice=dice,
                postgres=postgres,
            )
        is_whole &= outcome.is_whole
        where = "PostgreSQL" if on_postgres else "SQLite"
        print(
            f"{where}, {disturbance} x{number}: {outcome.done} of {num_files} done, "
            f"{outcome.wrong} wrong, {outcome.doubled} doubled, {outcome.retried} retried by hand, "
            f"{outcome.seconds:.0f} s",
            flush=True,
        )
    sys.exit(not is_whole)


if __name__ == "__main__":
    main()
