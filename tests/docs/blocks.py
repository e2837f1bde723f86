"""The fenced blocks of a Markdown document, by section."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = frozenset({"console", "json", "python", "sh", "toml"})
"""What a test knows to do something with."""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str
    place: str
    """`guide.md:12`, the line of its opening fence."""

    @property
    def file_name(self) -> str:
        """The file that the block is, as the comment on its first line says."""
        named = re.match(r"# ([\w./-]+\.(?:py|toml))\n", self.text)
        assert named, f"{self.place}: the first line must name the file, as in `# main.py`"
        return named[1]


@dataclass
class Section:
    """What stands between two headings of the second level."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def of(self, language: str) -> list[Block]:
        """The blocks in one language."""
        return [block for block in self.blocks if block.language == language]


def sections_of(document: Path) -> list[Section]:
    """The sections of a document, also those without blocks.

    A block that could be overlooked (indented, or in a language that no test runs) fails.
    """
    sections = [Section(document.name)]
    for line_number, line, inside in _lines(document):
        place = f"{document.name}:{line_number}"
        if isinstance(inside, str):
            sections[-1].blocks.append(Block(line, inside, place))
        elif line.startswith("## "):
            sections.append(Section(line[3:].strip()))
        else:
            assert not line.startswith(("    ", "\t")), f"{place}: put code into a fenced block"
    return sections


def _lines(document: Path) -> Iterator[tuple[int, str, str | None]]:
    """Lines outside of blocks; and each block as its line, its language and its text."""
    start, language, body = 0, "", [""]
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        is_fence = line.lstrip().startswith(("```", "~~~"))
        if start and line == "```":
            yield start, language, "".join(body)
            start = 0
        elif start:
            body.append(line + "\n")
        elif is_fence:
            start, language, body = number, line[3:], []
            known = line.startswith("```") and language in LANGUAGES
            assert known, f"{document.name}:{number}: no test runs blocks like this: {line}"
        else:
            yield number, line, None
    assert not start, f"{document.name}:{start}: this block has no end"
