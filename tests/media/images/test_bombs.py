"""False headers, each read in a child of 1 GB of address space and 10 s: an error line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.media.images.bombs import all_bombs

if TYPE_CHECKING:
    from pathlib import Path

HARMLESS = {
    "tiff: a larger width comes second": "the first one counts, and the picture is there",
    "tiff: length of a strip": "the strip lies in the file all the same",
    "tiff: a strip that unpacks to 100 MB, not a picture": "no more is unpacked than a strip has",
    "heif: length of ipma": "a box ends where the file ends",
    "heif: length of iprp": "the same",
    "heif: length of meta": "the same",
    "gif: picture": "what lies beyond the screen is not shown",
}
"""Bombs of which a small picture may be read, and why."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("bombs")
    bombs = all_bombs()
    names = {f"{number:03}": name for number, name in enumerate(bombs)}
    for file, name in names.items():
        (folder / file).write_bytes(bombs[name])
    command = [sys.executable, "-m", "tests.media.images.bomb_child", str(folder)]
    # Without what measures coverage in children: it takes time and memory of its own.
    plain = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in lines] == list(names)
    return {names[line["name"]]: line for line in lines}


def test_every_bomb_ends_in_an_error_line(outcomes: dict[str, dict[str, Any]]) -> None:
    assert len(outcomes) >= 90
    for name, outcome in outcomes.items():
        assert outcome["status"] == 0, (name, outcome)
        expected = (
            r"(Decode|Limit)Error: .+" if name not in HARMLESS else r"read: \(\d+, \d+, 3\)|.*Error"
        )
        assert re.match(expected, outcome["text"]), (name, outcome)


def test_no_bomb_takes_memory_or_time(outcomes: dict[str, dict[str, Any]]) -> None:
    for name, outcome in outcomes.items():
        assert outcome["megabytes"] < 150, (name, outcome)
        assert outcome["seconds"] < 5, (name, outcome)
