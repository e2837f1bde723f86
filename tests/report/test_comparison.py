"""The page of two runs, without a browser: its tags are those of `compare`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import OutputError
from common_ml.report import compare, write_comparison
from common_ml.report.comparison import AFTER, BEFORE, BOTH, CHANGES
from common_ml.tagging.messages import Error, Progress
from tests.report.tags import run, seen, write_tags
from tests.report.test_page import elements_of

if TYPE_CHECKING:
    from pathlib import Path

BOX, NEAR, FAR = (0.1, 0.1, 0.5, 0.5), (0.12, 0.1, 0.52, 0.5), (0.6, 0.6, 0.9, 0.9)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs; in the second one the files are in another folder."""
    before = [
        seen(0, "dog", BOX, file="old/a.mp4"),
        seen(40, "dog", BOX, file="old/a.mp4"),
        run(0, 1000, "gone", file="old/a.mp4", track="shots"),
        run(2000, 3000, "moved", file="old/a.mp4", track="shots"),
        run(0, 9, "only", file="old/b.mp4"),
        Progress("old/a.mp4"),
        Progress("old/b.mp4"),
    ]
    after = [
        seen(0, "dog", BOX, file="new/a.mp4"),
        seen(40, "dog", NEAR, file="new/a.mp4"),
        seen(80, "cat", FAR, file="new/a.mp4"),
        run(2100, 3100, "moved", file="new/a.mp4", track="shots"),
        Progress("new/a.mp4"),
        Error("too dark", "new/b.mp4"),
        run(0, 5, "fresh", file="c.mp4"),
    ]
    return write_tags(tmp_path / "a.jsonl", before), write_tags(tmp_path / "b.jsonl", after)


def test_the_tags_of_the_page_are_those_of_the_difference(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    written = write_comparison(*runs, tmp_path / "page.html")

    page = elements_of(written.path)
    data = page.json("page-data")
    difference = compare(*runs)
    assert data["title"] == "a.jsonl → b.jsonl"
    assert data["compare"] == {
        "same": 1, "moved": 2, "new": 2, "gone": 2, "share": difference.share,
    }  # fmt: skip
    assert [(file["name"], file["tags"]) for file in data["files"]] == [
        ("new/a.mp4", 5), ("new/b.mp4", 1), ("c.mp4", 1),
    ]  # fmt: skip
    assert data["states"] == {
        "new/b.mp4": ["done", "failed"],
        "c.mp4": ["missing", "unfinished"],
    }
    rows = [row for place in range(3) for row in rows_of(data, page.json(f"tags-{place}"))]
    counts = Counter((row["change"], row["side"]) for row in rows)
    assert counts == {
        ("same", BOTH): 1, ("moved", BEFORE): 2, ("moved", AFTER): 2, ("new", AFTER): 2,
        ("gone", BEFORE): 2,
    }  # fmt: skip
    moved = {row["text"]: row for row in rows if row["change"] == "moved" and row["side"] == AFTER}
    assert moved["moved"]["partner"]["start"] == 2000
    assert moved["dog"]["partner"]["side"] == BEFORE
    overlaps = {one.after.tag: one.overlap for one in difference.moved}
    assert {text: row["overlap"] for text, row in moved.items()} == pytest.approx(
        overlaps, abs=1e-4
    )
    assert {row["text"] for row in rows if row["change"] == "gone"} == {"gone", "only"}
    assert {row["text"] for row in rows if row["change"] == "new"} == {"cat", "fresh"}


def rows_of(data: Any, table: Any) -> list[dict[str, Any]]:
    rows = [
        {
            "text": data["texts"][table["text"][n]],
            "start": table["start"][n],
            "change": CHANGES[table["change"][n]],
            "side": table["side"][n],
            "overlap": table["overlap"][n],
        }
        for n in range(len(table["start"]))
    ]
    for row, partner in zip(rows, table["partner"], strict=True):
        row["partner"] = rows[partner] if partner >= 0 else None
    return rows


def test_the_page_replaces_none_of_its_sources(runs: tuple[Path, Path]) -> None:
    for path in runs:
        with pytest.raises(OutputError, match="would replace"):
            write_comparison(*runs, path)


def test_a_run_is_the_same_as_itself(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = elements_of(write_comparison(runs[0], runs[0], tmp_path / "page.html").path)

    assert page.json("page-data")["compare"]["same"] == 5
    assert page.json("page-data")["compare"]["share"] == 0
