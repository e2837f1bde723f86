from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from common_ml.data.formats import masterful, scale
from common_ml.data.formats.masterful import files as masterful_files
from common_ml.data.record import Annotation, Box, Mask, Record
from tests.data.formats import scale_tasks as tasks
from tests.data.formats.server import Answer, Asked, serving

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.report import Report

CLASSIFICATION: Any = {"task": "image_classification"}
DETECTION: Any = {"task": "object_detection"}
SEGMENTATION: Any = {"task": "semantic_segmentation"}


def convert(folder: Path, exported: list[Any], **options: Any) -> Report:
    path = folder / "export.json"
    path.write_text(json.dumps(exported))
    return masterful.write(scale.read(path), folder / "out", **options)


def lines(folder: Path, name: str = "records.csv") -> list[str]:
    return (folder / "out" / name).read_text().splitlines()


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_sides_of_a_box_are_cut_each_by_itself(tmp_path: Path) -> None:
    """Left 1.01, top 2.99, width 6, height 3: the lower edge is 2 + 3, and not int(5.99)."""
    task = tasks.image_task("1", tasks.SMALL_BOX, tasks.BOX)
    report = convert(tmp_path, [task], **DETECTION)

    assert report.written == 1
    assert lines(tmp_path) == ["https://x.example/1.jpg, 1, 2, 1, 5, 7, 0, 10, 20, 60, 120"]
    assert lines(tmp_path, "label_map.csv") == ["0, car", "1, person", "2, road", "3, van"]


def test_ids_are_of_the_classes_of_all_tasks_and_not_of_the_first(tmp_path: Path) -> None:
    more = {"attachment": "https://x.example/2.jpg",
            "geometries": {"box": {"objects_to_annotate": ["apple"]}}}  # fmt: skip
    convert(
        tmp_path,
        [tasks.image_task("1", tasks.BOX), tasks.image_task("2", params=more)],
        **DETECTION,
    )

    assert lines(tmp_path) == ["https://x.example/1.jpg, 1, 10, 20, 60, 120",
                               "https://x.example/2.jpg"]  # fmt: skip
    assert lines(tmp_path, "label_map.csv")[0] == "0, apple"


@pytest.mark.parametrize(
    "other", [tasks.POLYGON, tasks.LINE, tasks.POINT, tasks.ELLIPSE, tasks.CUBOID, tasks.TURNED]
)
def test_a_record_with_another_geometry_is_skipped_unless_its_boxes_are_to_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, other: dict[str, Any]
) -> None:
    exported = [tasks.image_task("77", tasks.BOX, other), tasks.image_task("2", tasks.BOX)]
    with caplog.at_level(logging.WARNING):
        report = convert(tmp_path, exported, **DETECTION)

    assert [one.what for one in report.skipped] == ["77"]
    assert "skipped 77: has " in caplog.text
    assert len(lines(tmp_path)) == 1
    convert(tmp_path, exported, **DETECTION, keep_boxes=True)
    assert lines(tmp_path)[0] == "https://x.example/77.jpg, 0, 10, 20, 60, 120"


def test_classification_takes_both_kinds_of_task(tmp_path: Path) -> None:
    exported = [tasks.image_task("1", tasks.BOX, tasks.BOX, tasks.LINE), tasks.image_task("2")]
    convert(tmp_path, exported, **CLASSIFICATION)
    assert lines(tmp_path) == ["https://x.example/1.jpg, 0, 2", "https://x.example/2.jpg"]

    convert(tmp_path, [tasks.segment_task()], **CLASSIFICATION)
    assert lines(tmp_path) == ["https://s3.example/a, 1, 3"]
    assert lines(tmp_path, "label_map.csv") == ["1, road", "2, car", "3, person"]


