"""The page of a tags file, in a real browser."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media.images import write_png
from common_ml.media.synthesis import write_sound
from common_ml.report import write_page
from common_ml.tagging.messages import Error, FrameInfo, Progress, Tag
from tests.report.clip import BLOCKS, BOXES, WIDTH, picture, write_known_clip
from tests.report.pages import (
    Edges,
    chosen,
    colourful,
    current_time,
    edges_of,
    pixels_of,
    ready,
    rows_of,
    seek,
    wait,
    white,
)
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from common_ml.tagging.messages import Message
    from tests.report.pages import Open, Pixels

pytestmark = pytest.mark.browser

GUTTER = 132
"""Pixels from the left edge of the timeline to the beginning of its lanes."""

BLOCK_TAGS = [seen(1000 * n, "a", box, confidence=0.5 + n / 10) for n, box in enumerate(BOXES)]
RUNS = [
    run(0, 3000, "whole", track="long"),
    run(0, 1500, "half", track="short"),
    run(2000, 2500, "dog", track="short"),
]


@pytest.fixture
def page_of(tmp_path: Path, known_clip: Path) -> PageOf:
    """Write the page of messages; the known clip is at their path."""
    (tmp_path / "media").mkdir()
    shutil.copy(known_clip, tmp_path / FILE)
    return PageOf(tmp_path)


class PageOf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, messages: Sequence[Message], *, embed: bool = False) -> Path:
        tags = write_tags(self.folder / "tags.jsonl", messages)
        return write_page(tags, self.folder / "tags.html", embed=embed, params={"fps": 1}).path


@pytest.fixture
def clip_page(page_of: PageOf, open_page: Open) -> Page:
    """The page of the known clip with boxes and runs, ready to play."""
    page = open_page(page_of([*BLOCK_TAGS, *RUNS, Progress(FILE)]))
    ready(page)
    return page


def test_it_says_what_it_shows(clip_page: Page) -> None:
    assert clip_page.title() == "tags.jsonl · 6 tags"
    assert clip_page.inner_text("#summary") == "1 file · 6 tags"
    assert clip_page.inner_text("#clock") == "0:00.000 / 0:03.0"
    assert clip_page.inner_text("#tab-tags") == "Tags 6"


@pytest.mark.parametrize("second", [0, 1, 2])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_boxes_are_at_the_pixels_of_what_they_are_about(
    page_of: PageOf, open_page: Open, second: int, scheme: str
) -> None:
    """The white block is found in the picture itself, once without boxes; then the box is."""
    dark = scheme == "dark"
    page = open_page(page_of([*BLOCK_TAGS]), scheme="dark" if dark else "light", width=1100)
    seek(page, second + 0.5)
    page.keyboard.press("b")
    paint(page)
    block = edges_of(white(pixels_of(page.locator("#stage"))))
    page.keyboard.press("b")
    paint(page)
    box = stroke(pixels_of(page.locator("#stage")))

    scale = page.locator("#stage").bounding_box()["width"] / WIDTH  # type: ignore[index] # it is visible
    assert block.right - block.left == pytest.approx(
        (BLOCKS[second][2] - BLOCKS[second][0]) * scale, abs=3
    )
    for edge in ("left", "top", "right", "bottom"):
        assert getattr(box, edge) == pytest.approx(getattr(block, edge), abs=2)


def test_boxes_go_along_while_it_plays(clip_page: Page) -> None:
    clip_page.keyboard.press("Space")
    wait(clip_page, "commonMl.state.nowMs > 1100")
    clip_page.keyboard.press("Space")
    wait(clip_page, "document.querySelector('#media video').paused")
    second = int(current_time(clip_page))
    paint(clip_page)

    box = stroke(pixels_of(clip_page.locator("#stage")))
    left, _, right, _ = (
        value * clip_page.evaluate("commonMl.boxes.picture().width") / WIDTH
        for value in BLOCKS[second]
    )
    assert second >= 1
    assert [box.left, box.right] == pytest.approx([left, right], abs=2)


def test_a_box_is_gone_when_its_time_is_over(page_of: PageOf, open_page: Open) -> None:
    """Two frames a second were looked at; in that of 1.5 s and later there was nothing."""
    box = BOXES[0]
    page = open_page(page_of([seen(0, "a", box), seen(480, "a", box), seen(1000, "a", box)]))
    seen_at = {}
    for seconds in (0.4, 1.2, 1.6):
        seek(page, seconds)
        paint(page)
        seen_at[seconds] = bool(colourful(pixels_of(page.locator("#stage"))).any())

    assert seen_at == {0.4: True, 1.2: True, 1.6: False}


def test_lanes_are_drawn_to_scale(clip_page: Page) -> None:
    """One lane per track, in the order of the alphabet: ticks, a long run, a short row."""
    lanes = lane_pixels(clip_page)
    ticks, whole, row = (edges_of(lane) for lane in lanes)
    length = whole.right - whole.left
    columns = np.flatnonzero(lanes[2].any(axis=0))
    gap = int(np.argmax(np.diff(columns)))

    assert len(lanes) == 3
    assert length > 600
    assert row.left == whole.left
    assert columns[gap] - whole.left == pytest.approx(length / 2, abs=3)
    assert columns[gap + 1] - whole.left == pytest.approx(length * 2 / 3, abs=3)
    assert row.right - whole.left == pytest.approx(length * 2.5 / 3, abs=3)
    assert ticks.right - ticks.left == pytest.approx(length * 2 / 3, abs=3)


def test_a_click_on_a_lane_seeks_and_chooses(clip_page: Page) -> None:
    whole = edges_of(lane_pixels(clip_page)[1])
    left, top = corner(clip_page, "#lanes")
    middle = (whole.left + whole.right) / 2

    clip_page.mouse.click(left + GUTTER + middle, top + lanes_top(clip_page)[1] + 12)

    assert current_time(clip_page) == pytest.approx(1.5, abs=0.02)
    assert chosen(clip_page) == "whole"
    assert clip_page.inner_text("#details h3") == "whole"


def test_a_click_on_the_ruler_seeks(clip_page: Page) -> None:
    whole = edges_of(lane_pixels(clip_page)[1])
    left, top = corner(clip_page, "#lanes")

    clip_page.mouse.click(left + GUTTER + whole.left + (whole.right - whole.left) * 0.75, top + 8)

    assert current_time(clip_page) == pytest.approx(2.25, abs=0.02)
    playhead = clip_page.locator("#playhead").bounding_box()
    assert playhead is not None
    assert playhead["x"] - left - GUTTER == pytest.approx(
        whole.left + (whole.right - whole.left) * 0.75, abs=3
    )


def test_a_click_in_the_list_seeks(clip_page: Page) -> None:
    clip_page.locator("#tags-list .row", has_text="dog").click()

    assert current_time(clip_page) == pytest.approx(2.0, abs=0.02)
    assert chosen(clip_page) == "dog"


def test_zoom_and_pan(clip_page: Page) -> None:
    assert view(clip_page) == [0, 3000]
    clip_page.click("#zoom-in")
    assert np.ptp(view(clip_page)) == pytest.approx(1500)
    left, top = corner(clip_page, "#lanes")
    clip_page.mouse.move(left + 500, top + 60)
    at = clip_page.evaluate("commonMl.timeline.ms(500)")
    clip_page.keyboard.down("Control")
    clip_page.mouse.wheel(0, -200)
    clip_page.keyboard.up("Control")
    wait(clip_page, "commonMl.timeline.to - commonMl.timeline.from < 1400")
    assert clip_page.evaluate("commonMl.timeline.ms(500)") == pytest.approx(at, abs=1)
    before = view(clip_page)
    clip_page.mouse.down()
    clip_page.mouse.move(left + 400, top + 60, steps=3)
    clip_page.mouse.up()
    assert view(clip_page)[0] > before[0]
    assert current_time(clip_page) == 0  # a drag is no click
    clip_page.keyboard.press("0")
    assert view(clip_page) == [0, 3000]


def test_the_filter_filters_everything(clip_page: Page) -> None:
    assert sorted(rows_of(clip_page)) == ["a", "a", "a", "dog", "half", "whole"]
    paint(clip_page)
    assert colourful(pixels_of(clip_page.locator("#stage"))).any()

    clip_page.fill("#query", "SHORT")  # a track, and in any case
    paint(clip_page)

    assert rows_of(clip_page) == ["half", "dog"]
    assert clip_page.inner_text("#tags-count") == "2 of 6"
    assert not colourful(pixels_of(clip_page.locator("#stage"))).any()
    assert [bool(lane.any()) for lane in lane_pixels(clip_page)] == [False, False, True]

    clip_page.fill("#query", "short dog")
    assert rows_of(clip_page) == ["dog"]
    clip_page.fill("#query", "nothing like that")
    assert rows_of(clip_page) == []
    assert clip_page.inner_text("#tags-list .empty") == "No tag fits the filter."
    clip_page.fill("#query", "")
    clip_page.click("text=Frames")
    assert rows_of(clip_page) == ["a", "a", "a"]
    clip_page.click("text=Time ranges")
    assert sorted(rows_of(clip_page)) == ["dog", "half", "whole"]


def test_the_list_shows_confidence_details_and_pictures(clip_page: Page) -> None:
    """The pictures are taken from the linked clip: those of the three seconds differ."""
    clip_page.click("text=Frames")
    assert clip_page.locator("#tags-list .row:visible .sure").all_inner_texts() == [
        "0.50",
        "0.60",
        "0.70",
    ]
    pictures = clip_page.locator("#tags-list .row:visible .thumb")
    wait(clip_page, painted_thumbs(3))
    # without the rounded corners, through which the page can be seen
    blocks = [edges_of(white(pixels_of(pictures.nth(n))[4:-4, 4:-4])) for n in range(3)]
    assert blocks[0].right < blocks[1].left + 2 < blocks[2].left
    clip_page.locator("#tags-list .row:visible").nth(1).click()
    assert json.loads(clip_page.inner_text("#details pre")) == {"confidence": 0.6}
    assert "0.400 0.250 0.600 0.750" in clip_page.inner_text("#details dl")


def test_the_keyboard(clip_page: Page) -> None:
    keys = clip_page.keyboard
    keys.press("ArrowDown")
    assert chosen(clip_page) == "half"
    keys.press("End")
    assert chosen(clip_page) == "a"
    assert current_time(clip_page) == pytest.approx(2, abs=0.02)
    keys.press("ArrowUp")
    assert chosen(clip_page) == "a"
    keys.press("Escape")
    assert chosen(clip_page) is None
    clip_page.evaluate("commonMl.player.seek(0)")
    keys.press("ArrowRight")
    assert current_time(clip_page) == pytest.approx(1, abs=0.001)
    keys.press(".")
    assert int(current_time(clip_page) * 25) == 26
    keys.press(",")
    assert int(current_time(clip_page) * 25) == 25
    keys.press("Shift+ArrowRight")
    assert current_time(clip_page) == 3
    keys.press("/")
    keys.type("dog?")
    assert rows_of(clip_page) == []  # a sign that is typed is no command
    keys.press("Backspace")
    assert rows_of(clip_page) == ["dog"]
    keys.press("Escape")
    assert len(rows_of(clip_page)) == 6
    keys.press("+")
    assert np.ptp(view(clip_page)) < 3000
    keys.press("3")
    assert clip_page.locator("#run-pane").is_visible()
    keys.press("2")
    assert clip_page.locator("#errors-pane").is_visible()
    keys.press("1")
    keys.press("m")
    assert clip_page.evaluate("document.querySelector('#media video').muted")
    keys.press(">")
    assert clip_page.evaluate("document.querySelector('#media video').playbackRate") == 1.5


def test_the_help_lists_every_key(clip_page: Page) -> None:
    clip_page.keyboard.press("?")

    assert clip_page.locator("#help").is_visible()
    help_text = clip_page.inner_text("#keys")
    for meaning in (
        "Play or pause",
        "Filter the tags",
        "Pan the timeline",
        "Previous or next file",
    ):
        assert meaning in help_text
    clip_page.keyboard.press("Escape")
    assert not clip_page.locator("#help").is_visible()


def test_several_files(page_of: PageOf, open_page: Open) -> None:
    write_png(page_of.folder / "media" / "photo.png", picture(0))
    write_sound(page_of.folder / "media" / "talk.wav", seconds=2)
    corners = dict(zip(("x1", "y1", "x2", "y2"), BOXES[0], strict=True))
    page = open_page(
        page_of(
            [
                *BLOCK_TAGS,
                Progress(FILE),
                Tag(0, 0, "block", "media/photo.png", "", None, FrameInfo(0, corners)),
                Progress("media/photo.png"),
                run(500, 1500, "speech", file="media/talk.wav"),
                Error("cannot decode 'broken.mp4'", "media/broken.mp4"),
            ]
        )
    )
    assert page.locator("#files-list .row:visible .about").all_inner_texts() == [
        "3 tags · 0:03", "1 tag", "1 tag · 0:02 · not finished", "0 tags · failed",
    ]  # fmt: skip

    page.keyboard.press("n")
    wait(page, "document.querySelector('#media img')?.complete")
    page.keyboard.press("b")
    paint(page)
    block = edges_of(white(pixels_of(page.locator("#stage"))))
    page.keyboard.press("b")
    paint(page)
    box = stroke(pixels_of(page.locator("#stage")))
    assert [box.left, box.bottom] == pytest.approx([block.left, block.bottom], abs=2)
    assert not page.locator("#timeline").is_visible()  # a picture has no time

    page.locator("#files-list .row", has_text="talk.wav").click()
    ready(page)
    page.evaluate("commonMl.player.seek(1000)")
    wait(page, "document.querySelector('#media audio').currentTime === 1")
    paint(page)
    assert page.inner_text("#now") == "speech"

    page.click("#tab-errors")
    assert page.inner_text("#errors-pane").split("\n\n") == [
        "media/broken.mp4",
        "cannot decode 'broken.mp4'",
    ]
    page.click("#errors-pane .link")
    assert page.inner_text("#stage-note") == "media/broken.mp4\nFile not found"
    page.click("#tab-run")
    assert page.locator("#run-pane dl").first.inner_text().split() == ["fps", "1"]


def test_without_media_the_time_still_moves(page_of: PageOf, open_page: Open) -> None:
    page = open_page(
        page_of([run(0, 60_000, file="gone.mp4"), run(30_000, 31_000, "dog", file="gone.mp4")])
    )

    page.keyboard.press("End")
    paint(page)

    assert page.inner_text("#clock") == "0:30.001 / 1:00.0"
    assert page.inner_text("#now").split() == ["cat", "dog"]


def test_a_codec_that_the_browser_lacks(page_of: PageOf, open_page: Open) -> None:
    write_known_clip(page_of.folder / "media" / "old.mkv", "ffv1")
    page = open_page(page_of([seen(1000, "a", BOXES[1], file="media/old.mkv")], embed=True))

    wait(page, "!document.querySelector('#stage-note').hidden")

    assert "This browser cannot play this file" in page.inner_text("#stage-note")
    wait(page, painted_thumbs(1))  # the pictures inside the page know it all the same


def test_an_embedded_page_is_all_that_is_needed(
    page_of: PageOf, open_page: Open, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = page_of([*BLOCK_TAGS, *RUNS], embed=True)
    alone = tmp_path_factory.mktemp("alone") / "page.html"
    written.rename(alone)
    shutil.rmtree(page_of.folder / "media")
    page = open_page(alone)
    ready(page)

    seek(page, 2.5)
    wait(page, painted_thumbs(6))
    box = stroke(pixels_of(page.locator("#stage")))

    assert box.left == pytest.approx(
        BLOCKS[2][0] * page.evaluate("commonMl.boxes.picture().width") / WIDTH, abs=2
    )


@pytest.mark.parametrize("embed", [False, True])
def test_what_tags_and_names_say_stays_text(
    page_of: PageOf, open_page: Open, *, embed: bool
) -> None:
    attacks = [
        "<img src=x onerror='window.hacked=1'>",
        "</script><script>window.hacked=1</script>",
        "<!--<script>",
        "{{script}}",
        "javascript:window.hacked=1",
        "]]>&lt;b&gt;\u2028\u2029\0\"'`${window.hacked=1}",
    ]
    messages: list[Message] = []
    for number, attack in enumerate(attacks):
        file = f"media/{attack.replace('/', '_')}.mp4"
        info = {attack: attack, "confidence": 0.5}
        messages += [
            Tag(
                0,
                1000 + number,
                attack,
                FILE,
                attack,
                info,
                FrameInfo(0, {"x1": 0.1, "y1": 0.1, "x2": 0.2, "y2": 0.2}),
            ),
            Tag(0, 1000, attack, file, attack, info),
            Error(attack, file),
        ]
    tags = write_tags(
        page_of.folder / "<img src=x onerror=window.hacked=1>{{script}}.jsonl", messages
    )
    params = {attack: attack for attack in attacks}
    target = page_of.folder / "page.html"
    page = open_page(write_page(tags, target, embed=embed, params=params).path)
    ready(page)

    assert sorted(rows_of(page)) == sorted(attacks)
    page.keyboard.press("End")
    assert page.inner_text("#details h3") in attacks
    page.mouse.move(*np.add(corner(page, "#lanes"), (400, 45)).tolist())
    for tab in ("errors", "run"):
        page.click(f"#tab-{tab}")
        assert all(
            attack.split("\u2028")[0] in page.inner_text(f"#{tab}-pane") for attack in attacks
        )
    for number in range(len(attacks)):
        page.keyboard.press("n")
        assert page.inner_text("#stage-note strong").startswith("media/"), number
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, [onerror]").count() == 0
    assert page.locator("script:not([type^=application]):not([type^=text])").count() == 1


def test_the_policy_lets_no_other_script_run(page_of: PageOf, open_page: Open) -> None:
    page = open_page(page_of(RUNS))

    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.hacked = 1";
            document.body.append(script);
            const image = document.createElement("div");
            image.innerHTML = "<img src='data:,' onerror='window.hacked = 2'>";
            document.body.append(image);
            return fetch("https://example.com/").catch(() => 0);
        }"""
    )

    assert page.evaluate("window.hacked") is None
    assert len([said for said in open_page.complaints if "Content Security Policy" in said]) >= 3
    open_page.complaints.clear()


