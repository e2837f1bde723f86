"""Tasks of Label Studio with several media: each result goes to its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.formats import labelstudio
from common_ml.data.record import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


def read(
    folder: Path, data: dict[str, Any], *results: dict[str, Any], **options: Any
) -> list[tuple[str, str, tuple[str, ...]]]:
    task = {"id": 7, "data": data, "annotations": [{"result": results}]}
    (folder / "a.json").write_text(json.dumps([task]))
    found = list(labelstudio.read(folder / "a.json", **options))
    assert all(a.box == Box(0.125, 0.25, 0.375, 0.75) for one in found for a in one.annotations)
    return [(one.media, one.id, one.labels()) for one in found]


def box(label: str, to_name: str, **keys: Any) -> dict[str, Any]:
    value = {"x": 12.5, "y": 25, "width": 25, "height": 50, "rectanglelabels": [label]}
    size = {"original_width": 100, "original_height": 50}
    return {
        "id": label,
        "type": "rectanglelabels",
        "to_name": to_name,
        "value": value,
        **size,
        **keys,
    }


TWO = {"img1": "a.jpg", "img2": "b.jpg", "text": "x"}


def test_results_go_to_the_picture_that_they_name(tmp_path: Path) -> None:
    found = read(tmp_path, TWO, box("cat", "img2"), box("dog", "img-1"), box("cow", "img2"))
    assert found == [("a.jpg", "7", ("dog",)), ("b.jpg", "7/img2", ("cat", "cow"))]


def test_a_picture_that_is_not_the_main_one_may_have_all(tmp_path: Path) -> None:
    found = read(tmp_path, {"image": "a.jpg", "photo": "b.jpg"}, box("cat", "photo"))
    assert found == [("a.jpg", "7", ()), ("b.jpg", "7/photo", ("cat",))]


def test_the_source_of_older_exports_counts(tmp_path: Path) -> None:
    found = read(
        tmp_path, TWO, box("cat", "left", source="$img1"), box("dog", "right", source="$img2")
    )
    assert found == [("a.jpg", "7", ("cat",)), ("b.jpg", "7/img2", ("dog",))]


def test_one_name_that_is_no_key_is_the_main_media(tmp_path: Path) -> None:
    assert read(tmp_path, TWO, box("cat", "picture")) == [("a.jpg", "7", ("cat",))]


def test_names_that_fit_no_picture_are_an_error(tmp_path: Path) -> None:
    results = box("cat", "left"), box("dog", "img2")
    with pytest.raises(FormatError) as caught:
        read(tmp_path, TWO, *results)
    assert "result[0].to_name: must be one of the task's media (img1, img2), got 'left'; hint" in (
        str(caught.value)
    )
    report = Report()
    found = read(tmp_path, TWO, *results, on_error="skip", report=report)
    assert found == [("a.jpg", "7", ()), ("b.jpg", "7/img2", ("dog",))]
    assert len(report.skipped) == 1


def test_pages_are_records(tmp_path: Path) -> None:
    data = {"pages": ["p/0.jpg", "p/1.jpg", "p/2.jpg"]}
    found = read(tmp_path, data, box("cat", "pages", item_index=2), box("dog", "pages"))
    assert found == [
        ("p/0.jpg", "7", ("dog",)),
        ("p/1.jpg", "7/pages/1", ()),
        ("p/2.jpg", "7/pages/2", ("cat",)),
    ]
    with pytest.raises(FormatError, match="item_index: must be a page of pages, which has 3"):
        read(tmp_path, data, box("cat", "pages", item_index=3))


def test_several_sizes_of_one_picture_are_told(tmp_path: Path) -> None:
    report = Report()
    other = box("dog", "image", original_width=50, original_height=100)
    read(tmp_path, {"image": "a.jpg"}, box("cat", "image"), other, report=report)
    assert report.warnings == [
        "item 1: results state pictures of several sizes (100 x 50, 50 x 100): the first is taken"
    ]
