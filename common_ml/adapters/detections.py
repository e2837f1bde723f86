"""Results of detectors as tags: ultralytics, supervision, torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.adapters.boxes import array_of, from_xyxy, names_of
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.adapters.boxes import Names


def from_ultralytics(results: Any, *, min_score: float = 0.0) -> list[FrameTag]:
    """Return the tags of one `Results` of ultralytics: boxes, oriented boxes, or classes.

    Args:
        results: What a model returns for one picture: `model(img)[0]`. Of an oriented box the
            upright one around it is taken; of a classification its five best classes.
        min_score: What has a lower score is left out.

    Raises:
        TypeError: it is not the result of one picture.
    """
    if not (hasattr(results, "names") and hasattr(results, "orig_shape")):
        hint = "results = model(img)[0]"
        raise TypeError(
            f"from_ultralytics takes one Results of ultralytics, got {_kind(results)}; hint: {hint}"
        )
    found = results.obb if getattr(results, "obb", None) is not None else results.boxes
    if found is not None:
        return from_xyxy(
            found.xyxy,
            _Shape(results.orig_shape),
            labels=names_of(found.cls, results.names),
            scores=found.conf,
            identities=found.id,
            min_score=min_score,
        )
    probabilities = getattr(results, "probs", None)
    if probabilities is None:
        return []
    scores = array_of(probabilities.top5conf, "top5conf").tolist()
    names = names_of(probabilities.top5, results.names)
    return [
        FrameTag(tag=name, confidence=score)
        for name, score in zip(names, scores, strict=True)
        if score >= min_score
    ]


def from_supervision(
    detections: Any, img: Any, *, names: Names | None = None, min_score: float = 0.0
) -> list[FrameTag]:
    """Return the tags of a `Detections` of supervision.

    Args:
        detections: Boxes with classes, confidences and tracker ids, as far as there are any.
        img: The picture that they are of.
        names: Name of each class number, where `detections.data["class_name"]` has none.
        min_score: What has a lower confidence is left out.

    Raises:
        TypeError: it is no `Detections`.
    """
    if not (hasattr(detections, "xyxy") and hasattr(detections, "class_id")):
        raise TypeError(
            f"from_supervision takes a Detections of supervision, got {_kind(detections)}"
        )
    given = detections.data.get("class_name")
    if given is not None:
        labels = [str(name) for name in given]
    elif detections.class_id is not None:
        labels = names_of(detections.class_id, names)
    else:
        labels = [""] * len(detections)
    return from_xyxy(
        detections.xyxy,
        img,
        labels=labels,
        scores=detections.confidence,
        identities=detections.tracker_id,
        min_score=min_score,
    )


def from_torchvision(
    output: Mapping[str, Any], img: Any, *, names: Names | None = None, min_score: float = 0.0
) -> list[FrameTag]:
    """Return the tags of one detection output of torchvision.

    Args:
        output: What a model returns for one picture: a dict with `boxes`, `labels`, `scores`.
        img: The picture, as an array (H, W, 3), that the boxes are of.
        names: Name of each class number: `weights.meta["categories"]`.
        min_score: What has a lower score is left out.

    Raises:
        TypeError: it is not the result of one picture.
    """
    wanted = ("boxes", "labels", "scores")
    missing = [key for key in wanted if not isinstance(output, dict) or key not in output]
    if missing:
        got = f"a dict without {', '.join(missing)}" if isinstance(output, dict) else _kind(output)
        hint = "one picture: model([tensor])[0]"
        raise TypeError(
            f"from_torchvision takes one detection output of torchvision, got {got}; hint: {hint}"
        )
    return from_xyxy(
        output["boxes"],
        img,
        labels=names_of(output["labels"], names),
        scores=output["scores"],
        min_score=min_score,
    )


def _kind(value: object) -> str:
    return type(value).__name__


class _Shape:
    """Stands for a picture of which only the shape is known."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
