"""The context of a job: one for all threads, and that of the innermost job."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest

import common_ml
from common_ml import context
from common_ml.context import entered
from common_ml.media import limits
from common_ml.media.limits import Limits
from common_ml.tagging import cancelled
from common_ml.tagging.job.context import JobContext, current_job
from common_ml.tagging.job.signals import StopRequested


def test_a_job_is_found_in_every_thread() -> None:
    job = JobContext(Limits(max_pixels=5))
    with entered(job), ThreadPoolExecutor(1) as pool:
        assert current_job() is job
        assert pool.submit(current_job).result() is job  # a thread with an empty context
        assert pool.submit(limits.in_force).result() == Limits(max_pixels=5)
    assert current_job() is not job
    assert limits.in_force() == Limits()


def test_a_thread_of_the_sdk_belongs_to_the_job_that_starts_it() -> None:
    """Also while another job runs in another thread of the process."""
    ours, other = JobContext(), JobContext()
    other_runs, ours_asked = threading.Event(), threading.Event()

    def run_other() -> None:
        with entered(other):
            other_runs.set()
            ours_asked.wait()

    thread = threading.Thread(target=run_other)
    with entered(ours):
        inherited = copy_context()
        thread.start()
        other_runs.wait()
        found: list[JobContext] = []
        worker = threading.Thread(target=inherited.run, args=(lambda: found.append(current_job()),))
        worker.start()
        worker.join()
        assert found == [ours]
        assert current_job() is ours
        ours_asked.set()
        thread.join()


def test_files_are_named_from_outside_in() -> None:
    job = JobContext()
    seen = []
    with job.current_file("a", "b"):
        with job.current_file("b"):
            seen.append(job.files)
        seen.append(job.files)
    assert [*seen, job.files] == [("b",), ("a", "b"), ()]


def test_a_request_to_stop_is_seen_by_a_model() -> None:
    job = JobContext()
    with entered(job):
        assert not cancelled()
        job.shutdown.signal_number = 15
        assert cancelled()
        with pytest.raises(StopRequested, match="stopped by SIGTERM"):
            job.raise_if_stopped()


def _assigned_state(path: Path) -> list[str]:
    """Names of classes that are only a place for state, and of globals that functions rebind."""
    tree = ast.parse(path.read_text())
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    rebound = [
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    ]
    return [name for name in classes if name in ("_Process", "_Claimed", "_Work")] + rebound


def test_no_module_but_the_context_keeps_state() -> None:
    package = Path(common_ml.__file__).parent
    files = [
        *(package / "tagging").rglob("*.py"),
        package / "stages.py",
        package / "media/limits.py",
    ]
    assert {path.name: found for path in files if (found := _assigned_state(path))} == {}
    assert _assigned_state(Path(context.__file__)) == ["_Process"]
