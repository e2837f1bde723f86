"""The lanes and boxes of the page under wheel, pointer and keyboard, in a real browser."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.media.images import write_png
from common_ml.report import write_page
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from tests.report.pages import chosen, colourful, edges_of, pixels_of, ready, rows_of, wait
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.report.pages import Open

pytestmark = pytest.mark.browser

PORTRAIT = "media/portrait.png"
NUM_TRACKS = 12


@pytest.fixture
def page(tmp_path: Path, known_clip: Path, open_page: Open) -> Page:
    """A clip with many tracks, with frames close together, boxes in boxes; and a tall picture."""
    (tmp_path / "media").mkdir()
    shutil.copy(known_clip, tmp_path / FILE)
    tall = np.full((600, 200, 3), 24, np.uint8)
    tall[:60] = 255  # what a square would cut off
    write_png(tmp_path / PORTRAIT, tall)
    top = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 0.1}
    messages = [
        *(run(0, 2900, f"bar {n}", track=f"track {n:02}") for n in range(NUM_TRACKS)),
        *(seen(at, "dense", track="track 00") for at in range(0, 3000, 4)),
        seen(1000, "large", (0.1, 0.1, 0.9, 0.9), track="boxes"),
        seen(1000, "small", (0.3, 0.3, 0.6, 0.6), track="boxes"),
        Progress(FILE),
        Tag(0, 0, "head", PORTRAIT, "boxes", None, FrameInfo(0, top)),
        Progress(PORTRAIT),
    ]
    path = write_page(write_tags(tmp_path / "tags.jsonl", messages), tmp_path / "tags.html").path
    page = open_page(path, height=640)
    ready(page)
    return page


def test_the_lanes(page: Page) -> None:
    wheel_scrolls_and_ctrl_wheel_zooms(page)
    the_scrollbar_reaches_the_last_lane(page)
    a_chosen_tag_brings_its_lane(page)
    dense_ticks_have_no_gaps(page)
    tracks_are_hidden_and_shown_alone(page)


def test_boxes_are_chosen_by_clicks(page: Page) -> None:
    page.evaluate("commonMl.player.seek(1020)")
    wait(page, "document.querySelector('#media video').currentTime > 1")
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] * 0.45, stage["y"] + stage["height"] * 0.45
    page.mouse.move(x, y)
    assert page.inner_text("#tip") == "small\nboxes"
    page.mouse.click(x, y)
    assert chosen(page) == "small"
    page.mouse.click(x, y)
    assert chosen(page) == "large"
    page.mouse.click(x, y)
    assert chosen(page) == "small"
    assert page.evaluate("document.querySelector('#media video').paused")  # no click on the film
    assert not page.locator("#tip").is_visible()  # stale since the click
    assert page.get_attribute("#boxes-toggle", "title") == "Boxes (b)"
    page.click("#full")
    wait(page, "document.fullscreenElement?.id === 'centre'")
    page.keyboard.press("f")
    wait(page, "document.fullscreenElement === null")


def test_another_file_begins_anew(page: Page) -> None:
    """No mode of the file before sticks; its pictures are whole."""
    page.click("text=Time ranges")
    assert "dense" not in rows_of(page)
    page.keyboard.press("n")
    assert rows_of(page) == ["head"]
    assert page.get_attribute("#kinds [data-kind=all]", "aria-checked") == "true"
    rows = "#tags-list .row:not([hidden]) .thumb[data-ms]"
    wait(page, f"document.querySelectorAll('{rows}').length >= 1")
    small = pixels_of(page.locator(rows).first)
    middle = small.shape[1] // 2
    white = edges_of(np.asarray(small[:, middle - 4 : middle + 4].min(axis=2) > 235))
    assert white.bottom < small.shape[0] * 0.16  # the head of the picture is there
    outline = page.locator("#tags-list .outline").first.bounding_box()
    picture = page.locator("#tags-list .picture").first.bounding_box()
    assert outline is not None
    assert picture is not None
    assert outline["y"] == pytest.approx(picture["y"], abs=1)
    assert outline["width"] == pytest.approx(picture["height"] / 3, abs=1)


def wheel_scrolls_and_ctrl_wheel_zooms(page: Page) -> None:
    assert scroll(page) == 0
    page.mouse.move(*middle_of_lanes(page))
    page.mouse.wheel(0, 60)
    wait(page, "commonMl.timeline.scroll === 60")
    assert view(page) == [0, 3000]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    wait(page, "commonMl.timeline.to - commonMl.timeline.from < 2400")
    assert scroll(page) == 60
    before = view(page)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Shift")
    wait(page, f"commonMl.timeline.from > {before[0]}")
    page.keyboard.press("0")


def the_scrollbar_reaches_the_last_lane(page: Page) -> None:
    bar = page.locator("#lanes-bar").bounding_box()
    thumb = page.locator("#lanes-bar i").bounding_box()
    assert bar is not None
    assert thumb is not None
    page.mouse.move(thumb["x"] + 4, thumb["y"] + 10)
    page.mouse.down()
    page.mouse.move(thumb["x"] + 4, bar["y"] + bar["height"] + 50, steps=4)
    page.mouse.up()
    assert scroll(page) == page.evaluate("commonMl.timeline.lanesHeight - commonMl.timeline.room")
    names = page.locator("#heads .head .name").all_inner_texts()
    assert names[-1] == f"track {NUM_TRACKS - 1:02}"
    assert "boxes" not in names


def a_chosen_tag_brings_its_lane(page: Page) -> None:
    page.keyboard.press("Home")
    assert chosen(page) == "bar 0"
    page.keyboard.press("Escape")
    assert scroll(page) < 60
    page.evaluate("commonMl.timeline.scrollTo(0)")


def dense_ticks_have_no_gaps(page: Page) -> None:
    """A frame every 4 ms over 3 s, on some 750 pixels; and a real gap where one is left out."""
    page.fill("#query", "dense")
    page.evaluate("commonMl.timeline.show(200, 2800)")
    paint(page)
    lane, row = page.evaluate(
        """(() => { const lane = commonMl.timeline.lanes.find(l => l.ticksRow.tags.length > 100);
        return [lane.top - commonMl.timeline.scroll, lane.ticksRow.top]; })()"""
    )
    pixels = pixels_of(page.locator("#lanes"))
    line = colourful(pixels)[round(26 + lane + row + 4)]
    left = page.evaluate("commonMl.timeline.gutter")
    right = left + int(page.evaluate("commonMl.timeline.lanesWidth"))
    hidden = round(float(page.evaluate("commonMl.timeline.x(commonMl.state.nowMs)")))
    assert not line[left - 3]
    drawn = [bool(line[x]) or abs(x - hidden) < 3 for x in range(left, right)]
    assert all(drawn)
    page.fill("#query", "")


def tracks_are_hidden_and_shown_alone(page: Page) -> None:
    page.evaluate("commonMl.timeline.scrollTo(0)")
    paint(page)
    shown = page.inner_text("#tags-count")
    head = page.locator("#heads .head", has_text="boxes")
    head.hover()
    head.locator(".hide").click()
    assert page.inner_text("#tags-count") == f"{int(shown) - 2} of {shown}"
    assert page.evaluate("commonMl.timeline.lanes[0].height") == 22
    page.keyboard.press("Enter")  # the button has kept the focus: shown again
    assert page.inner_text("#tags-count") == shown
    head.locator(".solo").click()
    assert sorted(rows_of(page)) == ["large", "small"]
    assert head.locator(".solo").get_attribute("aria-pressed") == "true"
    head.locator(".solo").click()
    assert page.inner_text("#tags-count") == shown
    page.mouse.move(5, 5)
    button = page.locator("#heads .head", has_text="track 00").locator(".hide")
    assert button.evaluate("it => it.offsetWidth") == 0
    button.focus()  # by the keyboard they are reached, and then seen
    assert button.evaluate("it => it.offsetWidth") == 22


def scroll(page: Page) -> float:
    return float(page.evaluate("commonMl.timeline.scroll"))


def view(page: Page) -> Any:
    return page.evaluate("[commonMl.timeline.from, commonMl.timeline.to]")


def middle_of_lanes(page: Page) -> tuple[float, float]:
    box = page.locator("#lanes").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6


def paint(page: Page) -> None:
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
