"""What a model returns in TensorFlow's own types, with the real library."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common_ml.tagging.field_values import vector
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.wire import encode

tf: Any = pytest.importorskip("tensorflow", reason="tensorflow is large; .ci/run has a step for it")


@pytest.mark.parametrize("kind", ["float16", "float32", "int64", "bfloat16"])
def test_tensors_are_written_as_their_numbers(kind: str) -> None:
    values = tf.cast(tf.constant([0.0, 1.0, 2.0]), getattr(tf, kind))
    tag = Tag(tag="a", source_media="a.mp4", additional_info={"values": values})

    assert json.loads(encode(tag))["data"]["additional_info"] == {"values": [0, 1, 2]}
    assert vector(values, "vector") == [0, 1, 2]


def test_a_box_of_scalars() -> None:
    left, top, right, bottom = tf.constant([0.125, 0.25, 0.5, 0.75])

    found = FrameTag("a", box={"x1": left, "y1": top, "x2": right, "y2": bottom})

    assert found.box == {"x1": 0.125, "y1": 0.25, "x2": 0.5, "y2": 0.75}