@pytest.mark.parametrize(
    ("options", "task", "reason"),
    [
        (DETECTION, tasks.segment_task(), "segmentannotation"),
        (SEGMENTATION, tasks.image_task("s1", tasks.BOX), "imageannotation"),
        (DETECTION, tasks.image_task("s1", {**tasks.BOX, "label": "a, b"}), "comma"),
        (DETECTION, tasks.image_task("s1", {**tasks.BOX, "label": None}), "without label"),
        (CLASSIFICATION,
         tasks.image_task("s1", params={"attachment": "https://x.example/a,b.jpg"}), "comma"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_skipped(
    tmp_path: Path, options: Any, task: Any, reason: str
) -> None:
    report = convert(tmp_path, [task], **options)

    assert [(one.what, reason in one.reason) for one in report.skipped] == [("s1", True)]
    assert lines(tmp_path) == []


def test_segmentation_points_to_the_label_images(tmp_path: Path) -> None:
    convert(tmp_path, [tasks.segment_task()], **SEGMENTATION)

    assert lines(tmp_path) == ["https://s3.example/a, https://s3.example/idx.png"]
    assert lines(tmp_path, "label_map.csv") == ["0, background", "1, road", "2, car", "3, person"]


OWN_NUMBERS = np.array([[0, 1, 1], [3, 4, 0]])


def segmentation_of(url: str, number: int, **combined: str) -> dict[str, Any]:
    """Two instances of a person, and a second task that numbers its labels in another way."""
    first = {"road": {"index": 1, "numPixels": 2},
             "person": [{"index": 3, "numPixels": 1}, {"index": 4, "numPixels": 1}]}  # fmt: skip
    second = {"person": [{"index": 1, "numPixels": 2}], "road": {"index": 3, "numPixels": 1},
              "car": {"index": 4, "numPixels": 1}}  # fmt: skip
    task = tasks.segment_task(f"s{number}", mapping=first if number == 1 else second)
    task["attachmentS3Downloads"] = [{"isConvertedImage": True, "s3URL": f"{url}/p?n={number}"}]
    task["response"]["annotations"]["combined"] = combined or {"indexedImage": f"{url}/idx.png"}
    return task


def test_pictures_and_masks_are_downloaded_and_masks_have_the_ids_of_the_map(
    tmp_path: Path,
) -> None:
    picture = png(np.zeros((2, 3, 3)))
    wide = np.stack([OWN_NUMBERS, OWN_NUMBERS * 0, OWN_NUMBERS * 0], axis=2)
    served = {"/idx.png": png(OWN_NUMBERS), "/ext.png": png(wide), "/p": picture}

    with serving(lambda asked: Answer(served[asked.path])) as server:
        exported = [
            segmentation_of(server.url, 1),
            segmentation_of(server.url, 2, extendedIndexedImage=f"{server.url}/ext.png"),
        ]
        report = convert(tmp_path, exported, **SEGMENTATION, download_images=True)

    assert report.written == 2
    assert lines(tmp_path) == ["images/a.jpg, images/a_label.png",
                               "images/a_2.jpg, images/a_2_label.png"]  # fmt: skip
    assert lines(tmp_path, "label_map.csv") == ["0, background", "1, road", "3, person", "4, car"]
    images = tmp_path / "out" / "images"
    assert (images / "a.jpg").read_bytes() == picture
    # both instances are persons, 3
    assert np.asarray(Image.open(images / "a_label.png")).tolist() == [[0, 1, 1], [3, 3, 0]]
    assert np.asarray(Image.open(images / "a_2_label.png")).tolist() == [[0, 3, 3], [1, 4, 0]]
    assert sorted(path.name for path in images.iterdir()) == [
        "a.jpg", "a_2.jpg", "a_2_label.png", "a_label.png"]  # fmt: skip


def test_instances_and_other_numbers_need_the_download(tmp_path: Path) -> None:
    exported = [segmentation_of("https://s3.example", number) for number in (1, 2)]
    report = convert(tmp_path, exported, **SEGMENTATION)

    assert [one.what for one in report.skipped] == ["s1", "s2"]
    assert all("have to be downloaded" in one.reason for one in report.skipped)


def test_downloads_run_side_by_side_and_a_lost_picture_is_skipped(tmp_path: Path) -> None:
    """Each answer waits for the second request to be there: one after the other would hang."""
    import threading

    both = threading.Barrier(2, timeout=60)

    def answer(asked: Asked) -> Answer:
        if asked.path in ("/1.jpg", "/2.jpg"):
            both.wait()
        lost = asked.path == "/3.jpg"
        return Answer(b"" if lost else picture + asked.path.encode(), status=404 if lost else 200)

    picture = png(np.zeros((2, 3, 3)))
    with serving(answer) as server:
        exported = [
            tasks.image_task(name, params={"attachment": f"{server.url}/{name}.jpg"})
            for name in ("1", "2", "3")
        ]
        report = convert(tmp_path, exported, **CLASSIFICATION, download_images=True)

    assert lines(tmp_path) == ["images/1.jpg", "images/2.jpg"]
    assert (tmp_path / "out" / "images" / "2.jpg").read_bytes() == picture + b"/2.jpg"
    assert [one.what for one in report.skipped] == ["3"]
    assert "answers 404" in report.skipped[0].reason


def test_what_is_no_picture_or_too_large_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masterful_files, "MAX_PICTURE_BYTES", 10_000)
    picture = png(np.zeros((2, 3, 3)))
    served = {
        "/page.jpg": b"<html>please log in</html>",
        "/large.jpg": picture + bytes(20_000),
        "/good.jpg": picture,
    }
    with serving(lambda asked: Answer(served[asked.path])) as server:
        exported = [
            tasks.image_task(path, params={"attachment": f"{server.url}{path}"}) for path in served
        ]
        report = convert(tmp_path, exported, **CLASSIFICATION, download_images=True)

    assert lines(tmp_path) == ["images/good.jpg"]
    assert [one.what for one in report.skipped] == ["/page.jpg", "/large.jpg"]
    assert report.skipped[0].reason.endswith("answers is not a picture")
    assert report.skipped[1].reason.endswith("has more than 10000 bytes")
    assert [path.name for path in (tmp_path / "out" / "images").iterdir()] == ["good.jpg"]


def test_parts_are_whole_in_themselves_and_share_no_picture(tmp_path: Path) -> None:
    exported = [tasks.image_task(str(number), tasks.BOX) for number in range(10)]
    exported.append({**exported[3], "task_id": "again"})
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    convert(tmp_path, exported, **DETECTION, split=shares, seed=3)

    parts = {name: lines(tmp_path, f"{name}/records.csv") for name in shares}
    assert sum(map(len, parts.values())) == 11
    assert {name: len(set(found)) for name, found in parts.items()} == {
        "train": 8, "val": 1, "test": 1}  # fmt: skip
    assert {len(lines(tmp_path, f"{name}/label_map.csv")) for name in shares} == {4}
    first = json.dumps(parts)
    convert(tmp_path, exported, **DETECTION, split=shares, seed=3)
    assert first == json.dumps({name: lines(tmp_path, f"{name}/records.csv") for name in shares})


def test_masks_of_run_lengths_are_painted(tmp_path: Path) -> None:
    inside = np.array([[0, 1], [1, 1]], bool)
    record = Record(
        media="p.jpg",
        kind="image",
        annotations=(
            Annotation("tree", mask=Mask.from_array(inside)),
            Annotation("bird", mask=Mask.from_array(np.array([[0, 0], [0, 1]], bool))),
        ),
    )
    masterful.write([record], tmp_path / "out", **SEGMENTATION)

    painted = Image.open(tmp_path / "out" / "images" / "p_label.png")
    assert np.asarray(painted).tolist() == [[0, 2], [2, 1]]
    (found,) = masterful.read(tmp_path / "out", **SEGMENTATION)
    tree = next(one for one in found.annotations if one.label == "tree")
    assert tree.mask is not None
    assert tree.mask.index == 2


def test_jpeg_masks_are_written_with_a_warning(tmp_path: Path) -> None:
    mask = Mask.from_array(np.eye(20, dtype=bool))
    record = Record(media="p.jpg", kind="image", annotations=(Annotation("a", mask=mask),))
    report = masterful.write([record], tmp_path / "out", **SEGMENTATION, mask_format="jpg")

    assert "lossy" in report.warnings[0]
    assert (tmp_path / "out" / "images" / "p_label.jpg").read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("width", [640, 641, 1999])
def test_ratios_become_the_pixels_that_they_were(tmp_path: Path, width: int) -> None:
    """(n / width) * width may be a hair below n, and cutting must not make n - 1 of it."""
    boxes = [Box(n / width, 0, (n + 1) / width, 0.5) for n in range(width)]
    records = [
        Record(media=f"{n}", kind="image", width=width, height=100,
               annotations=(Annotation("a", box=box),))
        for n, box in enumerate(boxes)
    ]  # fmt: skip
    masterful.write(records, tmp_path / "out", **DETECTION)

    assert lines(tmp_path) == [f"{n}, 0, 0, {n}, 50, {n + 1}" for n in range(width)]


def test_a_wrong_task_is_refused(tmp_path: Path) -> None:
    wrong: Any = "detection"
    with pytest.raises(ValueError, match="task must be one of"):
        masterful.write([], tmp_path, task=wrong)


def test_a_box_is_a_box_whatever_else_the_annotation_has(tmp_path: Path) -> None:
    """COCO annotations have a box and a segmentation."""
    both = Annotation(
        "car",
        box=Box(0.1, 0.2, 0.5, 0.6),
        polygon=((0.1, 0.2), (0.5, 0.2), (0.5, 0.6)),
        mask=Mask.from_array(np.ones((50, 100), bool)),
    )
    record = Record(media="a.jpg", kind="image", width=100, height=50, annotations=(both,))
    report = masterful.write([record], tmp_path / "out", **DETECTION)

    assert report.written == 1
    assert lines(tmp_path) == ["a.jpg, 0, 10, 10, 30, 50"]


def test_only_pictures_below_the_roots_are_copied(tmp_path: Path) -> None:
    """An annotation file must not collect the files of this machine."""
    (tmp_path / "media").mkdir()
    (tmp_path / "secret.txt").write_text("key")
    (tmp_path / "other.png").write_bytes(png([[1]]))
    (tmp_path / "media" / "text.png").write_text("key")
    (tmp_path / "media" / "good.png").write_bytes(png([[1]]))
    names = ["secret.txt", "other.png", "media/text.png", "media/good.png"]
    records = [
        Record(media=str(tmp_path / name), kind="image", annotations=(Annotation("a"),))
        for name in [*names, "/etc/passwd"]
    ]
    report = masterful.write(
        records, tmp_path / "out", download_images=True, media_root=tmp_path / "media",
        **CLASSIFICATION,
    )  # fmt: skip

    assert [one.name for one in (tmp_path / "out" / "images").iterdir()] == ["good.png"]
    assert len(report.skipped) == 4
    assert "lies outside of the folder of the media; hint: give media_root" in " ".join(
        one.reason for one in report.skipped
    )


def test_a_line_that_cannot_be_used_costs_no_other(tmp_path: Path) -> None:
    from common_ml.data.report import Report

    (tmp_path / "label_map.csv").write_text("0, car\n")
    (tmp_path / "records.csv").write_text(
        "a.jpg, 0, 1, 2, 3, 4, 7, 1, 2, 3, 4\nb.jpg, 0, 1\n, 0\nc.jpg, 0, 9, 2, 3, 4\n"
    )
    report = Report()
    found = list(masterful.read(tmp_path, on_error="skip", report=report, **DETECTION))

    assert [(one.media, len(one.annotations)) for one in found] == [("a.jpg", 1), ("c.jpg", 1)]
    assert found[1].annotations[0].box == Box(2, 3, 4, 9)
    assert [one.place for one in report.skipped] == ["line 1", "line 2", "line 3"]


def test_a_name_too_long_for_a_file_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png([[1]]))
    metadata = [{"filename": "x" * 300 + ".png"}, {}]
    records = [
        Record(
            media="good.png", kind="image", id=str(n), metadata=one, annotations=(Annotation("a"),)
        )
        for n, one in enumerate(metadata)
    ]
    report = masterful.write(
        records, tmp_path / "out", download_images=True, media_root=tmp_path, **CLASSIFICATION
    )
    assert [one.name for one in (tmp_path / "out" / "images").iterdir()] == ["good.png"]
    assert [(one.what, one.reason) for one in report.skipped] == [
        ("0", "its name is too long for a file")
    ]
