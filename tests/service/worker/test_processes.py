"""Workers as processes: ended with their server, and replaced when they die."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from common_ml.service.operations import models, predictions, workers
from common_ml.service.worker.processes import WorkerProcesses
from tests.runtime.programs import program
from tests.service.cores import add_file, ask, make_user
from tests.service.taggers import WORDS
from tests.service.worker.test_worker import service, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.service.core import Core


def wait_for_workers(core: Core, number: int, *, without: tuple[str, ...] = ()) -> list[str]:
    pause = threading.Event()
    while True:
        found = [one.id for one in workers.find_all(core) if one.id not in without]
        if len(found) == number:
            return found
        pause.wait(0.05)


def test_a_killed_worker_is_replaced_and_its_file_tagged_once_more(tmp_path: Path) -> None:
    tagger = program(tmp_path / "words", WORDS).parent
    with service(tmp_path, retry_seconds=0.01) as core:
        ann = make_user(core, "ann")
        with WorkerProcesses([str(tagger), "--data", str(core.settings.data)]) as processes:
            [first] = wait_for_workers(core, 1)
            model = models.get(core, "words")
            assert (model.available, model.revision.partition(":")[0]) == (True, "program")
            ids = ask(core, ann, add_file(core, ann, b"wait", "a.png").sha256, model="words")
            wait_for(core, ann, ids, "running")
            os.kill(processes.pids[0], signal.SIGKILL)
            wait_for_workers(core, 1, without=(first,))
            wait_for(core, ann, ids, "running")
            assert predictions.get(core, ann, ids[0]).attempts == 2
            predictions.cancel(core, ann, ids)
            other = ask(core, ann, add_file(core, ann, b"go on", "b.png").sha256, model="words")
            assert wait_for(core, ann, other) == ["done"]
        assert workers.find_all(core) == []  # each has said goodbye
