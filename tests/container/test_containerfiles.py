"""The examples' Containerfiles and the template, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def instructions(containerfile: Path) -> list[str]:
    """The lines that do something."""
    lines = containerfile.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("example", ["ocr", "shots", "speech"])
def test_an_example_follows_the_template(repository: Path, example: str) -> None:
    followed = instructions(repository / "Containerfile.template")

    assert instructions(repository / "examples" / example / "Containerfile") == followed


def test_an_image_gets_its_dependencies_before_the_code(repository: Path) -> None:
    """So that a change of the code builds on the layers that are there."""
    lines = instructions(repository / "Containerfile.template")

    installs = next(number for number, line in enumerate(lines) if "pip install" in line)
    assert lines.index("COPY pyproject.toml /tmp/build/") < installs < lines.index("COPY *.py ./")
