"""Records that are known in part: a width without a height, a geometry without its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.formats.shared.shapes import geometry_of
from common_ml.data.record import Annotation, Box, Mask, Record
from tests.data.formats.test_conformance import WRITABLE, module, title

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Kind
    from tests.data.formats.cases import Case

BOX = Box(0.25, 0.25, 0.5, 0.75)
MASK = Mask.from_array(np.arange(48).reshape(6, 8) % 3 == 0)


def written_and_read(
    folder: Path, name: str, suffix: str, *records: Record
) -> tuple[list[Record], list[str]]:
    """What comes back, and the reasons of what was left out."""
    made: Any = formats.get(name)
    report = made.write(records, folder / f"a{suffix}")
    return list(made.read(folder / f"a{suffix}")), [one.reason for one in report.skipped]


@pytest.mark.parametrize(("width", "height"), [(None, 213), (320, None)])
@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize(
    "case",
    [case for case in WRITABLE if case.read_options.get("task") != "image_classification"],
    ids=title,
)
def test_half_a_size_is_an_unknown_size(
    tmp_path: Path, case: Case, kind: Kind, width: int | None, height: int | None
) -> None:
    """A box comes back where it was, or the report says that it does not."""
    box = Annotation("car", box=BOX, frame_index=0, start_seconds=0.0, end_seconds=0.04)
    record = Record("a.mp4", kind=kind, width=width, height=height, annotations=(box,))
    target = tmp_path / f"a{case.suffix}"

    report = module(case).write([record], target, **case.write_options)

    assert report.written or report.skipped
    if not report.written:
        return
    (found,) = module(case).read(target, **case.read_options)
    boxes = [one.box for one in found.annotations if one.box is not None]
    assert all(edges(one) == pytest.approx(edges(BOX), abs=1e-6) for one in boxes)
    assert boxes or report.skipped or report.warnings


def edges(box: Box) -> tuple[float, ...]:
    return (box.x1, box.y1, box.x2, box.y2)


@pytest.mark.parametrize(("width", "height"), [(None, 213), (320, None), (None, None)])
def test_a_place_in_a_cvat_video_of_unknown_size_is_reported(
    tmp_path: Path, width: int | None, height: int | None
) -> None:
    annotations = (
        Annotation("mask", mask=MASK, frame_index=0),
        Annotation("box", box=BOX, frame_index=1),
        Annotation("polygon", polygon=((0, 0), (1, 0), (1, 1)), frame_index=2),
    )
    record = Record("a.mp4", kind="video", width=width, height=height, annotations=annotations)

    (found,), reasons = written_and_read(tmp_path, "cvat", ".xml", record)

    assert (found.width, found.height, found.annotations) == (None, None, ())
    unknown = "and CVAT has pixels of a size that is not known"
    assert reasons == [
        f"'mask' has a mask of 8 x 6 pixels, {unknown}",
        f"'box' has a place in 0..1, {unknown}",
        f"'polygon' has a place in 0..1, {unknown}",
    ]


def test_pixels_of_a_cvat_video_of_unknown_size_are_kept(tmp_path: Path) -> None:
    box = Annotation("car", track="0", box=Box(10, 20, 30, 40), frame_index=1)
    record = Record("a.mp4", kind="video", height=213, annotations=(box,), unit="pixel")

    (found,), reasons = written_and_read(tmp_path, "cvat", ".xml", record)

    assert (found.unit, found.annotations, reasons) == ("pixel", (box,), [])


def test_frames_of_a_cvat_video_count_in_their_own_unit_and_share_the_size(tmp_path: Path) -> None:
    """The first does not know it, the second does."""
    pixels = Annotation("car", track="0", box=Box(16, 12, 32, 36), frame_index=0)
    ratio = Annotation("car", track="0", box=BOX)
    records = [
        Record("a.mp4", kind="video", annotations=(pixels,), frame_index=0, unit="pixel"),
        Record("a.mp4", kind="video", width=64, height=48, annotations=(ratio,), frame_index=1),
    ]

    (found,), reasons = written_and_read(tmp_path, "cvat", ".xml", *records)

    assert (found.width, found.height, reasons) == (64, 48, [])
    assert [one.box for one in found.annotations] == [BOX, BOX]


def test_a_mask_of_another_size_than_its_picture_is_reported(tmp_path: Path) -> None:
    mask = Annotation("car", mask=MASK)
    record = Record("a.png", kind="image", width=8, height=5, annotations=(mask,))

    (found,), reasons = written_and_read(tmp_path, "cvat", ".xml", record)

    assert found.annotations == ()
    assert reasons == ["'car' has a mask of 8 x 6 pixels, and its picture has 8 x 5"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_name_of_blanks_is_reported(tmp_path: Path, kind: Kind) -> None:
    """XML readers strip it, and nothing would be left."""
    blank = Record("\n \t", kind=kind, width=8, height=6)
    good = Record("a", kind=kind, width=8, height=6)

    (found,), reasons = written_and_read(tmp_path, "cvat", ".xml", blank, good)

    assert found.media == "a"
    assert reasons == ["'\\n \\t' is not a name that XML can hold"]


COMPLETE: dict[str, dict[str, Any]] = {
    "ellipse": {"center": [1, 2], "radii": [3, 4]},
    "rotated_box": {"left": 1, "top": 2, "width": 3, "height": 4, "rotation": 0.5},
    "point": {"points": [[1, 2]]},
    "line": {"points": [[1, 2], [3, 4]]},
    "box": {"left": 1, "top": 2, "width": 3, "height": 4},
}


@pytest.mark.parametrize("kind", COMPLETE)
def test_a_geometry_without_one_of_its_keys_is_none(kind: str) -> None:
    def found(**keys: Any) -> Any:
        geometry = {"type": kind, "unit": "pixel", **keys}
        return geometry_of(Annotation("a", attributes={"geometry": geometry}))

    assert found(**COMPLETE[kind]) is not None
    for missing in COMPLETE[kind]:
        assert found(**{key: one for key, one in COMPLETE[kind].items() if key != missing}) is None
        assert found(**{**COMPLETE[kind], missing: "far"}) is None
        assert found(**{**COMPLETE[kind], missing: [float("nan")]}) is None


@pytest.mark.parametrize(("name", "suffix"), [("cvat", ".xml"), ("labelstudio", ".json")])
def test_writers_leave_out_a_geometry_that_is_incomplete(
    tmp_path: Path, name: str, suffix: str
) -> None:
    unit = "pixel" if name == "cvat" else "ratio"
    shape = {"type": "ellipse", "unit": unit, "center": [0.5, 0.5]}
    whole = {**shape, "radii": [0.25, 0.125], "rotation": 0.0}
    annotations = (
        Annotation("half", box=None, attributes={"geometry": shape}),
        Annotation("whole", attributes={"geometry": whole}),
    )
    record = Record("a.png", kind="image", width=8, height=6, annotations=annotations)

    (found,), _ = written_and_read(tmp_path, name, suffix, record)

    shapes = {one.label: geometry_of(one) for one in found.annotations}
    assert shapes.pop("whole") == whole
    assert shapes in ({}, {"half": None})


def test_metadata_of_a_picture_may_be_called_fps(tmp_path: Path) -> None:
    record = Record("a.png", kind="image", metadata={"fps": ["often"]})

    (found,), reasons = written_and_read(tmp_path, "labelstudio", ".json", record)

    assert (found.metadata, reasons) == ({"fps": ["often"]}, [])


def test_a_depth_that_is_not_a_number_is_not_written(tmp_path: Path) -> None:
    record = Record("a.png", kind="image", width=8, height=6, metadata={"depth": ["deep"]})

    (found,), _ = written_and_read(tmp_path, "voc", "", record)

    assert found.metadata == {}


def test_more_polygons_that_are_not_polygons_are_not_written(tmp_path: Path) -> None:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    more = [[[0, 0], [4, 0], [4, 4]], [[1, 1]], "far", [[1, 2], [3], [4, 5]]]
    annotation = Annotation("car", polygon=corners, attributes={"more_polygons": more})
    record = Record("a.png", kind="image", width=8, height=8, annotations=(annotation,))

    (found,), _ = written_and_read(tmp_path, "coco", ".json", record)

    assert found.annotations[0].attributes["more_polygons"] == [more[0]]
