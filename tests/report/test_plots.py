"""Pages of plots: what they say, that texts stay texts, and how they look in a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.report.charts import bars, heat, histogram, matrix, stacked
from common_ml.report.plots import write_bench_plots, write_dataset_plots

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.pages import Open

ATTACK = "</td><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"


def facts(scale: int = 1) -> dict[str, Any]:
    """Statistics, as a dataset gives them."""
    return {
        "num_records": 3,
        "num_media": 2,
        "num_annotations": 40 * scale,
        "num_boxes": 10,
        "labels": {"car": 30 * scale, ATTACK: 10 * scale},
        "tracks": {"": 40},
        "confidences": [n * scale for n in range(20)],
        "durations": {"up to 1 s": 4, "1 s and more": 2 * scale},
        "box_sizes": [0] * 19 + [10],
        "box_places": [[0] * 20 for _ in range(11)] + [[1] * 20],
        "together": {"labels": ["car", ATTACK], "counts": [[30, 5], [5, 10]]},
        "sources": ["tags.jsonl", ATTACK],
    }


MEASURED: dict[str, Any] = {
    "model": {"name": ATTACK},
    "files": 1,
    "failed": 0,
    "tags": 5,
    "frames": 20,
    "total_seconds": 3.0,
    "loading_seconds": 1.0,
    "tagging_seconds": 2.0,
    "cpu_seconds": 3.0,
    "cpus": 2,
    "peak_memory_bytes": 50_000_000,
    "stages": {"decode": 0.5, "model": 1.5, "write": 0.0, "idle": 0.0, "other": 0.0},
    "timeline": {
        "bin_seconds": 1.0,
        "stages": {
            "decode": [0.25, 0.25], "model": [0.75, 0.75], "write": [0.0, 0.0],
            "idle": [0.0, 0.0], "other": [0.0, 0.0],
        },
    },
}  # fmt: skip


class Rects(HTMLParser):
    """The rectangles that are drawn, with their numbers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "rect":
            given = dict(attrs)
            names = ("x", "y", "width", "height")
            self.found.append(
                {"class": given["class"]} | {name: float(given.get(name) or 0) for name in names}
            )


def test_bars_are_as_long_as_their_values() -> None:
    found = Rects(bars([("a", [10, 5]), ("b", [0, 20])])).found

    assert [(one["class"], one["width"]) for one in found] == [
        ("s0", 50), ("s1", 25), ("s0", 0), ("s1", 100),
    ]  # fmt: skip


def test_columns_of_a_histogram_are_shares_of_their_series() -> None:
    found = Rects(histogram([[1, 3], [20, 20]], names=["low", "high"], axis=["0", "1"])).found

    heights = {(one["class"], one["x"] // 50): one["height"] for one in found}
    assert heights[("s0", 0)] == pytest.approx(0.25 / 0.75 * 100, abs=1e-3)
    assert heights[("s0", 1)] == 100
    assert heights[("s1", 0)] == heights[("s1", 1)] == pytest.approx(0.5 / 0.75 * 100, abs=1e-3)
    assert all(one["y"] + one["height"] == pytest.approx(100, abs=1e-2) for one in found)


def test_stages_stand_on_each_other() -> None:
    found = Rects(
        stacked([[0.25, 0.5], [0, 1]], names=["decode", "model"], titles=["0", "1"], axis=[])
    ).found

    assert [(one["class"], one["y"], one["height"]) for one in found] == [
        ("decode", 75, 25), ("model", 25, 50), ("model", 0, 100),
    ]  # fmt: skip


def test_maps_and_matrices_show_the_most_the_strongest() -> None:
    assert 'fill-opacity="1.000"><title>4</title>' in heat([[0, 4], [2, 0]])
    assert 'fill-opacity="0.500"><title>2</title>' in heat([[0, 4], [2, 0]])
    table = matrix(["a", "b"], [[9, 3], [3, 5]])
    assert table.count('fill-opacity="1.000"') == 2  # not the diagonal
    assert 'title="a, b: 3"' in table


@pytest.mark.browser
def test_the_pages_in_a_browser(tmp_path: Path, open_page: Open) -> None:
    """In light and dark, wide and on a phone: nothing runs, nothing is wider than the page."""
    plots = [
        write_dataset_plots(tmp_path / "one.html", facts()),
        write_dataset_plots(tmp_path / "two.html", facts(), earlier=facts(2)),
        write_bench_plots(tmp_path / "bench.html", MEASURED, advice=["decode less", ATTACK]),
    ]
    for path in plots:
        for width, scheme in ((1280, "light"), (390, "dark")):
            page = open_page(path, width=width, scheme="dark" if scheme == "dark" else "light")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("window.hacked") is None
            assert page.locator("img").count() == 0
            ground = "getComputedStyle(document.body).backgroundColor"
            before = page.evaluate(ground)
            page.keyboard.press("t")
            assert page.evaluate(ground) != before
            text = page.locator("main").inner_text()
            assert ATTACK in text
            if path.stem == "two":
                assert "75.0% → 75.0%" in text
                assert "60 → 30" in text
            if path.stem == "bench":
                assert "1.50 s, 75%" in text
                tall = page.locator("figure rect.model").first.bounding_box()
                low = page.locator("figure rect.decode").first.bounding_box()
                assert tall is not None
                assert low is not None
                assert tall["height"] == pytest.approx(3 * low["height"], abs=1)
