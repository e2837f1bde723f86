"""What somebody does who reads a section: write its files, type its commands, compare."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.docs.blocks import Block, Section

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = REPOSITORY / "examples" / "media" / "clip.mp4"
END = "---- end of a command ----"

# Python runs this at its start. It tells, when a program ends, which files it executed: the
# modules, and the program itself, whose module has lost its `__file__` by then.
WITNESS = """
import atexit, os, sys

def tell():
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files.append(sys.argv[0])
    with open(os.environ["DOCS_EXECUTED"], "a") as log:
        log.writelines(f"{os.path.realpath(file)}\\n" for file in files if file)

atexit.register(tell)
"""


@dataclass(frozen=True)
class Command:
    """A command that is typed, and what is shown for it."""

    typed: str
    shown: str


def read(section: Section, folder: Path, *, earlier: Sequence[Block] = ()) -> None:
    """Do what a section says, and check what it shows and that all of its code is executed.

    Args:
        section: What is read.
        folder: An empty one.
        earlier: Python files that are there already.
    """
    work, hooks, executed = folder / "my-tagger", folder / "hooks", folder / "executed"
    (work / "media").mkdir(parents=True)
    (work / "media" / "clip.mp4").write_bytes(CLIP.read_bytes())
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(WITNESS)
    executed.touch()
    for block in earlier:
        (work / block.file_name).write_text(block.text, encoding="utf-8")
    for block in section.blocks:
        if block.language == "python":
            (work / block.file_name).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            _check_console(block, work, _environment(hooks, executed))
    files = {Path(line) for line in executed.read_text().splitlines()}
    for block in section.of("python"):
        path = (work / block.file_name).resolve()
        assert path in files, f"{block.place}: no command of this section runs {block.file_name}"


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block; a line without `$ ` is output of the one before."""
    before, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert before == "", f"{block.place}: a console block starts with `$ `"
    commands = [
        Command(typed, shown) for typed, _, shown in (part.partition("\n") for part in parts)
    ]
    for command in commands:
        assert command.shown.strip(". \n") or not command.shown, (
            f"{block.place}: `...` alone compares nothing"
        )
    return commands


def is_as_shown(output: str, shown: str) -> bool:
    """Whether they are equal; `...` in `shown` stands for anything within a line."""
    pattern = r"[^\n]*?".join(re.escape(part) for part in shown.split("..."))
    return re.fullmatch(pattern, output) is not None


def _check_console(block: Block, work: Path, environment: dict[str, str]) -> None:
    commands = commands_of(block)
    outputs = _outputs_of(commands, work, environment)
    for command, output in zip(commands, outputs, strict=True):
        assert is_as_shown(output, command.shown), (
            f"{block.place}: $ {command.typed}\n--- shown\n{command.shown}--- came\n{output}"
        )


def _outputs_of(commands: list[Command], work: Path, environment: dict[str, str]) -> list[str]:
    """Type the commands into one shell: what a terminal shows for each of them."""
    # The subshell puts $? back, as if nothing stood between a command and the next.
    script = "".join(
        f"{command.typed}\n__status=$?\necho '{END}'\n(exit $__status)\n" for command in commands
    )
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    *outputs, rest = done.stdout.split(f"{END}\n")
    assert rest == "", f"the shell said more than the commands did: {done.stdout}"
    assert len(outputs) == len(commands), f"the shell ended early: {done.stdout}"
    return outputs


def _environment(hooks: Path, executed: Path) -> dict[str, str]:
    """That of somebody who has activated the environment in which the package is installed."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(hooks),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DOCS_EXECUTED": str(executed),
    }
