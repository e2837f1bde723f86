"""Boxes in pixels as tags."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from common_ml import FrameTag
from common_ml.adapters import (
    from_asr,
    from_pipeline,
    from_supervision,
    from_torchvision,
    from_ultralytics,
    from_xywh,
    from_xyxy,
)
from common_ml.errors import MessageError
from common_ml.tagging.messages import Tag

IMG = np.zeros((100, 200, 3), np.uint8)
BOX = {"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.5}


def test_corners_become_shares_cut_to_the_picture() -> None:
    boxes = [[20, 10, 100, 50], [-5, 90, 220, 130.0]]

    assert from_xyxy(boxes, IMG, labels=["a", "b"], scores=np.array([0.5, 0.25], np.float32)) == [
        FrameTag("a", BOX, confidence=0.5),
        FrameTag("b", {"x1": 0.0, "y1": 0.9, "x2": 1.0, "y2": 1.0}, confidence=0.25),
    ]
    assert from_xyxy(boxes, IMG, labels="x", scores=[0.5, 0.25], min_score=0.3) == [
        FrameTag("x", BOX, confidence=0.5)
    ]


@pytest.mark.parametrize(
    ("boxes", "others"), [([[20, 10, 80, 40]], {}), ([[60, 30, 80, 40]], {"is_centred": True})]
)
def test_left_or_centre_and_size(boxes: Any, others: dict[str, bool]) -> None:
    (tag,) = from_xywh(boxes, IMG, labels=["a"], identities=[7], **others)

    assert tag == FrameTag("a", BOX, {"identity": 7})


def test_no_boxes_give_no_tags() -> None:
    assert from_xyxy([], IMG) == from_xyxy(np.zeros((0, 4)), IMG, labels=[], scores=[]) == []


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="labels must be one for each of the 1 boxes, got 2"):
        from_xyxy([[0, 0, 1, 1]], IMG, labels=["a", "b"])
    with pytest.raises(ValueError, match="boxes must be numbers"):
        from_xyxy("boxes", IMG)
    with pytest.raises(MessageError, match="confidence must be a number from 0 to 1"):
        from_xyxy([[0, 0, 1, 1]], IMG, scores=[87])
    with pytest.raises(ValueError, match=r"img must be the picture .*, got tuple$"):
        from_xyxy([[0, 0, 1, 1]], (200, 100))
    with pytest.raises(ValueError, match=r"got ndarray of shape \(3,\)"):
        from_xyxy([[0, 0, 1, 1]], IMG[0, 0])


def test_a_picture_of_pillow_is_one() -> None:
    picture = pytest.importorskip("PIL.Image").new("RGB", (200, 100))

    assert from_xyxy([[20, 10, 100, 50]], picture) == [FrameTag("", BOX)]


@pytest.mark.parametrize(
    ("adapter", "expected"),
    [
        (lambda: from_ultralytics([]), "takes one Results of ultralytics, got list; hint: "),
        (lambda: from_supervision({}, IMG), "takes a Detections of supervision, got dict"),
        (
            lambda: from_torchvision(cast("Any", [{}]), IMG),
            "takes one detection output of torchvision, got list",
        ),
        (lambda: from_torchvision({"boxes": []}, IMG), "got a dict without labels, scores"),
    ],
)
def test_another_librarys_result_is_named(adapter: Any, expected: str) -> None:
    with pytest.raises(TypeError, match=expected):
        adapter()


def test_results_of_pipelines() -> None:
    """As transformers documents them; tests of the library itself are in test_libraries.py."""
    box = {"xmin": 20, "ymin": 10, "xmax": 100, "ymax": 50}
    assert from_pipeline([{"label": "cat", "score": 0.5, "box": box}], IMG) == [
        FrameTag("cat", BOX, confidence=0.5)
    ]
    assert from_pipeline(
        [{"label": "cat", "score": 0.5}, {"label": "dog", "score": 0.1}], min_score=0.2
    ) == [FrameTag("cat", confidence=0.5)]
    assert from_pipeline({"sequence": "x", "labels": ["a", "b"], "scores": [0.75, 0.25]}) == [
        FrameTag("a", confidence=0.75),
        FrameTag("b", confidence=0.25),
    ]
    with pytest.raises(ValueError, match="boxes need the picture"):
        from_pipeline([{"label": "cat", "score": 0.5, "box": box}])
    with pytest.raises(ValueError, match="call it for each"):
        from_pipeline([[{"label": "cat", "score": 0.5}]])


def test_chunks_of_speech_have_times() -> None:
    chunks = [{"text": " Hi.", "timestamp": (0.0, 1.5)}, {"text": "Bye", "timestamp": (2.0, None)}]

    assert from_asr({"text": "Hi. Bye", "chunks": chunks}, end_seconds=2.5) == [
        Tag(0, 1500, "Hi."),
        Tag(2000, 2500, "Bye"),
    ]
    assert from_asr({"text": " Hi. "}) == [Tag(tag="Hi.")]
    assert from_asr({"text": ""}) == []
