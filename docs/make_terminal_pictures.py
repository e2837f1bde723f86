"""The pictures of a terminal that docs/workbench.md shows; run by hand, as below.

    python docs/make_terminal_pictures.py

Types the commands of PICTURES in an empty folder with the clip of the examples, as a newcomer
would, and keeps what a terminal shows for each as an SVG in docs/images/.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CLIP = ROOT / "examples" / "media" / "clip.mp4"
COLUMNS = 84


class Picture(NamedTuple):
    """What is typed, and what is kept of what is shown."""

    name: str
    command: str
    before: str = ""
    """Done before it, and not shown."""
    parts: tuple[slice, ...] = (slice(None),)
    """Lines that are kept; between two parts stands `...`."""
    status: int = 0
    """With which it must end."""


BREAK = "sed -i 's/saturation=saturation/saturation=id(object())/' my-tagger/model.py"
MEND = "sed -i 's/saturation=id(object())/saturation=saturation/' my-tagger/model.py"

PICTURES = (
    Picture("workbench-init", "common-ml init my-tagger"),
    Picture("workbench-run", "common-ml run my-tagger clip.mp4"),
    Picture(
        "workbench-check",
        "common-ml check my-tagger",
        parts=(slice(0, 8), slice(-8, None)),
    ),
    Picture(
        "workbench-check-failed",
        "common-ml check my-tagger --only unique-tags --only same-twice",
        before=BREAK,
        status=1,
    ),
    Picture(
        "workbench-describe", "common-ml describe my-tagger", before=MEND, parts=(slice(0, 24),)
    ),
    Picture("workbench-bench", "common-ml bench my-tagger clip.mp4 -p fps=24"),
    Picture(
        "workbench-diff",
        "common-ml diff tags.jsonl darker.jsonl --limit 8",
        before="common-ml run my-tagger clip.mp4 -p dark_below=0.3 -o darker.jsonl",
    ),
)


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(CLIP, Path(folder) / "clip.mp4")
        for picture in PICTURES:
            if picture.before:
                typed(picture.before, folder)
            done = typed(picture.command, folder)
            if done.returncode != picture.status:
                sys.exit(f"{picture.command} ended with {done.returncode}:\n{done.stdout}")
            path = IMAGES / f"{picture.name}.svg"
            path.write_text(drawn(picture, done.stdout), encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def typed(command: str, folder: str) -> subprocess.CompletedProcess[str]:
    """Run a command as in a terminal with colours; both of its streams as they come.

    Progress bars and spinners go to a terminal alone, so there are none.
    """
    environment = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "FORCE_COLOR": "1",
        "TTY_INTERACTIVE": "0",
        "COLUMNS": str(COLUMNS),
        "COLORTERM": "truecolor",
        "TERM": "xterm-256color",
    }
    return subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


def drawn(picture: Picture, shown: str) -> str:
    """A picture of the command and what it shows."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ ", style="bold green").append(picture.command, style="bold default"))
    lines = without_cursor_moves(shown).rstrip().split("\n")
    for number, part in enumerate(picture.parts):
        if number:
            console.print(Text("...", style="dim"))
        for line in lines[part]:
            console.print(Text.from_ansi(line), soft_wrap=False)
    svg = console.export_svg(title="", theme=DIMMED_MONOKAI, unique_id=picture.name)
    # fonts from the network have no place in a document
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def without_cursor_moves(shown: str) -> str:
    """What is left on a screen of text that was written over: colours stay."""
    shown = re.sub(r"\x1b\[\?25[lh]", "", shown)
    kept = []
    for line in shown.replace("\r\n", "\n").split("\n"):
        last = re.split(r"\r|\x1b\[2K|\x1b\[1A", line)[-1]
        kept.append(last)
    return "\n".join(kept)


if __name__ == "__main__":
    main()
