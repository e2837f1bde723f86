"""`common-ml view`."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import pytest

from common_ml.cli.app import main
from common_ml.media.images import write_png
from tests.report.clip import picture
from tests.report.tags import run, write_tags

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was asked for; none is started."""
    addresses: list[str] = []

    def open_address(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_address)
    return addresses


@pytest.fixture
def tags(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    write_png(tmp_path / "media" / "a.png", picture(0))
    return write_tags(tmp_path / "tags.jsonl", [run(0, 0, file="media/a.png")])


def view(*arguments: object) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as stopped:
        main(["view", *map(str, arguments)])
    return int(stopped.value.code or 0)


def test_the_page_stands_beside_the_tags_and_opens(
    tags: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert view(tags) == 0

    page = tags.with_suffix(".html")
    assert opened == [page.as_uri()]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{page}\n", "")
    assert "./media/a.png" in page.read_text()


def test_what_a_run_wrote_needs_no_name(
    tags: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`common-ml run` writes tags.jsonl by default."""
    monkeypatch.chdir(tags.parent)

    assert view() == 0

    assert opened == [tags.with_suffix(".html").as_uri()]


def test_options(tags: Path, opened: list[str], tmp_path: Path) -> None:
    page = tmp_path / "other.html"

    assert view(tags, "-o", page, "--embed", "--no-open", "--params", '{"fps": 7}') == 0

    assert opened == []
    text = page.read_text()
    assert '"params":{"fps":7}' in text
    assert 'id="media-0"' in text
    assert "./media/a.png" not in text


def test_nothing_is_embedded_above_the_limit(tags: Path, tmp_path: Path) -> None:
    assert view(tags, "--embed", "--embed-limit", "0.0001", "--no-open") == 0

    text = tags.with_suffix(".html").read_text()
    assert 'id="media-0"' not in text
    assert "data:image/jpeg;base64," in text


def test_without_a_limit_all_is_embedded(tags: Path) -> None:
    assert view(tags, "--embed", "--embed-limit", "inf", "--no-open") == 0

    assert 'id="media-0"' in tags.with_suffix(".html").read_text()


def test_media_that_are_elsewhere(
    tags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "elsewhere"
    (tmp_path / "media").rename(moved)

    assert view(tags, "--no-open") == 0
    assert "1 of 1 files not found (media/a.png)" in capsys.readouterr().err

    assert view(tags, "--no-open", "--media", moved) == 0
    assert capsys.readouterr().err == ""
    assert "./elsewhere/a.png" in tags.with_suffix(".html").read_text()


def test_two_runs_are_compared(tags: Path, tmp_path: Path, opened: list[str]) -> None:
    later = write_tags(tmp_path / "later.jsonl", [run(0, 0, "other", file="media/a.png")])

    assert view(tags, later) == 0

    page = later.with_suffix(".html")
    assert opened == [page.as_uri()]
    assert '"compare":{"same":0,"moved":0,"new":1,"gone":1,"share":1.0}' in page.read_text()
    assert view(tags, later, tags) == 2


def test_no_browser(
    tags: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)

    assert view(tags) == 0

    assert "no browser found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["gone.jsonl"], 1, "no such tags file: 'gone.jsonl'; hint: `common-ml run` writes one"),
        (["tags.jsonl", "-o", "media"], 1, "error: Is a directory: 'media'"),
        (["tags.jsonl", "-o", "tags.jsonl"], 1, "the page would replace 'tags.jsonl'"),
        (["media/a.png"], 1, "media/a.png is a picture, expected a tags file"),
        (["media"], 2, "is a directory"),
        (["tags.jsonl", "--params", "{"], 2, "must be a JSON object"),
        (["tags.jsonl", "--params", "[1]"], 2, "must be a JSON object"),
    ],
)
def test_errors(
    tags: Path,
    arguments: list[str],
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tags.parent)

    assert view(*arguments) == status

    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_more_than_two_files_are_refused_with_the_way_to_one_page(
    tags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert view(tags, tags, tags, "--no-open") == 2
    line = " ".join(capsys.readouterr().err.split())
    assert "one tags file is shown, two are compared, got 3; hint: for one page" in line

    joined = tmp_path / "all.jsonl"
    joined.write_bytes(tags.read_bytes() * 3)
    assert view(joined, "--no-open") == 0
