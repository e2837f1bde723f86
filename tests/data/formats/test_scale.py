from __future__ import annotations

import base64
import json
import logging
import sys
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from common_ml.data.formats import scale
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.errors import MissingExtraError, ServiceError
from tests.data.formats import scale_tasks as tasks
from tests.data.formats.server import Answer, Asked, serving

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.report import Skipped


def read(folder: Path, *exported: Any, **options: Any) -> list[Record]:
    path = folder / "export.json"
    path.write_text(json.dumps(exported))
    return list(scale.read(path, **options))


def test_a_task_becomes_a_record_in_pixels(tmp_path: Path) -> None:
    metadata = {"filename": "image_01.jpg"}
    (record,) = read(tmp_path, tasks.image_task("1234", tasks.BOX, metadata=metadata))

    geometry = {"type": "box", "unit": "pixel", "left": 20, "top": 10, "width": 100, "height": 50}
    attributes = {"colour": "red", "uuid": "u1", "geometry": geometry}
    assert record == Record(
        media="https://x.example/1234.jpg",
        kind="image",
        annotations=(Annotation("car", box=Box(20, 10, 120, 60), attributes=attributes),),
        metadata={
            "filename": "image_01.jpg",
            "task_id": "1234",
            "type": "imageannotation",
            "status": "completed",
            "batch": "b1",
            "project": "p",
            "created_at": "2022-02-02T02:22:22.222Z",
            "global_attributes": {"weather": "sunny"},
            "classes": ["car", "person", "road", "van"],
        },
        id="1234",
        unit="pixel",
    )


@pytest.mark.parametrize(
    ("given", "geometry"),
    [
        (tasks.LINE, {"type": "line", "points": [[1, 1], [9, 9]]}),
        (tasks.POINT, {"type": "point", "points": [[12, 30]]}),
        (
            tasks.ELLIPSE,
            {"type": "ellipse", "points": [[123, 92], [173, 113], [123, 134], [73, 113]]},
        ),
        (tasks.CUBOID, {"type": "cuboid", "points": [[1, 2]], "edges": tasks.CUBOID["edges"]}),
        (
            tasks.TURNED,
            {"type": "rotated_box", "left": 20, "top": 10, "width": 100, "height": 50,
             "rotation": 0.5, "points": [[123, 10], [140, 49], [67, 34]]},
        ),
    ],
)  # fmt: skip
def test_other_geometries_are_kept_as_they_are(
    tmp_path: Path, given: Any, geometry: dict[str, Any]
) -> None:
    (record,) = read(tmp_path, tasks.image_task("1", given))
    (annotation,) = record.annotations

    assert annotation.attributes["geometry"] == {"unit": "pixel", **geometry}
    assert (annotation.box, annotation.polygon, annotation.mask) == (None, None, None)


def test_a_polygon_and_a_missing_label(tmp_path: Path) -> None:
    unnamed = {key: value for key, value in tasks.POLYGON.items() if key != "label"}
    (record,) = read(tmp_path, tasks.image_task("1", unnamed))

    (annotation,) = record.annotations
    assert annotation.label == ""
    assert annotation.polygon == ((123, 10), (140, 49), (67, 34))


def test_a_segmentation_is_one_annotation_a_label_or_instance(tmp_path: Path) -> None:
    (record,) = read(tmp_path, tasks.segment_task())

    def mask(index: int) -> Mask:
        return Mask(image="https://s3.example/idx.png", index=index)

    assert record.media == "https://s3.example/a"
    assert [(one.label, one.value, one.mask, one.attributes["index"])
            for one in record.annotations] == [
        ("road", 1, mask(1), 1),
        ("car", 0, None, 2),
        ("person", 1, mask(3), 3),
    ]  # fmt: skip
    assert record.labels() == ("road", "person")


def test_without_a_grey_label_image_it_is_the_one_of_three_channels(tmp_path: Path) -> None:
    task = tasks.segment_task()
    del task["response"]["annotations"]["combined"]["indexedImage"]
    (record,) = read(tmp_path, task)

    assert record.annotations[0].mask == Mask(
        image="https://s3.example/ext.png", index=1, encoding="rgb24"
    )


def test_a_size_makes_ratios(tmp_path: Path) -> None:
    (record,) = read(tmp_path, tasks.image_task("1", tasks.BOX), size=(200, 100))

    assert (record.unit, record.width, record.height) == ("ratio", 200, 100)
    assert record.annotations[0].box == Box(0.1, 0.1, 0.6, 0.6)


def test_a_picture_that_is_found_gives_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "1.jpg")
    (record,) = read(tmp_path, tasks.image_task("1", tasks.BOX), media_root=tmp_path)

    assert record.media == str(tmp_path / "1.jpg")
    assert record.annotations[0].box == Box(0.1, 0.1, 0.6, 0.6)


EXPORT = [
    tasks.image_task("old", created_at="2022-01-01T00:00:00Z"),
    tasks.image_task("midnight", created_at="2022-02-02T00:00:00.000Z"),
    tasks.image_task("new", created_at="2022-02-02T00:00:00.001Z"),
    tasks.image_task("pending", status="pending", response=None),
    tasks.image_task("other", batch="b2", customer_review_status="accepted"),
    tasks.image_task("lidar", type="lidarannotation"),
]


