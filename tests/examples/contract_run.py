"""An example's `main.py` as a child process, started as the contract says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CLIP = EXAMPLES / "media" / "clip.mp4"
TRUTH: dict[str, Any] = json.loads((EXAMPLES / "media" / "clip.json").read_text())
"""What `make_clip.py` drew and mixed: words, cuts and speech, in frames and seconds."""

# Nothing listens on port 9: a model that tries to download something fails.
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    exit_status: int
    messages: list[dict[str, Any]]
    """Lines of the output file, decoded, in order."""
    stdout: str
    stderr: str

    def data(self, wire_type: str) -> list[dict[str, Any]]:
        """The data of the messages of one type, in order."""
        return [message["data"] for message in self.messages if message["type"] == wire_type]


def need(*modules: str) -> pytest.MarkDecorator:
    """Skip where the libraries of an example are not installed (`pip install .[examples]`)."""
    missing = [module for module in modules if find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def run_example(
    name: str,
    work: Path,
    files: dict[str, Path | bytes],
    params: dict[str, Any] | None = None,
) -> Outcome:
    """Start an example in `work`, send it the names of `files` on stdin, end the input, wait.

    Args:
        name: The example's folder.
        work: An empty folder, which becomes the working directory.
        files: Path relative to `work` -> a file to copy there, or its content.
        params: The value of `--params`; left out if None.
    """
    for relative, source in files.items():
        place = work / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            place.write_bytes(source)
        else:
            shutil.copyfile(source, place)
    output = work / "tags.jsonl"
    main = EXAMPLES / name / "main.py"
    command = [sys.executable, "-u", str(main), "--output-path", str(output)]
    if params is not None:
        command += ["--params", json.dumps(params)]
    done = subprocess.run(
        command,
        cwd=work,
        env={**os.environ, **OFFLINE},
        input="".join(f"{relative}\n" for relative in files),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    messages = [json.loads(line) for line in lines]
    return Outcome(done.returncode, messages, done.stdout, done.stderr)
