"""`common-ml diff`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common_ml.cli.app import main
from common_ml.cli.diff import MAX_FILES
from common_ml.tagging.messages import Error, Progress
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def before(tmp_path: Path) -> Path:
    tags = [run(0, 1000), seen(200, "dog", (0.0, 0.0, 0.5, 0.5)), run(0, 500, "car", track="shots")]
    return write_tags(tmp_path / "a.jsonl", [*tags, Progress(FILE)])


@pytest.fixture
def after(tmp_path: Path) -> Path:
    tags = [run(0, 900), seen(200, "dog", (0.0, 0.0, 0.5, 0.5)), run(0, 500, "b[us", track="shots")]
    return write_tags(tmp_path / "b.jsonl", [*tags, Progress(FILE)])


def diff(*arguments: object) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as stopped:
        main(["diff", *map(str, arguments)])
    return int(stopped.value.code or 0)


def test_a_table_and_the_changes(
    before: Path, after: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(before, after) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines == [
        ["track", "same", "moved", "added", "gone", "changed"],
        ["(default)", "1", "1", "0", "0", "50.00%"],
        ["shots", "0", "0", "1", "1", "100.00%"],
        ["all", "1", "1", "1", "1", "75.00%"],
        ["-", FILE, "0:00.000..0:00.500", "shots:", "car"],
        ["+", FILE, "0:00.000..0:00.500", "shots:", "b[us"],
        ["~", FILE, "0:00.000..0:01.000", "->", "0:00.000..0:00.900", "cat", "overlap", "0.90"],
    ]


def test_a_page_too(
    before: Path, after: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"

    assert diff(before, after, "--json", "--page", page) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["share"] == 0.75
    assert captured.err == f"page: {page}\n"
    assert '"compare":{"same":1,"moved":1,"new":1,"gone":1,"share":0.75}' in page.read_text()


def test_json(before: Path, after: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(before, after, "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["share"] == 0.75
    assert document["tracks"]["shots"] == {
        "same": 0, "moved": 0, "added": 1, "gone": 1, "share": 1.0
    }  # fmt: skip
    assert [tag["tag"] for tag in document["added_tags"]] == ["b[us"]
    assert [tag["end_time"] for tag in document["gone_tags"]] == [500]
    assert [(m["before"]["end_time"], m["overlap"]) for m in document["moved_tags"]] == [
        (1000, 0.9)
    ]


@pytest.mark.parametrize(("share", "status"), [("0.75", 0), ("0.74", 1), ("0", 1)])
def test_fail_above(
    before: Path, after: Path, share: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(before, after, "--fail-above", share) == status

    assert ("75.00% of the tags changed, more than" in capsys.readouterr().err) == bool(status)


def test_nothing_changed(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(before, before, "--fail-above", "0") == 0

    assert capsys.readouterr().err == ""


def test_a_file_that_failed_is_a_failure_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have had no tags before, either."""
    before = write_tags(tmp_path / "a.jsonl", [Progress(FILE)])
    after = write_tags(tmp_path / "b.jsonl", [Error("broken", FILE)])

    assert diff(before, after, "--fail-above", "1") == 1

    captured = capsys.readouterr()
    assert captured.err == f"no longer done: {FILE}\n"
    assert f"{FILE}: was done, is failed" in captured.out


def test_more_changes_than_the_limit(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = write_tags(tmp_path / "none.jsonl", [])

    assert diff(before, nothing, "--limit", "1") == 0

    out = capsys.readouterr().out
    assert out.count("- media/") == 1
    assert "2 more: --limit 3 lists all, --json too" in out


def test_a_tag_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = write_tags(tmp_path / "b.jsonl", [run(0, 1, "\x1b[31mred\n[bold]x[/]")])

    assert diff(write_tags(tmp_path / "a.jsonl", []), nasty) == 0

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[31mred\n[bold]x[/]" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.jsonl", "missing.jsonl"), "no such tags file: 'missing.jsonl'; hint: "),
        (("bad.jsonl", "bad.jsonl"), "bad.jsonl:1: the line is not valid JSON"),
    ],
)
def test_errors_are_one_line(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("rubbish\n")

    assert diff(*arguments) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("overlap", ["0", "1.1"])
def test_an_overlap_out_of_range_is_refused(
    before: Path, overlap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(before, before, "--overlap", overlap) == 2

    assert "--overlap" in capsys.readouterr().err


def test_many_files_of_one_kind_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed is named first."""
    before = write_tags(tmp_path / "a.jsonl", [Progress("f029")])
    done = [Progress(f"f{number:03}") for number in range(29)]
    after = write_tags(tmp_path / "b.jsonl", [*done, Error("no", "f029")])

    diff(before, after)

    lines = [line for line in capsys.readouterr().out.splitlines() if "was " in line]
    assert lines[0] == "f029: was done, is failed"
    assert len(lines) == MAX_FILES + 1
    assert lines[-1] == f"and {30 - MAX_FILES} more files: was missing, is done"
