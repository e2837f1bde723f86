"""Taggers in a few lines of plain Python: what each does stands in its name."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import json, os, signal, sys, time

output = open(sys.argv[sys.argv.index("--output-path") + 1], "a", encoding="utf-8")

def put(kind, **data):
    output.write(json.dumps({"type": kind, "data": data}) + "\\n")
    output.flush()

def tag(line, text, track="", start=0, end=0):
    put("tag", start_time=start, end_time=end, tag=text, source_media=line, track=track,
        additional_info=None, frame_info=None)

lines = (line.rstrip("\\n") for line in sys.stdin)
"""

HONEST = """
for line in lines:
    if os.path.exists(line):
        tag(line, "size", start=0, end=os.path.getsize(line))
        put("progress", source_media=line)
    else:
        put("error", message=f"no such file: {line}", source_media=line)
        if "continue_on_error" not in " ".join(sys.argv):
            sys.exit(1)
"""
"""Tags every file with its size, as milliseconds."""

DIES = """
next(lines)
print("about to die", file=sys.stderr)
os.kill(os.getpid(), signal.SIGKILL)
"""
"""Without a message."""

SILENT = """
print("thinking", file=sys.stderr, flush=True)
for line in lines:
    pass
signal.pause()
"""
"""Reads all, and neither writes nor ends."""

STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in lines:
    put("progress", source_media=line)
    signal.pause()
"""
"""Ignores SIGTERM."""

DEAF = """
put("progress_ratio", progress=0.5)
signal.pause()
"""
"""Never reads its stdin."""


def command(folder: Path, body: str) -> list[str]:
    """The command of a tagger whose program is written into `folder`."""
    return [sys.executable, "-u", str(program(folder, body))]


def program(folder: Path, body: str) -> Path:
    """A `main.py` with `body`, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "main.py"
    path.write_text(HEAD + textwrap.dedent(body), encoding="utf-8")
    return path
