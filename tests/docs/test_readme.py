"""The README, done as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import sections_of
from tests.docs.reader import REPOSITORY, read
from tests.docs.unrun import check_settings, check_setup

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.blocks import Section


@pytest.mark.parametrize(
    "section", sections_of(REPOSITORY / "README.md"), ids=lambda section: section.title
)
def test_a_section_does_what_it_shows(section: Section, tmp_path: Path) -> None:
    read(section, tmp_path)
    check_setup(section)
    check_settings(section)
