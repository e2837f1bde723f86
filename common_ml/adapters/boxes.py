"""Boxes in pixels as tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.tensors import is_tensor, tensor_array
from common_ml.tagging.track_boxes import IDENTITY_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Names = Sequence[str] | Mapping[int, str]


def from_xyxy(
    boxes: Any,
    img: Any,
    *,
    labels: Sequence[str] | str = "",
    scores: Any = None,
    identities: Any = None,
    min_score: float = 0.0,
) -> list[FrameTag]:
    """Return tags for boxes of left, top, right, bottom in pixels.

    Args:
        boxes: Shape (N, 4): a list, an array or a tensor of any device.
        img: The picture that they are of: an array (H, W, ...), or one of Pillow.
        labels: One for each box, or one for all.
        scores: A confidence, 0..1, for each box.
        identities: A number for each box: which object it is.
        min_score: Boxes with lower scores are left out.

    Raises:
        ValueError: shapes or lengths do not fit.
        MessageError: a score is not 0..1.
    """
    height, width = _height_and_width(img)
    corners = array_of(boxes, "boxes").astype(np.float64).reshape(-1, 4)
    shares = (corners / [width, height, width, height]).clip(0, 1)
    count = len(shares)
    texts = [labels] * count if isinstance(labels, str) else list(labels)
    sure = None if scores is None else array_of(scores, "scores").tolist()
    known = None if identities is None else array_of(identities, "identities").tolist()
    for name, values in (("labels", texts), ("scores", sure), ("identities", known)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be one for each of the {count} boxes, got {len(values)}")
    return [
        FrameTag(
            tag=texts[place],
            box=dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
            confidence=None if sure is None else sure[place],
            additional_info=None if known is None else {IDENTITY_KEY: int(known[place])},
        )
        for place, box in enumerate(shares.tolist())
        if sure is None or sure[place] >= min_score
    ]


def from_xywh(boxes: Any, img: Any, *, is_centred: bool = False, **others: Any) -> list[FrameTag]:
    """Return tags for boxes of left, top, width, height in pixels, as COCO has them.

    Args:
        boxes: Shape (N, 4).
        img: The picture that they are of.
        is_centred: Whether they begin with the centre instead, as YOLO has them.
        others: As for `from_xyxy`.

    Raises:
        ValueError: shapes or lengths do not fit.
    """
    given = array_of(boxes, "boxes").astype(np.float64).reshape(-1, 4)
    starts = given[:, :2] - given[:, 2:] / 2 if is_centred else given[:, :2]
    return from_xyxy(np.hstack([starts, starts + given[:, 2:]]), img, **others)


def _height_and_width(img: Any) -> tuple[int, int]:
    shape = getattr(img, "shape", None)
    if shape is None or len(shape) < 2:
        size = getattr(img, "size", None)  # of a picture of Pillow: width and height
        if isinstance(size, tuple) and len(size) == 2:
            return size[1], size[0]
        expected = "the picture that the boxes are of, an array (H, W, 3)"
        got = type(img).__name__ + ("" if shape is None else f" of shape {tuple(shape)}")
        raise ValueError(f"img must be {expected}, got {got}")
    return shape[0], shape[1]


def array_of(values: Any, name: str) -> npt.NDArray[Any]:
    """Return a list, array or tensor as an array.

    Raises:
        ValueError: it is none of these.
    """
    array = tensor_array(values) if is_tensor(values) else np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers, got {type(values).__name__} {values!r:.80}")
    return array


def names_of(classes: Any, names: Names | None) -> list[str]:
    """Return the names of class numbers; the numbers as text where there are no names."""
    numbers = [int(number) for number in array_of(classes, "classes").tolist()]
    return [str(number) if names is None else str(names[number]) for number in numbers]