def test_light_and_dark(page_of: PageOf, open_page: Open) -> None:
    path = page_of(RUNS)
    light, dark = open_page(path), open_page(path, scheme="dark")

    assert brightness(light) > 200
    assert brightness(dark) < 60
    before = lane_pixels(light)[1].sum()
    light.keyboard.press("t")
    paint(light)
    assert brightness(light) == brightness(dark)
    assert lane_pixels(light)[1].sum() == pytest.approx(before, rel=0.2)
    dark.keyboard.press("t")
    assert brightness(dark) > 200


def test_a_narrow_window(page_of: PageOf, open_page: Open) -> None:
    page = open_page(page_of([*RUNS, Progress("b.mp4")]), width=390, height=780)

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for part in ("#stage", "#timeline", "#tags-list", "#query"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["height"] > 10
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert not page.locator("#files").is_visible()
    page.click("#files-toggle")
    page.locator("#files-list .row", has_text="b.mp4").click()
    assert not page.locator("#files").is_visible()
    assert page.evaluate("commonMl.state.file") == 1


def test_a_hundred_thousand_tags_are_few_elements(page_of: PageOf, open_page: Open) -> None:
    page = open_page(
        page_of([seen(n * 40, f"tag {n % 500}", file="a.mp4") for n in range(100_000)])
    )

    assert page.locator("#tags-list .row").count() < 40
    page.keyboard.press("End")
    assert rows_of(page)[-1] == "tag 499"
    assert chosen(page) == "tag 499"
    page.fill("#query", "tag 499")
    assert page.inner_text("#tags-count") == "200 of 100,000"
    page.fill("#query", "label = 'tag 499' and start_time < 400000")
    assert page.inner_text("#tags-count") == "20 of 100,000"
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    assert rows_of(page)[0] == "tag 0"


def test_a_tags_file_without_anything(page_of: PageOf, open_page: Open) -> None:
    page = open_page(page_of([]))

    assert page.inner_text("#summary") == "0 files · 0 tags"
    assert page.inner_text("#tags-list .empty") == "This file has no tags."
    assert page.inner_text("#stage-note").strip() == "This tags file is empty"
    for key in ("Space", "ArrowDown", "End", ".", "n", "+", "]"):
        page.keyboard.press(key)


# -- helpers ----------------------------------------------------------------------------------


def paint(page: Page) -> None:
    """Waits until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def stroke(pixels: Pixels) -> Edges:
    """The middle of a box's lines; the top one on the right, for the name stands on its left."""
    mask = colourful(pixels)
    outer = edges_of(mask)
    column = mask[:, int(outer.right) - 8]
    top = int(np.flatnonzero(column)[0])
    return Edges(outer.left + 0.5, top + 0.5, outer.right - 0.5, outer.bottom - 0.5)


def corner(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"], box["y"]


def lanes_top(page: Page) -> list[float]:
    """Pixels from the top of the timeline to each lane."""
    lanes = page.evaluate("commonMl.timeline.lanes.map(({ top }) => top)")
    return [26 + top for top in lanes]


def lane_pixels(page: Page) -> list[np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """What is colourful in each lane, right of the names and without the playhead."""
    page.evaluate("document.querySelector('#playhead').style.visibility = 'hidden'")
    paint(page)
    pixels = pixels_of(page.locator("#lanes"))
    page.evaluate("document.querySelector('#playhead').style.visibility = ''")
    tops = lanes_top(page)
    bounds = [int(top) for top in [*tops, pixels.shape[0] - 12]]
    coloured = pixels.max(axis=2) - pixels.min(axis=2) > 22
    return [coloured[top + 1 : end - 1, GUTTER:] for top, end in pairwise(bounds)]


def view(page: Page) -> list[float]:
    """The first and the last visible millisecond."""
    return list(page.evaluate("[commonMl.timeline.from, commonMl.timeline.to]"))


def brightness(page: Page) -> float:
    colour = page.evaluate("getComputedStyle(document.querySelector('#side')).backgroundColor")
    red = colour.removeprefix("rgb(").split(",")[0]
    return float(red)


def painted_thumbs(count: int) -> str:
    """JavaScript: whether so many small pictures are drawn."""
    rows = "#tags-list .row:not([hidden]) .thumb[data-ms]"
    return f"document.querySelectorAll('{rows}').length >= {count}"


@pytest.mark.parametrize("last_ms", [10**15, 2**62])
def test_times_beyond_all_films_do_not_freeze_the_page(
    page_of: PageOf, open_page: Open, last_ms: int
) -> None:
    """The ruler has as many marks as there is room, also where one step is lost in the number."""
    tags = [run(0, last_ms, "for ever"), seen(last_ms, "late"), run(-500, 100, "early")]
    page = open_page(page_of([*tags, Progress(FILE)]))

    assert rows_of(page) == ["early", "for ever", "late"]
    page.evaluate("commonMl.timeline.zoom(1e-12, commonMl.state.durationMs)")
    paint(page)
    page.evaluate("commonMl.timeline.fit()")
    paint(page)
    page.keyboard.press("End")
    assert page.locator("#tags-list .row:visible").count() == 3
