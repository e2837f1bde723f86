"""Help in two columns at 80, and one style of errors that end in what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import typer

from common_ml.cli.app import app, main
from common_ml.cli.help import use_plain_help

if TYPE_CHECKING:
    from collections.abc import Iterator


def verbs(command: Any, name: str = "") -> Iterator[list[str]]:
    """The words of every verb, at every depth."""
    for below, each in getattr(command, "commands", {}).items():
        words = [*name.split(), below]
        yield words
        yield from verbs(each, " ".join(words))


VERBS = [[], *verbs(typer.main.get_command(app))]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_help_fits_and_has_two_columns(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *words, "--help")

    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"Usage: {' '.join(['common-ml', *words])} ")
    rows = [line for line in lines if re.match(r"  -", line)]
    assert rows, "no options"
    for row in rows:  # names, then at most one gap, then text
        assert len(re.split(r" {2,}", row.strip())) <= 2, row
    shown = re.sub(r"\b[A-Z_]+\b", "", out)
    assert not re.search(
        r"[╭│]|<(?:str|int|path|bool|float|list)\b|\brange\b \[|\[/?bold\]|\bint\b|\bstr\b", shown
    )


def test_types_are_words_and_defaults_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "run", "--help")

    text = " ".join(out.split())
    assert "-j, --jobs NUMBER Number of taggers" in text
    assert "(at least 1; default 1)" in text
    assert "-o, --output PATH The tags file. An existing one is kept beside it. (default" in text
    assert "-v, --verbose Show the log" in text


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("run", "missing MAIN_OR_IMAGE; hint: common-ml run my-tagger films/ -p fps=2 -o tags"),
        ("run main.py", "missing FILES; hint: common-ml run my-tagger films/ -p fps=2 -o tags"),
        ("run m a.mp4 --fps 2", "no such option: --fps; hint: -p fps=2"),
        ("run m a.mp4 --fps=0.5", "no such option: --fps; hint: -p fps=0.5"),
        ("run m a.mp4 --FPS 2", "no such option: --FPS; hint: -p fps=2"),
        ("run m a.mp4 --max-pixels 9", "no such option: --max-pixels; hint: -O max_pixels=9"),
        (
            "run m a.mp4 --threshold 1",
            "no such option: --threshold; hint: params of the tagger go as -p threshold=1",
        ),
        ("run m a.mp4 --otput x", "no such option: --otput; hint: did you mean --output?"),
        ("run m a.mp4 -j x", "expected a whole number; hint: common-ml run --help"),
        ("rnu", "no such command 'rnu'; hint: did you mean 'run'?"),
        ("view tags.jsonl --fps 2", "no such option: --fps; hint: common-ml view --help"),
        ("diff a", "missing "),
    ],
)
def test_a_mistake_is_one_line_that_ends_in_a_hint(
    given: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *given.split())

    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert error in err
    assert err.count("\n") == 1
    assert "; hint: " in err


def test_without_arguments_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys)
    assert "Commands:\n  init " in out
    _, out, _ = run(capsys, "data")
    assert "Usage: common-ml data" in out


def test_colour_is_left_out_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    command = typer.main.get_command(app)
    use_plain_help(command)
    context = command.make_context("common-ml", [], resilient_parsing=True)
    assert "\x1b[1m" in command.get_help(context)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in command.get_help(context)
