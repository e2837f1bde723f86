"""Blocks that install, build or start containers: not run, but what they name must be there."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common_ml.cli.app import app

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.blocks import Section

REPOSITORY = Path(__file__).resolve().parents[2]


def check_setup(section: Section) -> None:
    """Check the `sh` blocks, line by line."""
    for block in section.of("sh"):
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                checks = [check for start, check in SETUP.items() if line.startswith(start)]
                assert checks, f"{block.place}: no test checks commands like this: {line}"
                assert checks[0](words), f"{block.place}: {line}"


def check_settings(section: Section) -> None:
    """Check the `toml` blocks: each is a `pyproject.toml` that the container's template takes."""
    for block in section.of("toml"):
        assert block.file_name == "pyproject.toml", block.place
        settings = tomllib.loads(block.text)
        names = {re.split(r"[<>=~]", name)[0] for name in settings["project"]["dependencies"]}
        assert "common-ml" in names, block.place
        # Without it setuptools takes every folder of the repo for a package, and refuses.
        assert settings["tool"]["setuptools"] == {"py-modules": []}, block.place


def _is_target(words: list[str]) -> bool:
    """Whether the Makefile has it: `make TARGET`, or `make -C FOLDER TARGET`."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return re.search(rf"^{re.escape(words[-1])}:", makefile, flags=re.MULTILINE) is not None


def _is_in_clone(words: list[str]) -> bool:
    """Whether what `cp` copies stands in the clone, or is the wheel that `make wheel` builds."""
    source = words[1].removeprefix("../common-ml/")
    return (REPOSITORY / source).exists() or source == "dist/common_ml-*.whl"


def _fits_contract(words: list[str]) -> bool:
    """Whether `podman run` mounts the folders, and names the output in one of them."""
    mounts = [words[i + 1].rpartition("/elv/")[2] for i, word in enumerate(words) if word == "-v"]
    output = words[words.index("--output-path") + 1]
    return mounts == ["media:ro", "output"] and output.startswith("/elv/output/")


def _is_verb(words: list[str]) -> bool:
    """Whether the command `common-ml` has it."""
    group = typer.main.get_command(app)
    return words[1] in getattr(group, "commands", {})


def _needs_nothing(words: list[str]) -> bool:
    return bool(words)


SETUP: dict[str, Callable[[list[str]], bool]] = {
    ". ": _needs_nothing,
    "cd ": _needs_nothing,
    "common-ml ": _is_verb,
    "cp ": _is_in_clone,
    "echo media/clip.mp4 | podman run ": _fits_contract,
    "make ": _is_target,
    "mkdir ": _needs_nothing,
    "pip install .": _needs_nothing,
    "pip install '.[cli]'": _needs_nothing,
    "pip wheel . --no-deps": _needs_nothing,
    "podman build ": _needs_nothing,
    "python3 -m venv ": _needs_nothing,
}
"""Start of a command -> what can be said of it without doing it."""
