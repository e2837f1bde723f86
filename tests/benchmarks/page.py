"""What the page of a large tags file costs: to write, until it is painted, to filter and to zoom.

    python tests/benchmarks/page.py

100,000 tags of one file in four tracks, frames with boxes and runs, in headless Chromium; medians.
The aims: painted within 2 seconds, filtered within 100 ms, zoomed and scrolled within a picture of
30 a second.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common_ml.report import write_page
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.tags_file.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

NUM_TAGS = 100_000
NUM_OPENINGS = 5
FILE = "media/film.mp4"
QUERIES = ("p", "pe", "per", "person", "person 1", "person 12", "objects", "", "zzz", "")
EXPRESSIONS = (
    "confidence > 0.7 and label != 'dog 1'",
    "label like 'person%' or track = 'speech'",
    "attributes.confidence between 0.2 and 0.4 and not label ilike '%CAR%'",
    "start_time > 1000000 and end_time < 6000000 and confidence is not null",
    "",
)

NOTE_FIRST_PAINT = """
const look = () => {
    const name = document.querySelector("#tags-list .row .name");
    if (!name || !name.textContent) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => { window.paintedAt = performance.now(); }));
};
requestAnimationFrame(look);
"""
TIME_FILTER = """query => new Promise(done => {
    const input = document.querySelector("#query");
    const start = performance.now();
    input.value = query;
    input.dispatchEvent(new Event("input"));
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""
TIME_DRAWING = """act => new Promise(done => {
    const acts = {
        threshold: n => {
            const input = document.querySelector("#threshold");
            input.value = String((n % 20) / 20);
            input.dispatchEvent(new Event("input"));
        },
        zoom: n => commonMl.timeline.zoom(n % 20 < 10 ? 0.8 : 1.25),
        scroll: n => { document.querySelector("#tags-list").scrollTop = n * 40_000; },
        play: n => commonMl.player.seek(n * 40_000),
    };
    const times = [];
    const next = () => {
        const start = performance.now();
        acts[act](times.length);
        requestAnimationFrame(() => setTimeout(() => {
            times.push(performance.now() - start);
            times.length < 60 ? next() : done(times);
        }));
    };
    next();
})"""


class Case(NamedTuple):
    """A figure and what it should be."""

    name: str
    milliseconds: float
    """By the clock."""
    cpu_milliseconds: float
    """What the page's main thread computed of it: the same on a busy machine."""
    aim: float


def tags(count: int) -> Iterator[Tag]:
    """Four of five tags are of frames; the same ones in every run."""
    chance = random.Random(1)
    for number in range(count):
        start = number * 72 + chance.randrange(50)
        text = f"{chance.choice(('person', 'car', 'dog', 'sign'))} {chance.randrange(60)}"
        if number % 5:
            x, y = chance.random() * 0.7, chance.random() * 0.7
            box = {"x1": x, "y1": y, "x2": x + 0.2, "y2": y + 0.3}
            info = {"confidence": chance.random()}
            yield Tag(start, start, text, FILE, "objects", info, FrameInfo(number, box))
        else:
            track = ("objects", "faces", "speech", "shots")[number // 5 % 4]
            yield Tag(start, start + chance.randrange(200, 4000), text, FILE, track)


class Watched:
    """A page, and how long its main thread has computed."""

    def __init__(self, browser: Browser) -> None:
        self.page = browser.new_page(viewport={"width": 1440, "height": 900})
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cpu_milliseconds(self) -> float:
        """Since it was opened."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        (seconds,) = (m["value"] for m in metrics if m["name"] == "TaskDuration")
        return float(seconds) * 1000

    def opens(self, path: Path) -> tuple[float, float]:
        """Milliseconds until list and lanes are painted; computed for it."""
        before = self.cpu_milliseconds()
        self.page.add_init_script(NOTE_FIRST_PAINT)
        self.page.goto(path.as_uri())
        while not (painted := self.page.evaluate("window.paintedAt ?? 0")):
            pass  # each look waits for the page
        return float(painted), self.cpu_milliseconds() - before

    def filters(self, query: str) -> tuple[float, float]:
        """Milliseconds from the last letter until the rest is painted; computed for it."""
        before = self.cpu_milliseconds()
        elapsed = self.page.evaluate(TIME_FILTER, query)
        return float(elapsed), self.cpu_milliseconds() - before

    def draws(self, act: str) -> tuple[list[float], float]:
        """Milliseconds of each picture; computed for one on average."""
        before = self.cpu_milliseconds()
        times = self.page.evaluate(TIME_DRAWING, act)
        return times, (self.cpu_milliseconds() - before) / len(times)


def measure(browser: Browser, path: Path) -> Iterator[Case]:
    """Yields the figures."""
    paints = []
    for _ in range(NUM_OPENINGS):
        watched = Watched(browser)
        paints.append(watched.opens(path))
        if len(paints) < NUM_OPENINGS:
            watched.page.close()
    yield Case("first paint", *medians(paints), 2000)
    filters = [watched.filters(query) for query in QUERIES * 3]
    yield Case("filter, median", *medians(filters), 100)
    yield Case("filter, slowest", *max(filters), 100)
    watched.filters(EXPRESSIONS[2])  # reads all details once
    expressions = [watched.filters(query) for query in EXPRESSIONS * 5]
    yield Case("expression, median", *medians(expressions), 100)
    yield Case("expression, slowest", *max(expressions), 100)
    for act in ("threshold", "zoom", "scroll", "play"):
        times, computed = watched.draws(act)
        aim = 100 if act == "threshold" else 33
        yield Case(f"{act}, median", statistics.median(times), computed, aim)


def medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of the first and of the second ones."""
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def main() -> None:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source, target = Path(folder, "tags.jsonl"), Path(folder, "page.html")
        source.write_bytes(b"".join(map(encode, (*tags(NUM_TAGS), Progress(FILE)))))
        start = time.perf_counter()
        written = write_page(source, target)
        seconds = time.perf_counter() - start
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        said = f"{written.num_tags:,} tags, {written.num_bytes / 1e6:.1f} MB"
        print(f"{said}, written in {seconds:.1f} s; Chromium {browser.version}")
        print(f"{'':24}{'ms':>8}{'cpu ms':>8}{'aim':>8}")
        for case in measure(browser, target):
            figures = f"{case.milliseconds:8.0f}{case.cpu_milliseconds:8.0f}{case.aim:8.0f}"
            print(f"{case.name:24}{figures}")
        browser.close()


if __name__ == "__main__":
    main()
