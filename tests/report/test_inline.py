"""`show`: the page of some tags in a notebook's frame."""

from __future__ import annotations

import html
import shutil
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml import show
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.tag_list import Tags

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BOX = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}


@pytest.fixture
def tags(tmp_path: Path, known_clip: Path) -> Tags:
    """Two on a clip, outside of the current folder."""
    clip = str(shutil.copy(known_clip, tmp_path / "clip.mp4"))
    return Tags(
        [
            Tag(0, 0, "cat", clip, frame_info=FrameInfo(0, BOX)),
            Tag(0, 900, 'a "dog" & <b>', clip, "animals"),
            Progress(clip),
        ]
    )


def test_the_page_holds_tags_and_media_and_nothing_is_left(tags: Tags, tmp_path: Path) -> None:
    shown = show(tags)

    assert 'id="media-0"' in shown.page
    assert "animals" in shown.page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]
    shown.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == shown.page


def test_tags_a_list_of_them_and_a_tags_file_are_shown(tags: Tags, tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    tags.save(path)

    assert show(list(tags)).page == show(tags).page
    assert "animals" in show(path).page
    with pytest.raises(ValueError, match="there is nothing to show"):
        show([])


def test_at_a_prompt_the_browser_opens_it(tags: Tags, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    shown = show(tags)

    (address,) = opened
    page = Path(address.removeprefix("file://"))
    assert page.read_text() == shown.page
    assert repr(shown).endswith(f"MB: {page}>")
    shutil.rmtree(page.parent)


@pytest.mark.browser
def test_a_notebook_draws_it_in_a_frame_of_its_own(tags: Tags, browser: Browser) -> None:
    """Scripts run, the film plays from its embedded bytes, and the notebook is out of reach."""
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    notebook = f"<!doctype html><p id=outside>cell</p>{show(tags)._repr_html_()}"

    page.set_content(notebook)

    (frame,) = page.frames[1:]
    frame.wait_for_function("document.querySelector('video')?.readyState >= 1")
    assert frame.locator("body").inner_text().count("animals")
    assert (
        frame.evaluate("""() => { try { return parent.document.body.innerHTML }
        catch (error) { return error.name } }""")
        == "SecurityError"
    )
    assert [text for text in problems if "autofocusing" not in text] == []
    page.close()


def test_the_markup_of_the_page_stays_inside_its_attribute(tags: Tags) -> None:
    shown = show(tags)
    frame = shown._repr_html_()
    source = frame.partition('srcdoc="')[2].partition('"')[0]

    assert html.unescape(source) == shown.page
