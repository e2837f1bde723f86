"""`tf.data.Dataset` of a dataset: a stream with a declared signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.errors import MissingExtraError

try:
    import tensorflow as tf
except ImportError as missing:
    raise MissingExtraError("tensorflow", extra="tensorflow") from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common_ml.data.sample import Sample
    from common_ml.data.samples import Samples


def tf_dataset(dataset: Samples, transform: Callable[[Sample], Any] | None) -> Any:
    """Return a `tf.data.Dataset` of dicts, in dataset order; each video is decoded once.

    Elements: `image` (uint8, H x W x 3), `boxes` (ragged: float32, N x 4, pixels), `labels` (int64,
    N, from 1 on), `label_names` (N), `time_seconds` (NaN for a picture), `id`. `ragged_batch` puts
    several together.

    Args:
        dataset: The records.
        transform: Converts a sample to an element, a structure of tensors;
            the signature is that of the first element, with all sizes unknown.
    """
    if transform is None:
        return tf.data.Dataset.from_generator(
            lambda: map(_element, dataset), output_signature=_signature()
        )

    def made() -> Iterator[Any]:
        return map(transform, dataset)

    first = transform(dataset[0])
    return tf.data.Dataset.from_generator(
        made, output_signature=tf.nest.map_structure(_open_spec, first)
    )


def _signature() -> dict[str, Any]:
    return {
        "image": tf.TensorSpec((None, None, 3), tf.uint8),
        "boxes": tf.RaggedTensorSpec((None, 4), tf.float32, ragged_rank=1),
        "labels": tf.TensorSpec((None,), tf.int64),
        "label_names": tf.TensorSpec((None,), tf.string),
        "time_seconds": tf.TensorSpec((), tf.float64),
        "id": tf.TensorSpec((), tf.string),
    }


def _element(sample: Sample) -> dict[str, Any]:
    seconds = sample.time_seconds
    return {
        "image": sample.image,
        "boxes": tf.RaggedTensor.from_tensor(sample.boxes),
        "labels": sample.labels,
        "label_names": tf.constant(sample.label_names, tf.string, shape=(len(sample.labels),)),
        "time_seconds": float("nan") if seconds is None else seconds,
        "id": sample.record.id,
    }


def _open_spec(value: Any) -> Any:
    """Return the type of a value, with all sizes unknown."""
    if isinstance(value, tf.RaggedTensor):
        shape = (None,) * len(value.shape)
        return tf.RaggedTensorSpec(shape, value.dtype, ragged_rank=value.ragged_rank)
    tensor = tf.convert_to_tensor(value)
    return tf.TensorSpec((None,) * len(tensor.shape), tensor.dtype)
