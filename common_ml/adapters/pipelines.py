"""Results of transformers' pipelines as tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.adapters.boxes import from_xyxy
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def from_pipeline(output: Any, img: Any = None, *, min_score: float = 0.0) -> list[FrameTag]:
    """Return the tags of a pipeline's result for one picture, sound or text.

    Args:
        output: Of object detection, also zero-shot: dicts with `label`, `score` and `box`; of
            classification, also zero-shot: the same without `box`; of zero-shot classification of
            texts: a dict with `labels` and `scores`.
        img: The picture, as an array (H, W, 3), for results with boxes.
        min_score: What has a lower score is left out.

    Raises:
        ValueError: there are boxes and no picture, or it is the result of another pipeline.
    """
    found = _entries(output)
    if any("box" in one for one in found):
        if img is None:
            raise ValueError(
                "results with boxes need the picture; hint: from_pipeline(output, img)"
            )
        return from_xyxy(
            [[one["box"][corner] for corner in _CORNERS] for one in found],
            img,
            labels=[one["label"] for one in found],
            scores=[one["score"] for one in found],
            min_score=min_score,
        )
    return [
        FrameTag(tag=one["label"], confidence=one["score"])
        for one in found
        if one["score"] >= min_score
    ]


def from_asr(output: Mapping[str, Any], *, end_seconds: float | None = None) -> list[Tag]:
    """Return a tag for each chunk of a speech recognition, as for `AudioModel.tag_audio`.

    Args:
        output: Of a pipeline that was called with `return_timestamps`: a dict with `text` and
            `chunks`.
        end_seconds: Where a last chunk without an end ends; by default where it begins.

    Returns:
        Tags with times from the start of what was recognised, in milliseconds. Without `chunks`,
        one without times.

    Raises:
        ValueError: it is the result of another pipeline.
    """
    if not isinstance(output, dict) or "text" not in output:
        raise ValueError(f"expected a dict with text and chunks, got {output!r:.80}")
    if "chunks" not in output:
        return [Tag(tag=output["text"].strip())] if output["text"].strip() else []
    tags = []
    for chunk in output["chunks"]:
        start, end = chunk["timestamp"]
        start = start or 0.0
        end = max(start, end_seconds or start) if end is None else end
        tags.append(Tag(round(start * 1000), round(end * 1000), chunk["text"].strip()))
    return tags


def _entries(output: Any) -> Sequence[Mapping[str, Any]]:
    """Return the results as dicts with `label` and `score`."""
    if isinstance(output, dict) and {"labels", "scores"} <= output.keys():
        pairs = zip(output["labels"], output["scores"], strict=True)
        return [{"label": label, "score": score} for label, score in pairs]
    found = [output] if isinstance(output, dict) else output
    if isinstance(found, list) and all(
        isinstance(one, dict) and {"label", "score"} <= one.keys() for one in found
    ):
        return found
    raise ValueError(
        f"expected dicts with label and score for one picture, got {output!r:.80}; hint: of "
        "several pictures call it for each"
    )
