"""Compare COCO files found in practice with what pycocotools reads."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from common_ml.data.formats import coco
from common_ml.data.formats.shared import policy
from common_ml.data.formats.shared.json_file import load_json
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from tests.depth import scaled

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"id": 3, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 10]}


def write(path: Path, *annotations: Any, **parts: Any) -> Path:
    data = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": list(annotations),
        **parts,
    }
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, 2**63 + 1, 10**30 + 7, -5, 0, "a1", 1700000000123456789],
)
def test_ids_are_exact_whatever_they_are(tmp_path: Path, number: Any) -> None:
    images = [
        {"id": one, "file_name": f"{place}.jpg", "width": 100, "height": 50}
        for place, one in enumerate([number, number + 1 if isinstance(number, int) else "b"])
    ]
    path = write(tmp_path / "a.json", {**GOOD, "image_id": number}, images=images)

    first, second = coco.read(path)
    assert (first.id, len(first.annotations), len(second.annotations)) == (str(number), 1, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(path))
    assert len(theirs.imgToAnns[number]) == 1
    # and back
    coco.write([first, second], tmp_path / "b.json")
    written = load_json(tmp_path / "b.json")
    if isinstance(number, int):
        assert [one["id"] for one in written["images"]] == [number, number + 1]
    assert [one.id for one in coco.read(tmp_path / "b.json")] == [first.id, second.id]


BAD = [
    ({"segmentation": [[1, 2, 3, 4]]}, "segmentation"),
    ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "segmentation"),
    ({"segmentation": [[1, 2, 3, "x", 5, 6]]}, "segmentation"),
    ({"segmentation": {"size": [2], "counts": []}}, "segmentation.size"),
    ({"score": 59}, "confidence"),
    ({"bbox": [1, 2, 3]}, "bbox"),
    ({"bbox": [1, 2, 3, float("nan")]}, "bbox"),
    ({"bbox": "all"}, "bbox"),
    ({"image_id": 7}, "image_id"),
    ({"image_id": None}, "image_id"),
    ({"category_id": 9}, "category_id"),
    ({"category_id": [1]}, "category_id"),
]


@pytest.mark.parametrize(("wrong", "field"), BAD)
def test_one_bad_annotation_costs_no_other(
    tmp_path: Path, wrong: dict[str, Any], field: str
) -> None:
    path = write(tmp_path / "a.json", GOOD, {**GOOD, **wrong}, GOOD)
    report = Report()

    with pytest.raises(FormatError, match=field):
        list(coco.read(path))
    (record,) = coco.read(path, on_error="skip", report=report)
    assert len(record.annotations) == 2
    (skipped,) = report.skipped
    assert skipped.place == skipped.what == "item 2 of annotations"
    assert field in skipped.reason


def test_metadata_as_text_is_left_out_and_not_its_annotation(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {**GOOD, "attributes": "many"})
    report = Report()
    (record,) = coco.read(path, on_error="skip", report=report)

    assert len(record.annotations) == 1
    assert "attributes: must be an object, got 'many'" in report.skipped[0].reason


@pytest.mark.parametrize("box", [[30, 20, -20, -10], [30, 10, -20, 10], [10, 20, 20, -10]])
def test_a_negative_size_is_the_same_rectangle(tmp_path: Path, box: list[float]) -> None:
    report = Report()
    (record,) = coco.read(write(tmp_path / "a.json", {**GOOD, "bbox": box}), report=report)

    assert record.annotations[0].box == Box(0.1, 0.2, 0.3, 0.4)
    assert report.repaired == {policy.FLIPPED: 1}


@pytest.mark.parametrize(
    ("box", "repair"), [([0, 0, 100.5, 50], policy.CLIPPED), ([-20, 0, 130, 50], policy.CUT)]
)
def test_what_lies_outside_is_clipped_and_counted(
    tmp_path: Path, box: list[float], repair: str
) -> None:
    report = Report()
    (record,) = coco.read(write(tmp_path / "a.json", {**GOOD, "bbox": box}), report=report)

    assert record.annotations[0].box == Box(0.0, 0.0, 1.0, 1.0)
    assert report.repaired == {repair: 1}


def test_an_empty_polygon_beside_a_good_box_is_none(tmp_path: Path) -> None:
    report = Report()
    path = write(tmp_path / "a.json", {**GOOD, "segmentation": [[]]})
    (record,) = coco.read(path, report=report)

    assert record.annotations[0].box == Box(0.1, 0.2, 0.3, 0.4)
    assert record.annotations[0].polygon is None
    assert sum(report.repaired.values()) == 1


@pytest.mark.parametrize("key", ["images", "categories"])
def test_two_of_one_id_are_an_error_that_names_both(tmp_path: Path, key: str) -> None:
    name = {"images": "file_name", "categories": "name"}[key]
    path = write(tmp_path / "a.json", **{key: [{"id": 1, name: "a"}, {"id": 1, name: "b"}]})

    with pytest.raises(FormatError) as caught:
        list(coco.read(path))
    for part in ("item 1", "item 2", "(a)", "(b)"):
        assert part in str(caught.value)


def test_whole_pixels_stay_whole(tmp_path: Path) -> None:
    sizes = [(1333, 1014), (640, 427), (7, 3), (4000, 2999)]
    boxes: list[list[float]] = [
        [319.33, 1.0, 1013.67, 1013.0],
        [0.1, 0.2, 3.3, 1.7],
        [1, 1, 5, 1],
        [1014, 3, 1, 2],
    ]
    images = [{"id": n, "file_name": f"{n}.jpg", "width": w, "height": h}
              for n, (w, h) in enumerate(sizes)]  # fmt: skip
    annotations = [
        {**GOOD, "image_id": n, "bbox": box,
         "segmentation": [[x, y, x, y + 1, x + 1, y]]}
        for n, box in enumerate(boxes)
        for x, y in [box[:2]]
    ]  # fmt: skip
    coco.write(coco.read(write(tmp_path / "a.json", *annotations, images=images)),
               tmp_path / "b.json")  # fmt: skip
    written = json.loads((tmp_path / "b.json").read_text())

    assert [one["bbox"] for one in written["annotations"]] == boxes
    assert [one["segmentation"] for one in written["annotations"]] == [
        one["segmentation"] for one in annotations
    ]
    assert {"info", "licenses"} <= written.keys()


def test_results_are_loaded_beside_what_we_write(tmp_path: Path) -> None:
    """`loadRes` of older pycocotools needs `info`."""
    record = Record(media="a.jpg", kind="image", width=100, height=50, id="1",
                    annotations=(Annotation("car", box=Box(0.1, 0.2, 0.3, 0.4)),))  # fmt: skip
    coco.write([record], tmp_path / "a.json")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(tmp_path / "a.json"))
        detection = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
        found = theirs.loadRes([detection])
    assert found.dataset["info"]["version"] == "1.0"
    assert len(found.anns) == 1


edges = st.floats(-20, 120, allow_nan=False) | st.integers(-20, 120)
shapes = st.lists(st.tuples(edges, edges), min_size=3, max_size=6)


@settings(max_examples=scaled(200), deadline=None)
@given(st.lists(edges, min_size=4, max_size=4), shapes, st.sampled_from([0, 1]))
def test_the_fast_way_gives_what_the_slow_one_does(
    tmp_path_factory: pytest.TempPathFactory,
    box: list[float],
    corners: list[tuple[float, float]],
    crowd: int,
) -> None:
    """An unknown key sends an annotation through all checks; the result is the same."""
    folder = tmp_path_factory.mktemp("pair")
    flat = [value for corner in corners for value in corner]
    fast = {**GOOD, "bbox": box, "segmentation": [flat], "iscrowd": crowd, "area": 3.5}
    (one,) = coco.read(write(folder / "fast.json", fast))
    (other,) = coco.read(write(folder / "slow.json", {**fast, "unknown": None}))

    assert one == other
    assert Record.from_json(one.to_json()).annotations == one.annotations


def test_results_alone_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(
        json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}])
    )
    with pytest.raises(FormatError, match=r"got a list of detections \(COCO results\); hint: "):
        list(coco.read(path))
