"""Samples: pictures as an independent decode has them, and annotations as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.data.sample import KEYS, Sample, filled
from common_ml.errors import DatasetError
from common_ml.media import decode
from common_ml.media.images import write_png
from common_ml.tagging.messages import Progress
from tests.data.made import film, tag, write_clip, write_picture, write_tags
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path


def frames_by_pyav(path: Path) -> list[Any]:
    """Every frame, decoded one after the other by PyAV alone."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """Name and frames of each decode that is begun."""
    begun: list[tuple[str, list[int]]] = []
    original = decode.frames

    def frames(path: Path, indices: list[int], **options: Any) -> Any:
        begun.append((path.name, list(indices)))
        return original(path, indices, **options)

    monkeypatch.setattr(decode, "frames", frames)
    return begun


def test_frames_are_those_of_an_independent_decode(
    tmp_path: Path, decodes: list[tuple[str, list[int]]]
) -> None:
    """Each video is decoded once, in order."""
    dataset = Dataset.open(film(tmp_path), media_root=tmp_path, per="frame")
    truth = {name: frames_by_pyav(tmp_path / name) for name in ("a.mp4", "b.mp4")}

    seen = 0
    for sample in dataset:
        frame = sample.record.frame_index
        assert frame is not None
        assert np.array_equal(sample.image, truth[sample.record.media][frame])
        assert sample.time_seconds == frame / 25
        seen += 1

    assert seen == 16
    every_third = list(range(0, 24, 3))
    assert decodes == [("a.mp4", every_third), ("b.mp4", every_third)]


def test_one_sample_decodes_one_frame_and_neighbours_share_a_decode(
    tmp_path: Path, decodes: list[tuple[str, list[int]]]
) -> None:
    dataset = Dataset.open(film(tmp_path), media_root=tmp_path, per="frame")

    _ = dataset[5].image
    assert decodes == [("a.mp4", [15])]
    _ = dataset[6].image, dataset[7].image, dataset[8].image
    assert decodes[1:] == [("a.mp4", [18, 21]), ("b.mp4", list(range(0, 24, 3)))]


def test_nothing_is_decoded_that_nobody_asks_for(
    tmp_path: Path, decodes: list[tuple[str, list[int]]]
) -> None:
    dataset = Dataset.open(film(tmp_path), media_root=tmp_path, per="frame")

    assert sum(len(sample.label_names) for sample in dataset) == 16 + 8
    assert decodes == []


def test_a_picture_is_read_from_its_folder(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 7)
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "media/a.png"), tag("dog", "gone.png")])
    dataset = Dataset.open(path, media_root=tmp_path)

    assert np.array_equal(dataset[0].image, np.asarray(Image.open(tmp_path / "a.png")))
    assert np.array_equal(dataset[0].boxes, np.array([[16, 12, 32, 36]], np.float32))
    with pytest.raises(DatasetError, match=r"no file for 'gone.png'.*media_root"):
        _ = dataset[1].image


def test_a_whole_video_is_no_picture(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 3)
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.mp4")])

    sample = Dataset.open(path, media_root=tmp_path)[0]

    with pytest.raises(DatasetError, match="per='frame'"):
        _ = sample.image


def test_a_sample_has_the_keys_that_transforms_expect(tmp_path: Path) -> None:
    """All lists about boxes are as long as the boxes; the others are about the whole."""
    write_picture(tmp_path / "a.png", width=64, height=48)
    triangle = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
    mask = np.zeros((48, 64), bool)
    mask[10:20, 30:34] = True
    record = Record(
        "a.png",
        "image",
        metadata={"weather": "sunny"},
        annotations=(
            Annotation("outdoor"),
            Annotation("dog", box=Box(0.25, 0.25, 0.5, 0.75)),
            Annotation("dog", value=0, box=Box(0, 0, 1, 1)),
            Annotation("car", polygon=triangle),
            Annotation("cat", mask=Mask.from_array(mask)),
            Annotation("outdoor"),
        ),
    )
    sample = Dataset.from_records([record, Record("b.png")], media_root=tmp_path)[0]

    assert dict(sample).keys() == set(KEYS) == set(sample)
    boxes = np.array([[16, 12, 32, 36], [0, 0, 32, 24], [30, 10, 34, 20]], np.float32)
    assert sample.boxes.dtype == np.float32
    assert np.array_equal(sample.boxes, boxes)
    assert sample.label_names == sample["label_name_list"] == ["dog", "car", "cat"]
    assert sample.labels.dtype == np.int64
    assert sample.labels.tolist() == sample["label_id_list"] == [3, 1, 2]
    edges = [sample[f"{name}_list"] for name in ("x_min", "y_min", "x_max", "y_max")]
    assert np.array_equal(np.array(edges).T, boxes)
    masks = sample["polygon_mask_list"]
    assert [one.dtype for one in masks] == [np.float32] * 3
    assert np.array_equal(masks[2], mask)
    assert masks[0].sum() == 16 * 24
    assert masks[0][12:36, 16:32].all()
    assert sample["tags"] == ["outdoor"]
    assert sample["global_attributes"] == {"weather": "sunny"}
    assert sample["record"] == record
    assert sample["time_seconds"] is None
    with pytest.raises(KeyError):
        _ = sample["boxen"]


def test_numbers_of_labels_are_those_of_the_whole_dataset(tmp_path: Path) -> None:
    tags = [tag("car", "a.png"), tag("dog", "b.png"), Progress("c.png")]
    write_picture(tmp_path / "b.png")
    dataset = Dataset.open(write_tags(tmp_path / "tags.jsonl", tags), media_root=tmp_path)

    dogs = dataset.slice("labels.dog = 1")

    assert dogs.labels == {"car": 1, "dog": 2}
    assert dogs[0].labels.tolist() == [2]
    empty = dataset.slice("file.path = 'c.png'")[0]
    assert empty.boxes.shape == (0, 4)
    assert empty.labels.shape == (0,)


def test_boxes_in_pixels_stay_as_they_are() -> None:
    car = Annotation("car", box=Box(10, 20, 30, 40))

    sample = Dataset.from_records([Record("a.png", unit="pixel", annotations=(car,))])[0]

    assert sample.boxes.tolist() == [[10, 20, 30, 40]]


def test_a_mask_is_picked_from_its_label_image(tmp_path: Path) -> None:
    numbers = np.zeros((6, 8, 3), np.uint8)
    numbers[2:4, 1:5] = 3
    write_png(tmp_path / "labels.png", numbers)
    car = Annotation("car", mask=Mask(image="labels.png", index=3))
    record = Record("a.png", width=8, height=6, annotations=(car,))

    sample = Dataset.from_records([record], media_root=tmp_path)[0]

    assert sample.boxes.tolist() == [[1, 2, 5, 4]]
    assert np.array_equal(sample.polygon_mask_list[0], numbers[:, :, 0] / 3)


@pytest.mark.parametrize("seed", range(5))
def test_a_polygon_is_filled_as_pillow_fills_it(seed: int) -> None:
    """But for the pixels on its edge, which Pillow counts in."""
    chance = np.random.default_rng(seed)
    corners = [(float(x), float(y)) for x, y in chance.uniform(5, 55, (5, 2))]
    picture = Image.new("1", (64, 48))
    ImageDraw.Draw(picture).polygon([(x - 0.5, y - 0.5) for x, y in corners], fill=1)
    inside = np.asarray(picture)
    edge = Image.new("1", (64, 48))
    outline = [(x - 0.5, y - 0.5) for x, y in [*corners, corners[0]]]
    ImageDraw.Draw(edge).line(outline, fill=1, width=3)

    different = filled(corners, 64, 48) != inside

    assert inside.any()
    assert not (different & ~np.asarray(edge)).any()


def test_a_sample_stays_in_its_process(tmp_path: Path) -> None:
    import pickle

    write_picture(tmp_path / "a.png")
    sample = Dataset.from_records([Record("a.png")], media_root=tmp_path)[0]

    with pytest.raises(TypeError, match=r"dict\(sample\)"):
        pickle.dumps(sample)
    assert isinstance(sample, Sample)
    assert dict(sample)["image"].shape == (48, 64, 3)
    assert np.array_equal(dict(sample)["image"], recipes.picture(0, 64, 48))


def test_a_transform_written_for_diffgram_finds_its_keys() -> None:
    """The file with id, type and name, the project's labels, and the raw instances in pixels."""
    annotations = (
        Annotation("car", box=Box(0.25, 0.25, 0.5, 0.5), confidence=0.5, attributes={"7": "red"}),
        Annotation("road", polygon=((0, 0), (1, 0), (1, 1))),
        Annotation("night"),
        Annotation("absent", value=0),
    )
    record = Record("x/1.jpg", kind="image", id="12", width=100, height=40, annotations=annotations,
                    metadata={"original_filename": "my.jpg"})  # fmt: skip
    sample = Dataset.from_records([record])[0]

    def transform(sample: Any) -> Any:
        file = sample["diffgram_file"]
        names = file.client.get_label_file_dict()
        boxes = [
            (names[one["label_file"]["label"]["name"]], one["x_min"], one["y_max"])
            for one in sample["raw_instance_list"]
            if one["type"] == "box"
        ]
        return file.id, file.type, file.original_filename, sample["type"], boxes

    assert transform(sample) == (12, "image", "my.jpg", "image", [(2, 25, 20)])
    assert sample.diffgram_file.client.name_to_file_id == {
        "absent": 1, "car": 2, "night": 3, "road": 4,
    }  # fmt: skip
    assert sample["instance_types_in_file"] == {"box", "polygon", "tag"}
    assert sample.raw_instance_list[0]["attribute_groups"] == {"7": "red"}
    assert sample.raw_instance_list[1]["points"] == [
        {"x": 0, "y": 0}, {"x": 100, "y": 0}, {"x": 100, "y": 40},
    ]  # fmt: skip
    assert sample.diffgram_file.image["width"] == 100
