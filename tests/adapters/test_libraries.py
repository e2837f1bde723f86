"""The adapters with results of the real libraries, each where it is installed."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from common_ml import FrameTag
from common_ml.adapters import from_pipeline, from_supervision, from_torchvision, from_ultralytics

IMG = np.zeros((100, 200, 3), np.uint8)
BOX = {"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.5}
SMALL = {"x1": 0.0, "y1": 0.0, "x2": 0.05, "y2": 0.1}
ROWS: list[list[float]] = [[20, 10, 100, 50], [0, 0, 10, 10]]
NAMES = {0: "cat", 1: "dog"}


def library(name: str) -> Any:
    """The library, or a skip: torch's are too large for the environment of the other tests."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed")


def test_supervision() -> None:
    supervision = library("supervision")
    found = supervision.Detections(
        xyxy=np.array(ROWS),
        confidence=np.array([0.75, 0.5]),
        class_id=np.array([1, 0]),
        tracker_id=np.array([7, 8]),
    )
    expected = [
        FrameTag("dog", BOX, {"identity": 7}, confidence=0.75),
        FrameTag("cat", SMALL, {"identity": 8}, confidence=0.5),
    ]

    assert from_supervision(found, IMG, names=["cat", "dog"]) == expected
    found.data["class_name"] = np.array(["dog", "cat"])
    assert from_supervision(found, IMG, min_score=0.6) == expected[:1]
    assert from_supervision(supervision.Detections.empty(), IMG) == []
    assert from_supervision(supervision.Detections(xyxy=np.array(ROWS[:1])), IMG) == [
        FrameTag("", BOX)
    ]


def test_ultralytics_boxes_identities_and_classes() -> None:
    torch, engine = library("torch"), library("ultralytics.engine.results")

    def results(**found: Any) -> Any:
        return engine.Results(orig_img=IMG, path="a.jpg", names=NAMES, **found)

    boxes = torch.tensor([ROWS[0] + [0.75, 1], ROWS[1] + [0.5, 0]])
    assert [(tag.tag, tag.confidence) for tag in from_ultralytics(results(boxes=boxes))] == [
        ("dog", 0.75),
        ("cat", 0.5),
    ]
    (tag,) = from_ultralytics(results(boxes=boxes), min_score=0.6)
    assert tag.box == pytest.approx(BOX)
    tracked = torch.tensor([ROWS[0] + [7, 0.75, 1]])
    (tag,) = from_ultralytics(results(boxes=tracked))
    assert tag.additional_info == {"identity": 7}
    turned = torch.tensor([[60.0, 30, 80, 40, 0, 0.75, 1]])
    (tag,) = from_ultralytics(results(obb=turned))
    assert tag.box == pytest.approx(BOX)
    classes = from_ultralytics(results(probs=torch.tensor([0.25, 0.75])))
    assert classes == [FrameTag("dog", confidence=0.75), FrameTag("cat", confidence=0.25)]
    assert from_ultralytics(results()) == []


def test_torchvision_detections() -> None:
    torch, detection = library("torch"), library("torchvision.models.detection")
    model = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    with torch.no_grad():
        (output,) = model([torch.zeros(3, 100, 200)])

    found = from_torchvision(output, IMG, names=[f"class {number}" for number in range(91)])

    assert len(found) == len(output["boxes"]) > 0
    assert found[0].confidence == output["scores"][0].item()
    assert found[0].tag == f"class {output['labels'][0].item()}"
    whole = torch.tensor([200.0, 100, 200, 100])
    shares = (output["boxes"][0] / whole).clamp(0, 1).tolist()
    assert list((found[0].box or {}).values()) == pytest.approx(shares, abs=1e-6)


def test_transformers_pipelines() -> None:
    """A classifier without trained weights: what the pipeline returns is what counts."""
    library("torch")
    transformers, images = library("transformers"), library("PIL.Image")
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        image_size=32, patch_size=16, id2label=NAMES, label2id={"cat": 0, "dog": 1},
    )  # fmt: skip
    pipe = transformers.pipeline(
        "image-classification",
        model=transformers.ViTForImageClassification(config).eval(),
        image_processor=transformers.ViTImageProcessor(size={"height": 32, "width": 32}),
        device="cpu",
    )

    found = from_pipeline(pipe(images.fromarray(IMG)))

    assert {tag.tag for tag in found} == {"cat", "dog"}
    assert sum(tag.confidence or 0 for tag in found) == pytest.approx(1)