@pytest.mark.parametrize(
    ("options", "kept", "told"),
    [
        ({}, ["old", "midnight", "new", "other"], ["pending", "lidar"]),
        ({"created_after": date(2022, 2, 2)}, ["new", "other"], ["pending", "lidar"]),
        ({"created_before": date(2022, 2, 2)}, ["old"], []),
        ({"batches": ["b2"]}, ["other"], ["old", "midnight", "new", "pending", "lidar"]),
        ({"review_status": ["accepted"]}, ["other"],
         ["old", "midnight", "new", "pending", "lidar"]),
    ],
)  # fmt: skip
def test_filters_tell_what_they_leave_out_but_for_dates(
    tmp_path: Path, options: dict[str, Any], kept: list[str], told: list[str]
) -> None:
    skipped: list[Skipped] = []
    records = read(tmp_path, *EXPORT, on_skip=skipped.append, **options)

    assert [record.id for record in records] == kept
    assert [one.what for one in skipped] == told


def test_a_task_that_is_left_out_is_a_warning_with_its_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, EXPORT[3])

    assert caplog.messages == ["task pending: its status is 'pending', wanted: completed"]


def test_a_live_project_comes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALE_API_KEY", "live_key")
    pages = [EXPORT[:4], EXPORT[4:]]

    def answer(asked: Asked) -> Answer:
        number = int(asked.query.get("next_token", 0))
        more = number + 1 < len(pages)
        return Answer({"docs": pages[number], "total": 6, "limit": 4, "offset": 0,
                       "has_more": more, "next_token": str(number + 1)})  # fmt: skip

    with serving(answer) as server:
        options: dict[str, Any] = {"api_url": server.url, "on_skip": lambda skipped: None}
        records = list(scale.read("scale://my project", created_after=date(2022, 2, 2), **options))

    assert [record.id for record in records] == ["new", "other"]
    assert [asked.path for asked in server.asked] == ["/tasks", "/tasks"]
    assert server.asked[0].query["project"] == "my project"
    assert server.asked[0].query["start_time"] == "2022-02-02T00:00:00.000Z"
    key = base64.b64encode(b"live_key:").decode()
    assert server.asked[0].headers["Authorization"] == f"Basic {key}"


def test_batches_of_a_live_project_are_asked_for_one_by_one() -> None:
    def answer(asked: Asked) -> Answer:
        found = [task for task in EXPORT[:5] if task["batch"] == asked.query["batch"]]
        return Answer({"docs": found, "total": 1, "limit": 9, "offset": 0, "has_more": False})

    with serving(answer) as server:
        found = scale.read("scale://p", batches=["b2", "b3"], api_key="k", api_url=server.url)
        assert [record.id for record in found] == ["other"]

    assert [asked.query["batch"] for asked in server.asked] == ["b2", "b3"]


def test_a_wrong_key_is_told() -> None:
    with serving(lambda asked: Answer({"error": "Unauthorized"}, status=401)) as server:
        records = scale.read("scale://p", api_key="bad", api_url=server.url)
        with pytest.raises(ServiceError, match="is the key right") as caught:
            next(records)

    assert caught.value.status == 401


def test_no_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALE_API_KEY", raising=False)

    with pytest.raises(ServiceError, match="SCALE_API_KEY"):
        next(scale.read("scale://p"))


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scaleapi", None)

    with pytest.raises(MissingExtraError, match=r"\.\[scale\]"):
        next(scale.read("scale://p", api_key="k"))


def test_an_attachment_in_scales_own_store_is_the_download_that_names_it(tmp_path: Path) -> None:
    downloads = [
        {"attachmentURL": "scaledata://b/other.jpg", "s3URL": "https://s3.example/other"},
        {"attachmentURL": "scaledata://b/1.jpg", "s3URL": "https://s3.example/1"},
    ]
    params = {"attachment": "scaledata://b/1.jpg"}
    task = tasks.image_task("1", params=params, attachmentS3Downloads=downloads)
    (record,) = read(tmp_path, task)
    assert record.media == "https://s3.example/1"


def test_bad_annotations_are_left_out_and_their_task_is_kept(tmp_path: Path) -> None:
    from common_ml.data.report import Report

    bad = [
        {**tasks.BOX, "left": "far"},
        {"type": "polygon", "label": "road", "vertices": [{"x": 1, "y": 1}]},
        {**tasks.BOX, "attributes": "many"},
        "text",
    ]
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps([
            tasks.image_task("1", tasks.BOX, *bad),
            tasks.image_task("2", response={}),
            tasks.segment_task("3", mapping={"a": {"index": 1, "numPixels": 3}, "b": {}, "c": 7}),
            {"task_id": "4"},
        ])
    )  # fmt: skip
    report = Report()
    records = {one.id: one for one in scale.read(path, on_error="skip", report=report, status=None)}

    assert {name: len(one.annotations) for name, one in records.items()} == {"1": 2, "2": 0, "3": 1}
    assert Counter(one.place for one in report.skipped) == {"item 1": 4, "item 2": 1, "item 3": 2}


def test_a_negative_size_is_the_same_rectangle(tmp_path: Path) -> None:
    box = {**tasks.BOX, "left": 120, "top": 60, "width": -100, "height": -50}
    (record,) = read(tmp_path, tasks.image_task("1", box))
    assert record.annotations[0].box == Box(20, 10, 120, 60)
    assert record.annotations[0].attributes["geometry"] == {
        "type": "box", "unit": "pixel",
        "left": 20, "top": 10, "width": 100, "height": 50,
    }  # fmt: skip


def test_an_export_in_a_cloud_is_read_through_fsspec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="the extra `cloud` is not installed")
    memory = fsspec.filesystem("memory")
    memory.pipe({"/b/export.json": json.dumps([tasks.image_task("1", tasks.BOX)]).encode()})
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (memory, url.removeprefix("s3:/")))
    (record,) = scale.read("s3://b/export.json")
    assert record.id == "1"

    with pytest.raises(ServiceError, match=r"s3://b/absent\.json: cannot be read"):
        list(scale.read("s3://b/absent.json"))
