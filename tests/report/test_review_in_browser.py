"""Reviewing tags on the page: keys, notes, the file of verdicts, and what datasets make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from common_ml.report import write_page
from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file.verdicts import read_verdicts, verdicts_path
from tests.report.pages import chosen, rows_of, wait
from tests.report.tags import run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.report.pages import Open

pytestmark = pytest.mark.browser


def test_a_review_by_keys_becomes_data(tmp_path: Path, open_page: Open) -> None:
    tags = write_tags(
        tmp_path / "tags.jsonl",
        [
            *(seen(n * 40, f"t{n}", (n / 7, 0.1, 0.9, 1 / 3), file="a.mp4") for n in range(5)),
            run(0, 500, "scene", file="b.mp4"),
            Progress("a.mp4"),
            Progress("b.mp4"),
        ],
    )
    html = tags.with_suffix(".html")
    page = open_page(write_page(tags, html).path)
    keys = page.keyboard
    keys.press("ArrowDown")
    keys.press("a")
    assert chosen(page) == "t1"  # the next one
    keys.press("r")
    keys.press("r")
    keys.press("ArrowUp")
    keys.press("r")  # the same again takes it back, and stays
    assert chosen(page) == "t2"
    keys.press("e")
    page.keyboard.type("a is not r")  # what is typed is no command
    keys.press("Enter")
    page.click("#reject")
    assert chosen(page) == "t3"
    assert page.inner_text("#verdicts-count") == "1 accepted · 2 rejected"
    assert marks(page) == {"t0": "accepted", "t1": "rejected", "t2": "rejected: a is not r"}

    keys.press("n")
    keys.press("ArrowDown")
    keys.press("a")
    wait(page, "location.hash.includes('b.mp4')")
    page.reload()  # what is not saved yet is still there
    assert page.inner_text("#verdicts-count") == "1 accepted · 0 rejected"
    keys.press("p")
    assert page.inner_text("#verdicts-count") == "1 accepted · 2 rejected"

    page.fill("#query", "attributes.verdict = 'rejected' and attributes.note like 'a %'")
    assert rows_of(page) == ["t2"]  # as datasets have them
    page.fill("#query", "attributes.verdict is null")
    assert rows_of(page) == ["t3", "t4"]
    page.locator("#tags-list .row:visible").first.click()
    keys.press("a")  # what is decided leaves the list, and the next one is chosen
    assert rows_of(page) == ["t4"]
    assert chosen(page) == "t4"
    keys.press("Escape")

    with page.expect_download() as download:
        page.click("#save-verdicts")
    saved = verdicts_path(tags)
    assert download.value.suggested_filename == saved.name
    download.value.save_as(saved)
    assert {key.tag: (one.verdict, one.note) for key, one in read_verdicts(saved).items()} == {
        "t0": ("accepted", ""),
        "t1": ("rejected", ""),
        "t2": ("rejected", "a is not r"),
        "t3": ("accepted", ""),
        "scene": ("accepted", ""),
    }
    with Dataset.open([tags, saved], per="frame") as dataset:
        found = dataset.slice("verdict = 'accepted' or note like '%not%'").records()
        assert [record.labels() for record in found] == [("t0",), ("t2",), ("t3",)]

    page.evaluate("localStorage.clear()")
    again = open_page(write_page(tags, html).path)  # the next page has them
    wait(again, "document.querySelectorAll('#tags-list .verdict:not([hidden])').length === 4")
    assert marks(again)["t2"] == "rejected: a is not r"
    assert again.evaluate("commonMl.verdicts.lines()") == saved.read_text().splitlines()


def marks(page: Page) -> dict[str, str]:
    rows = page.locator("#tags-list .row:visible:has(.verdict:not([hidden]))")
    return {
        row.locator(".name").inner_text(): row.locator(".verdict").get_attribute("title") or ""
        for row in rows.all()
    }
