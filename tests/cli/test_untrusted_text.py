"""Names and messages of others on a terminal: literal, on one line, and bounded."""

from __future__ import annotations

import time

import pytest
from rich.console import Console

from common_ml.cli.app import main
from common_ml.cli.console import stderr, stdout
from common_ml.cli.summary import print_summary
from common_ml.cli.tally import Tally
from common_ml.cli.texts import MAX_MESSAGE, MAX_SHOWN, printable
from common_ml.tagging.messages import Error, Progress, Tag

TEXTS = [
    ":smile:",
    "[red]x[/red]",
    "[/]",
    "a :warning: b",
    "\x1b[31mred",
]


def printed(tally: Tally) -> str:
    console = Console(width=80, emoji=False, highlight=False, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_summary(tally, console)
    return captured.get()


@pytest.mark.parametrize("console", [stdout, stderr])
def test_the_consoles_know_no_emoji_codes(console: Console) -> None:
    with console.capture() as captured:
        console.print("a :smile: b")

    assert captured.get() == "a :smile: b\n"


@pytest.mark.parametrize("text", TEXTS)
def test_tags_tracks_and_files_are_literal(text: str) -> None:
    tally = Tally.of([text])
    tally.add(Tag(0, 0, text, text, text))
    tally.add(Progress(text))

    shown = text.replace("\x1b", "\\x1b")
    assert printed(tally).count(shown) == 3


@pytest.mark.parametrize("text", TEXTS)
def test_errors_are_literal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["view", f"/no/such/{text}"])

    assert f"/no/such/{text}".replace("\x1b", "\\x1b") in capsys.readouterr().err


def test_a_tag_of_a_megabyte_is_cut() -> None:
    """Folding it into a column took for ever."""
    text = "x" * 1_000_000
    tally = Tally.of([text])
    tally.add(Tag(0, 0, text, text, text))
    tally.add(Error(text, text))

    start = time.process_time()
    lines = printed(tally).splitlines()

    assert len(lines) < 40
    assert all(len(line) <= 80 for line in lines)
    assert time.process_time() - start < 5


def test_a_cut_is_marked() -> None:
    assert printable("x" * MAX_MESSAGE) == "x" * MAX_MESSAGE
    assert printable("x" * (MAX_MESSAGE + 1)) == "x" * MAX_MESSAGE + "…"
    assert printable("ab\n", limit=1) == "a…"
    assert MAX_SHOWN < MAX_MESSAGE
