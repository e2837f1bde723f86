"""Datasets in the real TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data.dataset import Dataset
from common_ml.data.record import Record
from tests.data.made import film, write_picture

if TYPE_CHECKING:
    from pathlib import Path

tf: Any = pytest.importorskip("tensorflow", reason="tensorflow is large; .ci/run has a step for it")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.open(film(tmp_path), media_root=tmp_path, per="frame")


def test_elements_are_those_of_the_dataset(dataset: Dataset) -> None:
    """Boxes are ragged, and the signature says so before anything is read."""
    stream = dataset.to_tensorflow()

    assert isinstance(stream, tf.data.Dataset)
    spec = stream.element_spec
    assert isinstance(spec["boxes"], tf.RaggedTensorSpec)
    assert (spec["image"].shape.as_list(), spec["image"].dtype) == ([None, None, 3], tf.uint8)
    elements = list(stream)
    assert len(elements) == len(dataset) == 16
    for element, sample in zip(elements, dataset, strict=True):
        assert np.array_equal(element["image"].numpy(), sample.image)
        assert np.array_equal(element["boxes"].to_tensor().numpy(), sample.boxes)
        assert element["labels"].numpy().tolist() == sample.labels.tolist()
        assert [name.decode() for name in element["label_names"].numpy()] == sample.label_names
        assert element["time_seconds"].numpy() == sample.time_seconds
        assert element["id"].numpy().decode() == sample.record.id


def test_a_batch_has_as_many_boxes_as_each_picture_has(dataset: Dataset) -> None:
    batch = next(iter(dataset.to_tensorflow().ragged_batch(2)))

    assert batch["boxes"].to_list() == [
        [[16, 12, 32, 36]],
        [[16, 12, 32, 36], [16, 12, 64, 36]],
    ]
    assert batch["labels"].to_list() == [[1], [1, 2]]


def test_a_picture_without_boxes_is_an_element(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    records = Dataset.from_records([Record("a.png")], media_root=tmp_path)

    (element,) = records.to_tensorflow()

    assert element["boxes"].to_list() == []
    assert element["labels"].shape == (0,)
    assert np.isnan(element["time_seconds"].numpy())


def test_a_transform_makes_the_elements(dataset: Dataset) -> None:
    def transform(sample: Any) -> Any:
        return sample.image[:10], {"count": np.int64(len(sample.boxes)), "boxes": sample.boxes}

    stream = dataset.to_tensorflow(transform)

    assert stream.element_spec[1]["boxes"].shape.as_list() == [None, None]
    assert [int(target["count"]) for _, target in stream] == [1, 2] * 8
