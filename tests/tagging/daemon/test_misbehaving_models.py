"""Whatever a model does, each file ends once, the process ends, and nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.tagging.daemon.misbehaving import BAD, GOOD, KINDS, PROGRAM, Case

MAX_SECONDS = 30
"""Only to end a test that would hang: all waits are for the end of the process."""
GRACE_SECONDS = 0.3
FILES = (GOOD[0], BAD, GOOD[1])


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{kind}-{case.name}", marks=[] if place < 2 else [pytest.mark.slow])
        for kind, cases in KINDS.items()
        for place, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", _cases())
def test_a_misbehaving_model(case: Case, tmp_path: Path) -> None:
    status, stderr, leftovers = _run(case, tmp_path)
    messages = [
        json.loads(line) for line in (tmp_path / "tags.jsonl").read_text("utf-8").splitlines()
    ]
    if case.name == "the_output_is_renamed":
        assert "it was renamed while the tagger runs" in messages[0]["data"]["message"]
    errors = [m["data"] for m in messages if m["type"] == "error"]
    finished = [m["data"]["source_media"] for m in messages if m["type"] == "progress"]

    assert (status, leftovers) == (case.status, []), stderr[-3000:]
    expected = GOOD if case.error is not None else FILES
    assert finished == list(expected if case.only is None else case.only), stderr[-3000:]
    assert [error["message"][: len(case.error or "")] for error in errors] == (
        [case.error] * case.num_errors if case.error is not None else []
    )
    assert re.search(case.stderr, stderr), stderr[-3000:]
    assert "\x1b" not in stderr
    assert "Exception in thread" not in stderr


def _run(case: Case, folder: Path) -> tuple[int, str, list[str]]:
    """Run the model; its status, its stderr, and what it left behind."""
    for name in FILES:
        (folder / name).write_text("as it was")
    main = folder / "main.py"
    main.write_text(
        PROGRAM
        % {
            "start": textwrap.indent(case.start, " " * 8).strip(),
            "before": textwrap.indent(case.before, " " * 4).strip(),
            "bad": textwrap.indent(case.bad, " " * 12).strip(),
        }
    )
    before = {path.name for path in folder.iterdir()} | {"tags.jsonl", "other.jsonl", BAD}
    params = {"continue_on_error": True, "common_ml": {"exit_grace_seconds": GRACE_SECONDS}}
    with (folder / "stderr").open("w+b") as stderr:
        process = subprocess.Popen(
            [sys.executable, main, "--output-path", "tags.jsonl", "--params", json.dumps(params)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            for place, name in enumerate(FILES, start=1):
                process.stdin.write(f"{name}\n".encode())
                if case.one_by_one or place == len(FILES):
                    process.stdin.flush()
                if case.one_by_one:
                    _wait_for_progress(folder / "tags.jsonl", place)
            if case.stop:
                _wait_for_progress(folder / "tags.jsonl", len(FILES))
                number = signal.Signals[case.stop]
                _wait_for_handler(process.pid, number)
                process.send_signal(number)
            else:
                process.stdin.close()
            status = process.wait(MAX_SECONDS)
            leftovers = [f"process {pid}" for pid in _lasting_session(process.pid)]
        finally:
            for pid in _session(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()
            process.stdin.close()
        text = (folder / "stderr").read_text("utf-8")
    after = {path.name for path in folder.iterdir()} - {"stderr"}
    return status, text, leftovers + sorted(after - before)


def _wait_for_progress(output: Path, number: int) -> None:
    """Wait until so many files have their progress; the file is polled, as a runtime does."""
    for _ in range(MAX_SECONDS * 50):
        if output.exists() and output.read_bytes().count(b'"progress"') == number:
            return
        select.select([], [], [], 0.02)
    raise AssertionError(f"not {number} progress lines within {MAX_SECONDS} s")


def _wait_for_handler(pid: int, number: signal.Signals) -> None:
    """Wait until a signal is handled again that a model ignored: before that it would be lost."""
    for _ in range(MAX_SECONDS * 50):
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught >> (number - 1) & 1:
            return
        select.select([], [], [], 0.02)
    raise AssertionError(f"{number.name} is not handled within {MAX_SECONDS} s")


def _lasting_session(leader: int) -> list[int]:
    """The processes of a session that do not end by themselves, as a forked child may just do."""
    for pid in _session(leader):
        with suppress(ProcessLookupError):
            ended = os.pidfd_open(pid)
            select.select([ended], [], [], MAX_SECONDS)
            os.close(ended)
    return _session(leader)


def _session(leader: int) -> list[int]:
    """The processes of a session that still run; zombies do not."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended in between
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found
