"""The page of two runs, in a real browser: lanes of both, and the way through the differences."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from common_ml.report import write_comparison
from common_ml.tagging.messages import Progress
from tests.report.clip import BOXES
from tests.report.pages import chosen, colourful, pixels_of, ready, rows_of, wait
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.pages import Open

pytestmark = pytest.mark.browser


def test_the_differences(tmp_path: Path, known_clip: Path, open_page: Open) -> None:
    (tmp_path / "media").mkdir()
    shutil.copy(known_clip, tmp_path / FILE)
    x1, y1, x2, y2 = BOXES[0]
    before = [
        seen(0, "a", BOXES[0]),
        run(0, 1000, "same", track="shots"),
        run(1000, 2000, "gone", track="shots"),
        run(0, 5, "gone too", file="b.mp4"),
        Progress(FILE),
    ]
    after = [
        seen(0, "a", (x1 + 0.03, y1, x2 + 0.03, y2)),
        run(0, 1000, "same", track="shots"),
        run(2000, 2900, "new", track="shots"),
        Progress(FILE),
    ]
    page = open_page(
        write_comparison(
            write_tags(tmp_path / "one.jsonl", before),
            write_tags(tmp_path / "two.jsonl", after),
            tmp_path / "page.html",
        ).path
    )
    ready(page)
    assert page.inner_text("#title") == "one.jsonl → two.jsonl"
    assert page.locator("#heads .name").all_inner_texts() == [*["default"] * 2, *["shots"] * 2]
    assert page.locator("#heads .run").all_inner_texts() == ["before", "after"] * 2
    assert page.locator("#change-kinds button").all_inner_texts() == [
        "All", "New 1", "Gone 2", "Moved 1", "Same 1",
    ]  # fmt: skip
    assert page.inner_text("#tags-count") == "4"  # what has moved counts once
    lanes = page.evaluate(
        """commonMl.timeline.lanes.map(({ rows, ticksRow }) => [...rows, ticksRow].flatMap(
            ({ tags }) => tags.map(tag => commonMl.state.table.textOf(tag))))"""
    )
    assert lanes == [["a"], ["a"], ["same", "gone"], ["same", "new"]]

    seen_texts = []
    for _ in range(4):
        page.keyboard.press("d")
        seen_texts.append(chosen(page))
        if seen_texts[-1] == "a":
            assert "moved, overlap" in page.inner_text("#facts")
            assert "Box before" in page.inner_text("#facts")
            assert page.inner_text("#change-place") == "1 of 3 in this file"
    assert seen_texts == ["a", "gone", "new", "gone too"]
    assert page.evaluate("commonMl.state.file") == 1  # the last one is in the next file
    assert "was unfinished, is missing" in page.locator("#files-list .about").nth(1).inner_text()
    page.keyboard.press("Shift+D")
    assert chosen(page) == "new"
    page.set_viewport_size({"width": 390, "height": 780})
    wait(page, "commonMl.timeline.gutter === 84")
    assert page.evaluate(
        """[...document.querySelectorAll('#heads .run')].every(run =>
            run.getBoundingClientRect().right <= run.parentElement.getBoundingClientRect().right)"""
    )  # what tells the lanes apart is seen on a phone, too
    assert page.evaluate("commonMl.state.file") == 0

    page.click("#change-kinds [data-change=gone]")
    wait(page, "document.querySelector('#files-count').textContent === '2'")
    assert rows_of(page) == ["gone"]
    assert page.locator("#tags-list .change").first.inner_text() == "\N{MINUS SIGN}"
    page.click("#change-kinds [data-change=all]")
    page.fill("#query", "change != 'same' and label like 'n%'")
    assert rows_of(page) == ["new"]
    page.fill("#query", "change = 'moved'")
    page.keyboard.press("Escape")
    page.evaluate("commonMl.search.set(\"change = 'moved'\")")
    page.evaluate("commonMl.player.seek(20)")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    picture = page.evaluate("commonMl.boxes.picture()")
    pixels = colourful(pixels_of(page.locator("#stage")))
    middle = pixels[int(picture["top"] + 0.5 * picture["height"]) - 20 :][:40]
    edges = [int(picture["left"] + x * picture["width"]) for x in (x1, x1 + 0.03, x2, x2 + 0.03)]
    drawn = [middle[:, x - 2 : x + 3].any(axis=1).mean() for x in edges]
    assert drawn[1] == drawn[3] == 1  # as it is
    assert 0.2 < drawn[0] < 0.9  # as it was: dashed
    assert 0.2 < drawn[2] < 0.9
