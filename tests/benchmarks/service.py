"""The prediction service: search among many labels, files a second, and what a file costs.

python -m tests.benchmarks.service [LABELS, 1,500,000 by default]
"""

from __future__ import annotations

import hashlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

from sqlalchemy import insert

from common_ml.service.clock import SystemClock
from common_ml.service.core import open_core
from common_ml.service.db import schema as t
from common_ml.service.db.texts import text_ids
from common_ml.service.models.model import ModelSpec
from common_ml.service.operations import models, predictions, search
from common_ml.service.operations.search import Query
from common_ml.service.settings import Settings
from common_ml.service.worker.worker import Worker
from tests.runtime.programs import program
from tests.service.cores import add_file, ask, make_user, offer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sqlalchemy import Connection, Table

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

NUM_FILES = 100_000
NUM_RUNS = 30
CHUNK = 2000
TAGGER = """
for line in lines:
    tag(line, "x")
    put("progress", source_media=line)
"""


def fill(core: Core, actor: Actor, num_labels: int) -> None:
    """Files with labels of two to four words out of 20,000."""
    dice = random.Random(0)
    words = vocabulary(dice)
    per_file = max(1, num_labels // NUM_FILES)
    offer(core)
    for start in range(1, NUM_FILES, CHUNK):
        labels = {
            number: {" ".join(dice.choices(words, k=dice.randint(2, 4))) for _ in range(per_file)}
            for number in range(start, start + CHUNK)
        }
        core.database.write(partial(add, labels=labels, user_id=actor.user_id))


def vocabulary(dice: random.Random) -> list[str]:
    """20,000 words."""
    return ["".join(dice.choices(ascii_lowercase, k=dice.randint(4, 9))) for _ in range(20_000)]


def add(connection: Connection, *, labels: dict[int, set[str]], user_id: int) -> None:
    """Files with a prediction that is done."""
    hashes = {number: hashlib.sha256(b"%d" % number).hexdigest() for number in labels}
    times = {"created_at": 0.0}
    done = {"model": "ocr", "revision": "r1", "params_sha": "", "params": "{}", "state": "done"}
    of_all = {text for found in labels.values() for text in found}
    texts = text_ids(connection, [*of_all, *(f"{number}.jpg" for number in labels)])
    rows: dict[Table, list[dict[str, Any]]] = {
        t.file: [
            {"id": n, "sha256": hashes[n], "md5": f"{n:032x}", "size": 1, "kind": "image"}
            | {"key": hashes[n], **times}
            for n in labels
        ],
        t.file_name: [
            {"file_id": n, "user_id": user_id, "name": f"{n}.jpg", "text_id": texts[f"{n}.jpg"]}
            | times
            for n in labels
        ],
        t.prediction: [
            {"id": n, "file_id": n, "user_id": user_id, "part": 1, "queued_at": 0.0, **done} | times
            for n in labels
        ],
        t.request: [{"prediction_id": n, "user_id": user_id, **times} for n in labels],
        t.label: [
            {"prediction_id": n, "text_id": texts[text], "file_id": n, "model": "ocr", "n": 1}
            | {"best": 0.5}
            for n, found in labels.items()
            for text in found
        ],
    }
    for table, values in rows.items():
        connection.execute(insert(table), values)


def milliseconds(work: Callable[[], object]) -> str:
    """Median and worst of some runs."""
    times = []
    for _ in range(NUM_RUNS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"


def main() -> None:
    """Measure, and print."""
    num_labels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_500_000
    with tempfile.TemporaryDirectory() as folder:
        measure_files(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "data")
        with open_core(settings, clock=SystemClock(), durable=False) as core:
            measure_search(core, num_labels)


def measure_search(core: Core, num_labels: int) -> None:
    """Words, parts of words and names, for the owner of all files and for an administrator."""
    ann = make_user(core, "ann")
    started = time.perf_counter()
    fill(core, ann, num_labels)
    seconds = time.perf_counter() - started
    print(f"{num_labels:,} labels on {NUM_FILES:,} files, added in {seconds:.0f} s")
    words = vocabulary(random.Random(0))
    dice = random.Random(1)
    queries: dict[str, Callable[[], str]] = {
        "a word": lambda: dice.choice(words),
        "two words": lambda: f"{dice.choice(words)} {dice.choice(words)}",
        "four letters": lambda: dice.choice(words)[:4],
        "a name": lambda: f"{dice.randint(10_000, 90_000)}.jpg",
        "nothing there": lambda: "zzzzqqqq",
    }

    def look(actor: Actor, make: Callable[[], str]) -> object:
        return search.find(core, actor, Query(text=make()), limit=15)

    for who, actor in (("owner", ann), ("admin", make_user(core, "root", "admin"))):
        for name, make in queries.items():
            print(f"search, {name}, {who}: {milliseconds(partial(look, actor, make))}", flush=True)
    ids = range(1, NUM_FILES)
    by_id = milliseconds(lambda: predictions.get_many(core, ann, dice.sample(ids, 15)))
    print(f"15 predictions by id: {by_id}")


def measure_files(folder: Path, num_files: int = 500) -> None:
    """Small files through one worker, beside `common-ml run`."""
    tagger = program(folder / "tagger", TAGGER).parent
    media = folder / "media"
    media.mkdir()
    for n in range(num_files):
        (media / f"{n}.jpg").write_bytes(b"%d" % n)
    started = time.perf_counter()
    subprocess.run(
        [
            sys.executable,
            "-m",
            "common_ml",
            "run",
            str(tagger),
            str(media),
            "-o",
            str(folder / "tags.jsonl"),
        ],
        check=True,
        capture_output=True,
    )
    run_ms = (time.perf_counter() - started) / num_files * 1000
    with open_core(Settings(folder / "data"), clock=SystemClock(), durable=False) as core:
        spec = ModelSpec("tagger", str(tagger), "r1")
        models.register(core, [spec])
        ann = make_user(core, "ann")
        started = time.perf_counter()
        hashes = [
            add_file(core, ann, path.read_bytes(), path.name).sha256 for path in media.iterdir()
        ]
        print(f"files stored and named: {num_files / (time.perf_counter() - started):.0f} a second")
        started = time.perf_counter()
        ask(core, ann, *hashes, model="tagger")
        print(
            f"{num_files} predictions asked for in {(time.perf_counter() - started) * 1000:.0f} ms"
        )
        stop = threading.Event()
        worker = threading.Thread(target=Worker(core, [spec]).run, args=[stop])
        started = time.perf_counter()
        worker.start()
        while predictions.counts(core, ann).get("done", 0) < num_files:
            time.sleep(0.05)
        service_ms = (time.perf_counter() - started) / num_files * 1000
        stop.set()
        worker.join()
    print(
        f"common-ml run: {run_ms:.1f} ms a file; a worker: {service_ms:.1f} ms, "
        f"{1000 / service_ms:.0f} files a second; overhead {service_ms - run_ms:+.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
