"""Gallery, waveform, small pictures of files, panes, address and export, in a real browser."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import Dataset
from common_ml.media.images import write_png
from common_ml.media.synthesis import write_sound
from common_ml.report import write_page
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.wire import read_messages
from tests.report.clip import BOXES, HEIGHT, WIDTH, picture
from tests.report.pages import chosen, colourful, edges_of, pixels_of, ready, rows_of, wait, white
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.report.pages import Open

pytestmark = pytest.mark.browser

SOUND = "media/talk.wav"
PHOTOS = tuple(f"media/photo {n}.png" for n in range(3))


@pytest.fixture
def tags(tmp_path: Path, known_clip: Path) -> Path:
    """A film with boxes, three pictures, a sound."""
    (tmp_path / "media").mkdir()
    shutil.copy(known_clip, tmp_path / FILE)
    write_sound(tmp_path / SOUND, seconds=4)
    messages: list[Any] = [
        *(seen(1000 * n, "a", box, confidence=0.5 + n / 9) for n, box in enumerate(BOXES)),
        Tag(0, 1500, 'half, "q"', FILE, "short", {"note": "x,\ny", "confidence": 7}),
        Progress(FILE),
    ]
    for n, name in enumerate(PHOTOS):
        write_png(tmp_path / name, picture(25 * n))
        corners = dict(zip(("x1", "y1", "x2", "y2"), BOXES[n], strict=True))
        messages += [Tag(0, 0, "block", name, "", {"n": n}, FrameInfo(0, corners)), Progress(name)]
    messages += [run(500, 1500, "speech", file=SOUND), Progress(SOUND)]
    return write_tags(tmp_path / "tags.jsonl", messages)


@pytest.fixture
def page(tags: Path, open_page: Open) -> Page:
    page = open_page(write_page(tags, tags.with_suffix(".html")).path)
    ready(page)
    return page


def test_galleries(page: Page) -> None:
    page.keyboard.press("g")
    assert shots(page) == ["0:00.000", "0:01.000", "0:02.000"]
    wait(page, "document.querySelectorAll('.shot canvas[data-ms]').length === 3")
    third = pixels_of(page.locator(".shot canvas").nth(2))[3:-3, 3:-3]  # without round corners
    box, block = edges_of(colourful(third)), edges_of(white(third))
    assert [box.left, box.bottom] == pytest.approx([block.left, block.bottom], abs=3)
    page.fill("#query", "label = 'a' and confidence > 0.6")
    assert shots(page) == ["0:01.000", "0:02.000"]
    page.locator(".shot", has_text="0:02.000").click()
    assert not page.locator("#gallery").is_visible()
    assert chosen(page) == "a"
    wait(page, "Math.abs(commonMl.state.nowMs - 2010) < 20")

    page.evaluate("commonMl.search.set('')")
    page.keyboard.press("n")
    page.keyboard.press("g")  # of a picture all pictures are shown
    assert shots(page) == ["clip.mp4", "photo 0.png", "photo 1.png", "photo 2.png"]
    page.fill("#query", "attributes.n >= 1")
    wait(page, "document.querySelectorAll('.shots:not([hidden]) .shot').length === 2")
    assert shots(page) == ["photo 1.png", "photo 2.png"]
    page.locator(".shot:visible", has_text="photo 2.png").click()
    assert page.evaluate("commonMl.state.media.name") == PHOTOS[2]
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    assert not page.locator("#gallery").is_visible()
    assert page.inner_text("#files-count") == "2 of 5"  # the filter has stayed


def shots(page: Page) -> list[str]:
    return page.locator(".shots:not([hidden]) .shot .name").all_inner_texts()


def test_files_have_pictures_sound_has_a_wave_and_panes_resize(page: Page) -> None:
    wait(page, "document.querySelectorAll('#files-list .row .thumb[data-ms]').length >= 4")
    pictures = page.locator("#files-list .row:visible .thumb")
    lefts = [edges_of(white(pixels_of(pictures.nth(n))[4:-4, 4:-4])).left for n in (1, 2, 3)]
    assert lefts[0] < lefts[1] < lefts[2]

    page.locator("#files-list .row", has_text="talk.wav").click()
    ready(page)
    assert page.locator("#heads .name").all_inner_texts() == ["sound", "default"]
    loud = page.evaluate("commonMl.timeline.lanes[0].height")
    assert loud == 40
    page.evaluate("commonMl.player.seek(2000)")
    wait(page, "commonMl.state.nowMs === 2000")
    paint(page)
    stage = pixels_of(page.locator("#stage")).astype(int)
    heard = (stage[:, :, 2] - stage[:, :, 0] > 60).any(axis=0)
    assert np.flatnonzero(heard).max() == pytest.approx(stage.shape[1] / 2, abs=4)

    before = page.locator("#side").bounding_box()
    page.locator("#side-edge").press("ArrowLeft")
    page.locator("#files-edge").press("ArrowRight")
    page.locator("#timeline-edge").press("ArrowUp")
    after = page.locator("#side").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == before["width"] + 24
    assert page.evaluate("localStorage.getItem('common-ml-panes')") is not None
    page.locator("#side-edge").hover()
    page.mouse.down()
    page.mouse.move(after["x"] - 60, 300, steps=3)
    page.mouse.up()
    assert page.locator("#side").bounding_box()["width"] == pytest.approx(  # type: ignore[index] # it is visible
        after["width"] + 60, abs=5
    )


def test_the_address_says_what_is_shown(page: Page, open_page: Open, tags: Path) -> None:
    page.fill("#query", "label = 'a' and confidence > 0.55")
    page.select_option("#sort", "unsure")
    page.evaluate("commonMl.state.setHidden(commonMl.state.page.tracks.indexOf('short'), true)")
    page.locator("#tags-list .row:visible", has_text="0:02.000").click()
    wait(page, "location.hash.includes('tag=') && location.hash.includes('t=2')")

    other = open_page(tags.with_suffix(".html"), fragment=page.evaluate("location.hash"))
    ready(other)
    wait(other, "Math.abs(commonMl.state.nowMs - 2010) < 20")
    assert other.input_value("#query") == "label = 'a' and confidence > 0.55"
    assert rows_of(other) == rows_of(page) == ["a", "a"]
    assert chosen(other) == "a"
    assert other.input_value("#sort") == "unsure"
    assert other.locator(".head.off .name").all_inner_texts() == ["short"]
    other.evaluate("location.hash = 'file=' + encodeURIComponent('media/talk.wav') + '&gallery=1'")
    wait(other, "commonMl.state.media.name === 'media/talk.wav'")
    assert rows_of(other) == ["speech"]
    assert other.locator("#gallery").is_visible()


def test_what_is_shown_is_exported(page: Page, tags: Path, tmp_path: Path) -> None:
    """The files hold what `Dataset.slice` finds, and datasets read them."""
    expression = "label = 'a' or attributes.n = 1 or label like 'half%'"
    page.fill("#query", expression)
    exported = {form: export(page, form, tmp_path) for form in ("tags", "csv", "coco")}

    wanted = [m for m in read_messages(tags) if isinstance(m, Tag)]
    wanted = [
        m for m in wanted if m.tag != "speech" and m.additional_info not in ({"n": 0}, {"n": 2})
    ]
    assert list(read_messages(exported["tags"])) == sorted(
        wanted, key=lambda m: (m.source_media, m.start_time, m.end_time)
    )
    with Dataset.open(tags) as dataset, Dataset.open(exported["csv"]) as table:
        found = dataset.slice(expression)
        assert kept(table) == kept(found)
    coco = json.loads(exported["coco"].read_text())
    assert [image["file_name"] for image in coco["images"]] == [
        *(f"{FILE}#{25 * n}" for n in range(3)), PHOTOS[1],
    ]  # fmt: skip
    with Dataset.open(exported["coco"], format="coco") as pictures:
        boxes = [record.annotations[0].box for record in pictures.records()]
    for box, (x1, y1, _, _) in zip(boxes, [*BOXES, BOXES[1]], strict=True):
        assert box is not None
        assert [box.x1, box.y1] == pytest.approx([x1, y1])
    assert coco["images"][0]["width"] == WIDTH
    assert coco["images"][0]["height"] == HEIGHT


def export(page: Page, form: str, folder: Path) -> Path:
    page.click("#export-open")
    page.check("#export-all")
    assert page.inner_text("#export-count") == "5 tags of 2 files"
    with page.expect_download() as download:
        page.click(f"#export-{form}")
    path = folder / "exported" / download.value.suggested_filename
    download.value.save_as(path)
    return path


def kept(dataset: Dataset) -> Any:
    return {
        record.media: sorted(
            (one.label, one.track, one.confidence, one.box, one.start_seconds, one.end_seconds,
             one.frame_index, json.dumps(one.attributes))
            for one in record.annotations
            if one.label == "a" or "half" in one.label or one.attributes.get("n") == 1
        )
        for record in dataset.records()
    }  # fmt: skip


def paint(page: Page) -> None:
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
