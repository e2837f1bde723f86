"""The pictures of the report that docs/ shows; run by hand, as below.

    python docs/make_pictures.py [--keep]

Runs the OCR example on the clip of the examples (`make demo`; with `--keep` only if it has not been
run), makes two runs of tags from it, and takes pictures of their pages in Chromium into
docs/images/: each part in light, in dark and on a phone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from picture_tags import write_runs
from playwright.sync_api import Browser, sync_playwright

from common_ml.data import Dataset
from common_ml.report import write_comparison, write_page
from common_ml.report.plots import write_bench_plots, write_dataset_plots
from common_ml.runtime.advice import advice
from common_ml.runtime.bench import measure

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
OUTPUT = ROOT / "demo-output"
RUNS = OUTPUT / "runs"
MAX_BYTES = 300_000


class Look(NamedTuple):
    """How a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str


LOOKS = (
    Look("light", 1280, 800, "light"),
    Look("dark", 1280, 800, "dark"),
    Look("narrow", 390, 780, "light"),
)


class Picture(NamedTuple):
    """One part of the page."""

    name: str
    page: str
    """A file in `demo-output`."""
    script: str = ""
    """What is done before."""
    seconds: float | None = None
    """Where the clip stands."""


CHOOSE = """text => {
    const { state } = commonMl;
    const { table } = state;
    state.selected = [...table.start.keys()].find(
        tag => table.textOf(tag) === text && table.isFrame(tag));
    state.emit("selected");
}"""
KEYS = """for (const key of %s) {
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
PICTURES = (
    Picture("view", "tags.html", f"({CHOOSE})('PLATFORM 9')", 11.02),
    Picture(
        "review",
        "runs/tags.html",
        """commonMl.search.set("confidence > 0.5 and label ilike '%o%'");
        """
        + KEYS % '["ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "a", "a", "r", "a"]',
    ),
    Picture("gallery", "runs/tags.html", "commonMl.search.set('text'); commonMl.gallery.toggle()"),
    Picture(
        "compare",
        "runs/changes.html",
        KEYS % '["d", "d", "d", "d", "d", "d"]',
    ),
    Picture("plots", "runs/plots.html"),
    Picture("bench", "runs/bench.html"),
)

SHOW = """seconds => new Promise(done => {
    const video = document.querySelector("#media video");
    const go = () => {
        video.requestVideoFrameCallback(done);
        commonMl.player.seek(seconds * 1000);
    };
    video.readyState >= 2 ? go() : video.addEventListener("loadeddata", go, { once: true });
})"""
LOADED = """() => new Promise(done => {
    const video = document.querySelector("#media video");
    if (!video || video.readyState >= 2) done();
    else video.addEventListener("loadeddata", done, { once: true });
})"""
ALL_PAINTED = """() => new Promise(done => {
    const rows = "#tags-list .row:not([hidden])";
    const look = () => document.querySelector(`${rows} .thumb:not([data-ms])`)
        || document.querySelector(".shots:not([hidden]) canvas:not([data-ms])")
        ? setTimeout(look, 50)
        : requestAnimationFrame(() => requestAnimationFrame(done));
    look();
})"""


def main() -> None:
    """Take all pictures."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    if "--keep" not in sys.argv or not (OUTPUT / "tags.html").exists():
        demo = [sys.executable, str(ROOT / "examples" / "demo.py")]
        subprocess.run(demo, check=True)
    write_pages()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for picture in PICTURES:
            for look in LOOKS:
                take(browser, picture, look)
        browser.close()


def write_pages() -> None:
    """Write the pages of the two runs."""
    tags, later = write_runs(OUTPUT / "tags.jsonl", RUNS)
    media = [ROOT / "examples"]
    write_page(tags, RUNS / "tags.html", media=media, params={"fps": 5})
    write_comparison(tags, later, RUNS / "changes.html", media=media)
    os.chdir(RUNS)  # the plots name their sources as they were opened
    with Dataset.open(tags.name, per="frame") as first:
        second = Dataset.open(later.name, per="frame")
        facts = second.statistics().to_json()
        write_dataset_plots(RUNS / "plots.html", facts, earlier=first.statistics().to_json())
    measured = measure(str(ROOT / "examples" / "shots"), [ROOT / "examples/media/clip.mp4"])
    write_bench_plots(RUNS / "bench.html", measured.to_json(), advice=advice(measured))


def take(browser: Browser, picture: Picture, look: Look) -> None:
    """Open the page, go to the moment and keep what it looks like."""
    page = browser.new_page(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.scheme == "dark" else "light",
    )
    page.goto((OUTPUT / picture.page).as_uri())
    page.evaluate(LOADED)
    if picture.script:
        page.evaluate(f"() => {{ {picture.script} }}")
    if picture.seconds is not None:
        page.evaluate(SHOW, picture.seconds)
    page.evaluate(ALL_PAINTED)
    path = IMAGES / f"{picture.name}-{look.name}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} KB")
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path} is larger than {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()
