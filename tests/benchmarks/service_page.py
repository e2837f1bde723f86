"""What the service's page of 10,000 files costs: to paint, to filter, to scroll, in memory.

    python -m tests.benchmarks.service_page

A real server on SQLite, each file with a prediction that is done; headless Chromium at 1280x800.
Milliseconds by the clock, the server's included, and those that the page's main thread computed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.service_http import fill
from tests.service.serving import PASSWORD, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

NUM_FILES = 10_000
NUM_SCREENS = 60
QUERIES = ("red", "123", "77.jpg", "") * 3

NOTE_FIRST_PAINT = """
const look = () => {
    if (!document.querySelector("#files-list .file .name")) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => { window.paintedAt = performance.now(); }));
};
requestAnimationFrame(look);
"""
FILTER = """query => new Promise(done => {
    const list = document.querySelector("#files-list");
    const search = document.querySelector("#query");
    const before = list.querySelector(".file").dataset.sha256;
    const start = performance.now();
    search.value = query;
    search.dispatchEvent(new Event("input"));
    const look = () => {
        const { sha256 } = list.querySelector(".file").dataset;
        if (sha256 === before) return requestAnimationFrame(look);
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    };
    look();
})"""
SCROLL = """screens => new Promise(done => {
    const list = document.querySelector("#files-list");
    const times = [];
    const next = () => {
        const start = performance.now();
        list.scrollTop = times.length * 9301;
        requestAnimationFrame(() => setTimeout(() => {
            times.push(performance.now() - start);
            times.length < screens ? next() : done(times);
        }));
    };
    next();
})"""


class Watched:
    """A page, what its main thread has computed, and what its heap holds."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def _metric(self, name: str) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == name)

    def heap_mib(self) -> float:
        """After a collection of what nobody holds."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._metric("JSHeapUsedSize") / (1 << 20)

    def show(self, name: str, times: Callable[[], list[float]]) -> None:
        """Measure, and print."""
        before = self._metric("TaskDuration")
        found = times()
        computed = (self._metric("TaskDuration") - before) * 1000 / len(found)
        figures = f"{statistics.median(found):8.0f}{max(found):8.0f}{computed:8.1f}"
        print(f"{name:32}{figures}{self.heap_mib():8.1f}")


def measure(page: Page, url: str) -> None:
    """Log in, and print all figures."""
    page.set_default_timeout(120_000)
    page.goto(url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("#files-list .file .name").first.wait_for()
    page.add_init_script(NOTE_FIRST_PAINT)
    watched = Watched(page)
    print(f"{'':32}{'median':>8}{'worst':>8}{'cpu ms':>8}{'MiB':>8}")

    def open_again() -> float:
        page.reload()
        page.wait_for_function("() => window.paintedAt > 0")
        return float(page.evaluate("window.paintedAt"))

    watched.show("until 200 files are painted", lambda: [open_again() for _ in range(5)])
    watched.show("search", lambda: [float(page.evaluate(FILTER, query)) for query in QUERIES])

    def load_all() -> list[float]:
        page.locator("#files-list .tick").first.click()
        started = float(page.evaluate("performance.now()"))
        page.locator("#select-all").click()
        page.locator("#selected-count", has_text=f"{NUM_FILES:,} selected").wait_for()
        return [float(page.evaluate("performance.now()")) - started]

    watched.show(f"all {NUM_FILES:,} loaded and selected", load_all)
    watched.show("scroll, one picture", lambda: page.evaluate(SCROLL, NUM_SCREENS))
    page.locator("#select-none").click()
    watched.show("search again", lambda: [float(page.evaluate(FILTER, query)) for query in QUERIES])


def main() -> None:
    """Measure, and print."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "service", NUM_FILES)
        with serve("--workers", "0", folder=folder) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            print(f"{NUM_FILES:,} files; Chromium {browser.version}")
            measure(browser.new_page(viewport={"width": 1280, "height": 800}), served.url)
            browser.close()
            served.stop()


if __name__ == "__main__":
    main()
