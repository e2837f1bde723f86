"""The guide, done as it says: every block is run, and what it shows is what comes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import sections_of
from tests.docs.reader import REPOSITORY, commands_of, read
from tests.docs.unrun import check_settings, check_setup

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.blocks import Section

SECTIONS = sections_of(REPOSITORY / "docs" / "guide.md")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_a_section_does_what_it_shows(section: Section, tmp_path: Path) -> None:
    """Files of earlier sections are there, as in the folder of somebody who reads on."""
    earlier = SECTIONS[: SECTIONS.index(section)]

    read(section, tmp_path, earlier=[block for one in earlier for block in one.of("python")])
    check_setup(section)
    check_settings(section)


def test_no_file_has_two_meanings() -> None:
    """Whoever reads on overwrites nothing, and appends to no other section's tags."""
    names = Counter(block.file_name for one in SECTIONS for block in one.of("python"))
    assert [name for name, times in names.items() if times > 1] == []

    sections_by_output: dict[str, set[str]] = {}
    for section in SECTIONS:
        for block in section.of("console"):
            for command in commands_of(block):
                if "--output-path" in command.typed and "| python" in command.typed:
                    output = command.typed.partition("--output-path ")[2].split()[0]
                    sections_by_output.setdefault(output, set()).add(section.title)
    assert {output for output, users in sections_by_output.items() if len(users) > 1} == set()
