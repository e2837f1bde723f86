"""Exports of a CVAT project: several tasks in one file, frames numbered through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.data import formats
from common_ml.data.record import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.media.images import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.record import Record


def task(
    key: int, name: str, size: int, *, subset: str = "default", start: int = 0, step: int = 1
) -> str:
    return (
        f"<task><id>{key}</id><name>{name}</name><size>{size}</size><mode>interpolation</mode>"
        f"<subset>{subset}</subset><start_frame>{start}</start_frame>"
        f"<frame_filter>{'' if step == 1 else f'step={step}'}</frame_filter>"
        "<labels><label><name>car</name></label></labels></task>"
    )


def track(key: int, task_id: int, *frames: int) -> str:
    boxes = "".join(
        f'<box frame="{frame}" outside="0" xtl="1" ytl="2" xbr="3" ybr="{frame}"/>'
        for frame in frames
    )
    return f'<track id="{key}" label="car" task_id="{task_id}">{boxes}</track>'


def read(
    folder: Path, tasks: list[str], body: str, report: Report | None = None, **options: object
) -> list[Record]:
    source = folder / "annotations.xml"
    meta = (
        f"<meta><project><id>1</id><name>p</name><tasks>{''.join(tasks)}</tasks></project></meta>"
    )
    source.write_text(f"<annotations>{meta}{body}</annotations>")
    return list(formats.get("cvat").read(source, report=report, **options))


def test_each_track_of_a_project_goes_to_the_video_of_its_task(tmp_path: Path) -> None:
    """b begins at 10; c starts at its frame 5, takes each second one, and is 10 + 20 behind."""
    tasks = [
        task(7, "a.mp4", 10),
        task(8, "b.mp4", 20),
        task(9, "c.mp4", 4, start=5, step=2),
        task(3, "d.mp4", 9, subset="val"),
        task(4, "e.mp4", 9, subset="val"),
    ]
    body = track(0, 7, 9) + track(1, 8, 10, 29) + track(2, 9, 35, 41) + track(3, 4, 9, 12)
    found = read(tmp_path, tasks, body)
    shown = [
        (one.media, one.id, one.metadata, [(a.track, a.frame_index) for a in one.annotations])
        for one in found
    ]
    assert shown == [
        ("a.mp4", "a.mp4", {"split": "default"}, [("0", 9)]),
        ("b.mp4", "b.mp4", {"split": "default"}, [("1", 0), ("1", 19)]),
        ("c.mp4", "c.mp4", {"split": "default"}, [("2", 5), ("2", 11)]),
        ("d.mp4", "d.mp4", {"split": "val"}, []),
        ("e.mp4", "e.mp4", {"split": "val"}, [("3", 0), ("3", 3)]),
    ]
    assert [one.box for one in found[1].annotations] == [Box(1, 2, 3, 10), Box(1, 2, 3, 29)]


@pytest.mark.parametrize(
    ("tasks", "body", "message"),
    [
        ([task(1, "a", 5), task(2, "b", 5)], track(0, 2, 4),
         "track 1, box[0].frame: must be a frame of task 'b', 5 to 9 in this project, got 4; hint"),
        ([task(1, "a", 5), task(2, "b", 5)], track(0, 3, 4),
         "track 1, task_id: must be the id of a task in the project (1, 2), got '3'"),
        (["<task><id>1</id><name>a</name><subset>x</subset></task>", task(2, "b", 5, subset="x")],
         track(0, 2, 4), "is 4 of the project, and the file does not say how many frames"),
    ],
)  # fmt: skip
def test_a_frame_of_no_task_is_an_error_or_left_out(
    tmp_path: Path, tasks: list[str], body: str, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, tasks, body)
    assert message in str(caught.value)
    report = Report()
    found = read(tmp_path, tasks, body, report, on_error="skip")
    assert [one.annotations for one in found if one.media == "b"] in ([()], [])
    assert len(report.skipped) == 1


def test_tasks_of_one_name_stay_apart(tmp_path: Path) -> None:
    found = read(tmp_path, [task(1, "a", 5), task(2, "a", 5)], track(0, 1, 0) + track(1, 2, 5))
    assert [(one.media, one.id, len(one.annotations)) for one in found] == [
        ("a", "a#1", 1), ("a", "a#2", 1),
    ]  # fmt: skip


def test_pictures_of_one_name_in_two_subsets_are_found_in_their_folders(tmp_path: Path) -> None:
    """CVAT's archive has `images/train/frame_000000.PNG`; the name in the XML has no ending."""
    for subset, width in (("train", 10), ("val", 20)):
        (tmp_path / subset).mkdir()
        write_image(tmp_path / subset / "frame_000000.PNG", np.zeros((8, width, 3), np.uint8))
    body = "".join(
        f'<image id="0" name="frame_000000" subset="{subset}" task_id="{key}" width="{width}" '
        f'height="8"><box label="{subset}" xtl="0" ytl="0" xbr="5" ybr="8"/></image>'
        for key, subset, width in ((1, "train", 10), (2, "val", 20))
    )
    tasks = [task(1, "a", 1, subset="train"), task(2, "b", 1, subset="val")]
    plain = read(tmp_path, tasks, body)
    assert [(one.media, one.id, one.labels()) for one in plain] == [
        ("train/frame_000000", "train/frame_000000", ("train",)),
        ("val/frame_000000", "val/frame_000000", ("val",)),
    ]
    assert [one.metadata for one in plain] == [
        {"split": "train", "task": "a"}, {"split": "val", "task": "b"},
    ]  # fmt: skip
    found = read(tmp_path, tasks, body, media_root=tmp_path)
    assert [one.media for one in found] == [
        str(tmp_path / one / "frame_000000.PNG") for one in ("train", "val")
    ]
    assert [one.annotations[0].box for one in found] == [Box(0, 0, 0.5, 1), Box(0, 0, 0.25, 1)]


def test_pictures_of_one_name_in_two_tasks_are_named_after_those(tmp_path: Path) -> None:
    body = "".join(
        f'<image id="{key}" name="f.png" task_id="{key}" width="9" height="8"/>' for key in (1, 2)
    )
    found = read(tmp_path, [task(1, "a", 1), task(2, "b", 1)], body)
    assert [(one.media, one.id) for one in found] == [("a/f.png", "1"), ("b/f.png", "2")]
