"""Ctrl-C and SIGTERM at each stage of a run on Ray: its status, one report, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.cli.running import COMMAND, common_ml
from tests.scale.ray_marks import RAY_MARKS
from tests.scale.taggers import GATED, MANY_TAGS, films_in, tagger_in
from tests.scale.test_ray import ends, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("ray")
pytestmark = RAY_MARKS

RUN = ["run", "tagger", "films", "-o", "tags.jsonl", "--on", "ray", "--max-taggers", "1"]
STARTING = """
import os, sys
import ray
from common_ml.cli.app import main

init = ray.init

def interrupted(**options):
    if "%(moment)s" == "before":
        os.kill(os.getpid(), %(number)d)
    init(**options)
    if "%(moment)s" == "after":
        os.kill(os.getpid(), %(number)d)

ray.init = interrupted
main(sys.argv[1:])
"""
"""The command, with a signal just before or after the cluster starts."""


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, "before"), (signal.SIGTERM, "after"), (signal.SIGINT, "before")],
)
def test_while_the_cluster_starts(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    films_in(tmp_path / "films", 2)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    mark = uuid4().hex
    program = STARTING % {"number": number, "moment": moment}
    done = subprocess.run(
        [sys.executable, "-c", program, *RUN],
        cwd=tmp_path,
        env={**os.environ, "COMMON_ML_TEST": mark},
        capture_output=True,
        text=True,
        check=False,  # compared below
    )

    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert "0 files tagged, 2 not tagged" in done.stderr
    for descriptor in descriptors_of(mark):
        assert ends(descriptor, within_seconds=60)
    assert common_ml(*RUN, "--resume", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_while_a_film_is_tagged(tmp_path: Path, number: signal.Signals) -> None:
    films_in(tmp_path / "films", 2)
    (tmp_path / "films" / "long.mp4").write_bytes(b"x" * 10_000)  # the first: it is the longest
    tagger_in(tmp_path / "tagger", GATED)
    mark = uuid4().hex
    with subprocess.Popen(
        [*COMMAND, *RUN],
        cwd=tmp_path,
        env={**os.environ, "COMMON_ML_TEST": mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        wait_for(tmp_path / "tagger" / "gate.long.mp4.begun")
        descriptors = list(descriptors_of(mark))
        run.send_signal(number)
        _, stderr = run.communicate()

    assert run.returncode == 128 + number, stderr
    assert "Traceback" not in stderr
    assert " not tagged" in stderr
    assert len(descriptors) > 2  # of the run, its tagger, and the cluster
    for descriptor in descriptors:
        assert ends(descriptor, within_seconds=60)
    (tmp_path / "tagger" / "gate").touch()
    done = common_ml(*RUN, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def descriptors_of(mark: str) -> Iterator[int]:
    """Descriptors of all processes that have a mark in their environment."""
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                yield os.pidfd_open(int(folder.name))
