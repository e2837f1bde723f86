"""No block of a document escapes: what cannot be run, or shows what does not come, fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import Block, Section, sections_of
from tests.docs.reader import commands_of, is_as_shown, read
from tests.docs.unrun import check_setup

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```\nx = 1\n```\n", "no test runs blocks like this"),
        ("```pycon\n>>> 1\n```\n", "no test runs blocks like this"),
        ("~~~python\n~~~\n", "no test runs blocks like this"),
        ("- a list\n  ```python\n  ```\n", "no test runs blocks like this"),
        ("    x = 1\n", "put code into a fenced block"),
        ("```python\n# a.py\n", "this block has no end"),
    ],
)
def test_a_block_that_could_be_overlooked_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    document = tmp_path / "guide.md"
    document.write_text(f"# Title\n\n{text}")
    with pytest.raises(AssertionError, match=complaint):
        sections_of(document)


def test_blocks_belong_to_the_section_they_stand_in(tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text("# T\n## A\n```python\n# a.py\n## no heading\n```\n## B\n```sh\nls\n```\n")
    sections = sections_of(document)
    assert [section.title for section in sections] == ["guide.md", "A", "B"]
    assert sections[1].blocks == [Block("python", "# a.py\n## no heading\n", "guide.md:3")]
    assert sections[1].blocks[0].file_name == "a.py"
    assert sections[2].blocks == [Block("sh", "ls\n", "guide.md:8")]


def test_code_that_no_command_runs_fails(tmp_path: Path) -> None:
    section = Section("A", [python("idle.py"), python("busy.py"), console("$ python busy.py\n")])
    with pytest.raises(AssertionError, match=r"no command of this section runs idle\.py"):
        read(section, tmp_path)


def test_code_that_is_imported_counts_as_run(tmp_path: Path) -> None:
    main = Block("python", "# main.py\nimport model\n", "guide.md:5")
    read(Section("A", [python("model.py"), main, console("$ python main.py\n")]), tmp_path)


def test_other_output_than_shown_fails(tmp_path: Path) -> None:
    section = Section("A", [console("$ echo one\none\n$ (exit 3)\n$ echo $?\n0\n")])
    with pytest.raises(AssertionError, match=r"guide\.md:1: \$ echo \$\?\n--- shown\n0\n.*\n3\n"):
        read(section, tmp_path)


def test_dots_stand_for_anything_within_a_line() -> None:
    assert is_as_shown("12:00 INFO a [x]\n", "... INFO a [x]\n")
    assert not is_as_shown("12:00 INFO a [x]\n", "... INFO b [x]\n")
    assert not is_as_shown("one\ntwo\n", "...\n")
    assert not is_as_shown("one\n", "")


def test_dots_alone_are_refused() -> None:
    with pytest.raises(AssertionError, match="compares nothing"):
        commands_of(console("$ date\n...\n"))


@pytest.mark.parametrize("line", ["make no-such-target", "cp examples/none .", "curl example.org"])
def test_a_setup_that_leads_nowhere_fails(line: str) -> None:
    with pytest.raises(AssertionError, match=line):
        check_setup(Section("A", [Block("sh", f"{line}\n", "guide.md:1")]))


def python(name: str) -> Block:
    return Block("python", f"# {name}\n", "guide.md:1")


def console(text: str) -> Block:
    return Block("console", text, "guide.md:1")
