"""What detectors of torchvision are trained on: boxes, ids, batches, and its training loop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Record
from tests.data.made import film, write_picture

if TYPE_CHECKING:
    from pathlib import Path

torch: Any = pytest.importorskip("torch", reason="torch is large; .ci/run has a step for it")
DataLoader: Any = torch.utils.data.DataLoader


def pictures(folder: Path) -> Dataset:
    """Two pictures of 64 x 48, with boxes of every kind in pixels."""
    for name in ("a.png", "b.png"):
        write_picture(folder / name)
    boxes = [
        Annotation("car", box=Box(-8, 4, 16, 24)),
        Annotation("car", box=Box(5, 5, 5, 20)),
        Annotation("dog", box=Box(10, 10, 20, 30), attributes={"area": 123.5, "iscrowd": 1}),
        Annotation("dog", box=Box(70, 4, 90, 24)),
        Annotation("absent", value=0, box=Box(0, 0, 9, 9)),
    ]
    records = [
        Record("a.png", kind="image", id="first", unit="pixel", annotations=tuple(boxes)),
        Record("b.png", kind="image", id="9007199254740993"),
    ]
    return Dataset.from_records(records, media_root=folder)


def test_boxes_are_clamped_those_without_area_left_out_and_both_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items = pictures(tmp_path).to_pytorch(pixels="float32")
    with caplog.at_level(logging.WARNING):
        image, target = items[0]

    assert target["boxes"].tolist() == [[0, 4, 16, 24], [10, 10, 20, 30]]
    assert target["labels"].tolist() == [2, 3]
    assert target["area"].tolist() == [16 * 20, 123.5]
    assert target["iscrowd"].tolist() == [0, 1]
    assert items.counts() == {"clamped": 1, "dropped": 2}
    assert caplog.text.count("boxes without area") == 1
    assert image.dtype == torch.float32
    assert float(image.max()) <= 1
    with pytest.raises(ValueError, match="pixels must be 'uint8' or 'float32', got 'int8'"):
        pictures(tmp_path).to_pytorch(pixels="int8")  # type: ignore[arg-type] # the test


def test_ids_are_numbers_in_old_and_new_loops_and_name_the_record(tmp_path: Path) -> None:
    items = pictures(tmp_path).to_pytorch()
    image_id = items[1][1]["image_id"]

    assert (image_id, image_id.item(), image_id.to("cpu"), {image_id: "x"}[1]) == (1, 1, 1, "x")
    assert [items.record_id(number) for number in (0, 1)] == ["first", "9007199254740993"]
    assert items.get_height_and_width(0) == (48, 64)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_counts_of_workers_come_together(tmp_path: Path, context: str) -> None:
    items = pictures(tmp_path).to_pytorch()
    loader = DataLoader(
        items, batch_size=None, num_workers=2, sampler=[0, 1, 0, 0], multiprocessing_context=context
    )

    assert len(list(loader)) == 4
    assert items.counts() == {"clamped": 3, "dropped": 6}


def test_a_batch_decodes_each_video_once_and_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common_ml.media import decode

    dataset = Dataset.open(film(tmp_path), media_root=tmp_path, per="frame")
    items = dataset.to_pytorch(lambda sample: (sample.record.id, sample.image.copy()))
    alone = [items[place] for place in range(len(items))]
    begun: list[list[int]] = []
    original = decode.frames

    def frames(path: Path, indices: list[int], **options: Any) -> Any:
        begun.append(list(indices))
        return original(path, indices, **options)

    monkeypatch.setattr(decode, "frames", frames)
    places = [13, 2, 5, 2, 9, 0]
    found = items.__getitems__(places)

    assert [name for name, _ in found] == [alone[place][0] for place in places]
    for (_, image), place in zip(found, places, strict=True):
        assert np.array_equal(image, alone[place][1])
    assert sorted(begun) == [[0, 6, 15], [3, 15]]


def test_a_detector_of_torchvision_trains_and_is_evaluated(tmp_path: Path) -> None:
    """As its reference loop does, which was run as it is when this was written."""
    detection = pytest.importorskip(
        "torchvision.models.detection", reason="torchvision is not installed"
    )
    torch.manual_seed(0)
    items = pictures(tmp_path).to_pytorch(pixels="float32")
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=4, min_size=64, max_size=64
    )
    loader = DataLoader(
        items, batch_size=2, collate_fn=lambda batch: tuple(zip(*batch, strict=True))
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for images, targets in loader:
        moved = [{key: value.to("cpu") for key, value in one.items()} for one in targets]
        losses = model(list(images), moved)
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        assert bool(torch.isfinite(total))
    model.eval()
    for images, targets in loader:
        found = {
            one["image_id"].item(): out
            for one, out in zip(targets, model(list(images)), strict=True)
        }
        assert sorted(found) == [0, 1]
