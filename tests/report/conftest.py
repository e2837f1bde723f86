"""A headless Chromium for the tests of pages; without one they are skipped, or fail if demanded."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.report.pages import Open
from tests.requirements import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        lacking("browser", "there is no chromium on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("browser", "playwright is not installed")
    # as root, and in containers, Chromium's own sandbox cannot be set up
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages from disk; fails the test if one of them complained, or asked for anything else.

    Whatever a page writes to the console counts: scripts that failed, and what its policy forbade.
    """
    opened = Open(browser)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def known_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip of tests/report/clip.py, in the codec that every browser has."""
    from tests.report.clip import write_known_clip

    return write_known_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
