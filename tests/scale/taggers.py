"""Taggers for films that are numbers of bytes, and what they write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtime.programs import program

if TYPE_CHECKING:
    from pathlib import Path

MANY_TAGS = """
for line in lines:
    size = os.path.getsize(line)
    for number in range(size % 37):
        tag(line, "x" * (number * size % 700), start=number, end=number + size)
    if size % 23 == 0:
        put("error", message=f"too dark: {line}", source_media=line)
    else:
        put("progress", source_media=line)
"""
"""As many tags as the size says, of lengths that need padding; some files fail."""

KILLS = """
for line in lines:
    tag(line, "begun")
    if "poison" in line:
        os.kill(os.getppid() if "worker" in line else os.getpid(), signal.SIGKILL)
    put("progress", source_media=line)
"""
"""Ends itself, or what started it, if the name of a film says so."""

GATED = """
gate = os.path.join(os.path.dirname(sys.argv[0]), "gate")
for line in lines:
    tag(line, str(os.getpid()))
    begun = f"{gate}.{os.path.basename(line)}.begun"
    with open(f"{begun}.new", "w") as file: file.write(str(os.getpid()))
    os.replace(f"{begun}.new", begun)
    while "long" in line and not os.path.exists(gate):
        time.sleep(0.01)
    put("progress", source_media=line)
"""
"""Does not finish long films before there is a file `gate` beside the program.

Writes there that it has begun, with its process."""


def films_in(folder: Path, number: int, *, step: int = 131) -> list[str]:
    """Make films of different sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(number):
        (folder / f"{place:03}.mp4").write_bytes(b"x" * (place * step + 1))
    return sorted(str(path) for path in folder.iterdir())


def tagger_in(folder: Path, body: str) -> str:
    """Write a tagger; return its program."""
    return str(program(folder, body))
