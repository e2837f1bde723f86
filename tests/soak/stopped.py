"""SIGTERM at a random moment, also as PID 1: how soon the tagger ends, and what it leaves.

python -m tests.soak.stopped [NUMBER OF RUNS, 100 by default] [OF THESE AS PID 1, 20 by default]
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.media import bad_media

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = """
    import ctypes, os, time
    from common_ml import AVModel, Tag, catch_errors, run_default
    from common_ml.media.decode import sample
    from common_ml.tagging import cancelled

    class Model(AVModel):
        def tag(self, fpath):
            return getattr(self, fpath.split()[0])(fpath)

        def written(self, fpath):
            return (Tag(tag=f"{n} " + "x" * (n * 997 % 20_000)) for n in range(100))

        def endless(self, fpath):
            return (Tag(tag=f"{n} " + "x" * (n * 997 % 20_000)) for n in range(10**9))

        def blocked(self, fpath):  # one step of Python, without the GIL
            mutex = ctypes.create_string_buffer(64)
            for _ in range(2):
                ctypes.CDLL(None).pthread_mutex_lock(mutex)

        def asks(self, fpath):
            while not cancelled():
                time.sleep(0.01)
            return [Tag(tag="half")]

        def decodes(self, fpath):
            while True:
                with sample(os.environ["CLIP"], fps=24) as stream:
                    for frame in stream:
                        yield Tag(tag=str(frame.rgb.shape))

    with catch_errors():
        os.write(int(os.environ["READY"]), b"!")
        time.sleep(float(os.environ["PREPARES"]))
        run_default(Model())
"""
KINDS = ("idle", "prepares", "endless", "blocked", "asks", "decodes", "written")
"""What the tagger is at when the signal comes, after some files that it could finish."""
AS_PID_1 = ("unshare", "--pid", "--fork", "--kill-child")
MAX_SECONDS = 2.0


@dataclass(frozen=True)
class End:
    """How a run ended."""

    kind: str
    seconds: float
    """From the signal to the end of the process."""


def stopped(
    folder: Path, clip: Path, dice: random.Random, *, launcher: tuple[str, ...] = ()
) -> End:
    """Start a tagger, send it SIGTERM at a random moment, look at what is left.

    Raises:
        AssertionError: it is not as documented.
    """
    kind = dice.choice(KINDS)
    main, output = folder / "main.py", folder / "tags.jsonl"
    main.write_text(textwrap.dedent(MAIN))
    output.unlink(missing_ok=True)
    files = [f"written {n}" for n in range(dice.randrange(20))]
    files += [] if kind in ("idle", "prepares") else [f"{kind} at last", "written never"]
    ready, write_ready = os.pipe()
    environment = {
        **os.environ,
        "READY": str(write_ready),
        "PREPARES": "60" if kind == "prepares" else "0",
        "CLIP": str(clip),
    }
    command = [*launcher, sys.executable, str(main), "--output-path", str(output)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        pass_fds=[write_ready],
    ) as process:
        os.close(write_ready)
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("".join(f"{file}\n" for file in files).encode())
        process.stdin.flush()  # and left open
        assert os.read(ready, 1) == b"!"
        os.close(ready)
        time.sleep(dice.random() * dice.choice((0.01, 1.0)))  # the moment is what is random
        python = _python_of(process, launcher)
        with _ahead_of_others(python):
            start = time.monotonic()
            os.kill(python, signal.SIGTERM)
            stderr = process.stderr.read().decode()
            status = process.wait()
            seconds = time.monotonic() - start
    assert status == 143, (kind, status, stderr)
    assert seconds < MAX_SECONDS, (kind, seconds, stderr)
    _check(output.read_bytes() if output.exists() else b"", files, stderr)
    return End(kind, seconds)


def _python_of(process: subprocess.Popen[bytes], launcher: tuple[str, ...]) -> int:
    if not launcher:
        return process.pid
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


@contextmanager
def _ahead_of_others(pid: int) -> Iterator[None]:
    """Let what else the machine does not count, where the user may say so."""
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for thread in (*threads, 0):
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, -15)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, own)


def _check(content: bytes, files: list[str], stderr: str) -> None:
    """Whole lines; `progress` for what is finished, and for nothing else; and that is said."""
    assert content == b"" or content.endswith(b"\n"), content[-100:]
    messages = [json.loads(line) for line in content.splitlines()]
    assert {message["type"] for message in messages} <= {"tag", "progress"}
    num_tags = Counter(m["data"]["source_media"] for m in messages if m["type"] == "tag")
    finished = [m["data"]["source_media"] for m in messages if m["type"] == "progress"]
    assert finished == files[: len(finished)]
    assert all(num_tags[file] == 100 for file in finished)
    assert not any(file.split()[0] != "written" for file in finished)
    said = re.search(r"(\d+) files finished, 0 failed, (\d+) not finished", stderr)
    if said is None:  # before the loop there is nothing to tell
        assert content == b""
    else:
        assert int(said[1]) == len(finished)
        assert int(said[1]) + int(said[2]) <= len(files)


def can_be_pid_1() -> bool:
    """Whether this user may make a PID namespace."""
    if shutil.which(AS_PID_1[0]) is None:
        return False
    done = subprocess.run([*AS_PID_1, "true"], capture_output=True, check=False)
    return done.returncode == 0


def main() -> None:
    """Run all, and print what happened."""
    number, num_as_pid_1 = [*map(int, sys.argv[1:]), *(100, 20)[len(sys.argv) - 1 :]]
    ends: list[End] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = bad_media.good_clip("mp4_index_first", folder)
        for seed in range(number):
            dice = random.Random(seed)
            launcher = AS_PID_1 if seed < num_as_pid_1 else ()
            ends.append(stopped(folder, clip, dice, launcher=launcher))
    print(
        f"{number} runs, {num_as_pid_1} of them as PID 1: status 143, whole lines, no progress of"
        " what was not finished; seconds to the end:"
    )
    for kind in KINDS:
        of_kind = sorted(end.seconds for end in ends if end.kind == kind)
        if of_kind:
            print(
                f"  {kind}: {len(of_kind)} runs,"
                f" median {of_kind[len(of_kind) // 2]:.2f}, at most {of_kind[-1]:.2f}"
            )


if __name__ == "__main__":
    main()
