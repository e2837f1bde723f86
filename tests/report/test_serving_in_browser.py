"""The page that `view --serve` serves, in a real browser, while a run goes on."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file.codec import encode
from common_ml.tagging.tags_file.verdicts import read_verdicts, verdicts_path
from tests.report.clip import BOXES
from tests.report.pages import chosen, ready, rows_of, wait
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


VIEW = "[commonMl.timeline.from, commonMl.timeline.to, commonMl.state.nowMs]"
ROW = 62
SCROLL = "document.querySelector('#tags-list').scrollTop"
FIRST = f"commonMl.state.table.textOf(commonMl.state.filter.list[Math.floor({SCROLL} / {ROW})])"


@contextmanager
def served(tags: Path) -> Iterator[str]:
    """Serves a page until it is interrupted."""
    program = "from common_ml.cli.app import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "view", str(tags), "--serve", "--no-open"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tags.parent,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{16}/", url)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_the_page_follows_a_run_and_saves_verdicts(
    tmp_path: Path, known_clip: Path, browser: Browser
) -> None:
    (tmp_path / "media").mkdir()
    shutil.copy(known_clip, tmp_path / FILE)
    tags = write_tags(tmp_path / "tags.jsonl", [seen(1000, "a", BOXES[1])])
    with served(tags) as url:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        ready(page)
        page.keyboard.press("ArrowDown")  # the film seeks, in ranges
        wait(page, "document.querySelector('#media video').currentTime > 1")
        page.keyboard.press("a")
        wait(page, "commonMl.verdicts.unsaved.size === 0")
        (verdict,) = read_verdicts(verdicts_path(tags)).values()
        assert (verdict.tag.tag, verdict.verdict) == ("a", "accepted")

        new_tags_leave_all_else(page, tags)
        tags_are_seen_where_they_were(page, tags)
        tags.write_bytes(encode(run(0, 100, "other run")))  # another run has begun
        wait(page, "commonMl.state.table.size === 1")
        assert rows_of(page) == ["other run"]
        assert complaints == []
        page.close()


def new_tags_leave_all_else(page: Page, tags: Path) -> None:
    """What is zoomed, chosen, decided and typed stays, and what has the keyboard."""
    page.evaluate("commonMl.timeline.show(1000, 1500)")
    page.fill("#query", "start_time >= 1000")
    before = page.evaluate(VIEW)
    with tags.open("ab") as file:  # a label that comes first: the numbers of all others change
        file.write(encode(run(500, 600, "Aa")) + encode(run(2000, 2500, "new")))
        file.write(encode(Progress(FILE)))
    wait(page, "commonMl.state.table.size === 3")
    assert sorted(rows_of(page)) == ["a", "new"]
    assert chosen(page) == "a"
    assert page.evaluate(VIEW) == before
    assert page.evaluate("document.activeElement.id") == "query"
    assert page.locator("#tags-list .verdict.accepted:visible").count() == 1


def tags_are_seen_where_they_were(page: Page, tags: Path) -> None:
    """To the pixel, also where others come before them."""
    page.fill("#query", "")
    page.keyboard.press("Escape")
    with tags.open("ab") as file:
        file.write(b"".join(encode(seen(n, f"m{n}")) for n in range(0, 900, 10)))
    wait(page, "commonMl.state.table.size === 93")
    page.evaluate(f"{SCROLL} = 40 * {ROW} + 7")
    first = page.evaluate(FIRST)
    with tags.open("ab") as file:
        file.write(encode(seen(5, "before all")))
    wait(page, "commonMl.state.table.size === 94")
    assert page.evaluate(FIRST) == first
    assert page.evaluate(f"{SCROLL} % {ROW}") == 7
