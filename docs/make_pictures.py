"""The pictures of the report that docs/ shows; run by hand, as below.

    python docs/make_pictures.py

Runs the OCR example on the clip of the examples (`make demo`), and takes pictures of its page in
Chromium, light and dark, wide and narrow, into docs/images/.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "demo-output" / "tags.html"
MOST_BYTES = 300_000


class Picture(NamedTuple):
    """One picture of the page."""

    name: str
    width: int
    height: int
    scheme: str
    seconds: float
    """Where the clip stands."""
    text: str = ""
    """The tag that is chosen in the list."""


PICTURES = (
    Picture("view-light", 1280, 800, "light", 1.5),
    Picture("view-dark", 1280, 800, "dark", 11.02, text="PLATFORM 9"),
    Picture("view-narrow", 480, 860, "light", 4.5),
)

SHOW = """seconds => new Promise(done => {
    const video = document.querySelector("#media video");
    const go = () => {
        video.requestVideoFrameCallback(done);
        commonMl.player.seek(seconds * 1000);
    };
    video.readyState >= 2 ? go() : video.addEventListener("loadeddata", go, { once: true });
})"""
CHOOSE = """text => {
    const { state } = commonMl;
    const { table } = state;
    state.selected = [...table.start.keys()].find(
        tag => table.textOf(tag) === text && table.isFrame(tag));
    state.emit("selected");
}"""
ALL_PAINTED = """() => new Promise(done => {
    const rows = "#tags-list .row:not([hidden])";
    const look = () => document.querySelector(`${rows} .thumb:not([data-ms])`)
        ? setTimeout(look, 50)
        : requestAnimationFrame(() => requestAnimationFrame(done));
    look();
})"""


def main() -> None:
    """Take all pictures."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    demo = [sys.executable, str(ROOT / "examples" / "demo.py")]
    subprocess.run(demo, check=True)  # noqa: S603 - this repository's own program
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for picture in PICTURES:
            take(browser, picture)
        browser.close()


def take(browser: Browser, picture: Picture) -> None:
    """Open the page, go to the moment and keep what it looks like."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
    )
    page.goto(PAGE.as_uri())
    page.evaluate(SHOW, picture.seconds)
    if picture.text:
        page.evaluate(CHOOSE, picture.text)
        page.evaluate("seconds => commonMl.player.seek(seconds * 1000)", picture.seconds)
    page.evaluate(ALL_PAINTED)
    path = IMAGES / f"{picture.name}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} KB")  # noqa: T201 - a script
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path} is larger than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
