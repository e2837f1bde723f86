"""Messages and batches with the real torch; what stands in for it elsewhere is held to this."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.tagging.calls.gpu_errors import is_out_of_memory
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.wire import encode
from tests.tagging.child import Child

if TYPE_CHECKING:
    from pathlib import Path

torch: Any = pytest.importorskip("torch", reason="torch is not installed; it is large and optional")


def written(tag: Tag) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(encode(tag))["data"]
    return data


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float32", "float64", "int8", "int32", "int64", "uint8"]
)
def test_tensors_of_every_type_are_lists_of_their_numbers(dtype: str) -> None:
    values = torch.tensor([[0, 1], [2, 100]], dtype=getattr(torch, dtype))
    info = written(Tag(additional_info={"matrix": values, "scalar": values[1, 1]}))
    assert info["additional_info"] == {"matrix": [[0, 1], [2, 100]], "scalar": 100}


def test_tensors_that_want_a_gradient_or_are_turned_round_are_written() -> None:
    values = torch.arange(6, dtype=torch.float32).reshape(2, 3).T.requires_grad_()
    assert written(Tag(additional_info={"x": values}))["additional_info"] == {
        "x": [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    }


def test_flags_and_what_is_no_number() -> None:
    info = {"flags": torch.tensor([True, False]), "scores": torch.tensor([float("nan"), 0.5])}
    assert written(Tag(additional_info=info))["additional_info"] == {
        "flags": [True, False],
        "scores": [None, 0.5],
    }


def test_an_embedding_and_times_and_boxes_may_come_from_torch() -> None:
    box = torch.tensor([0.125, 0.25, 0.5, 0.75])
    tag = Tag(
        start_time=torch.tensor(500),
        end_time=torch.tensor(1500),
        frame_info=FrameInfo(
            torch.tensor(12), dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        ),
        vector=torch.tensor([0.5, 1.5], dtype=torch.bfloat16),
    )
    assert (tag.start_time, tag.end_time, tag.vector) == (500, 1500, [0.5, 1.5])
    assert written(tag)["frame_info"] == {
        "frame_idx": 12,
        "box": {"x1": 0.125, "y1": 0.25, "x2": 0.5, "y2": 0.75},
    }


def test_torchs_error_for_a_full_gpu_is_known() -> None:
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))


PROGRAM = """
from common_ml import AVModel, Tag, catch_errors, run_default
from torch.utils.data import DataLoader

def total():
    return sum(int(batch.sum()) for batch in DataLoader(list(range(10)), 5, num_workers=2))

class Loads(AVModel):
    def __init__(self):
        assert total() == 45
    def tag(self, fpath):
        return [Tag(tag=str(total()))]

if __name__ == "__main__":
    with catch_errors():
        run_default(Loads())
"""


def test_a_data_loader_with_workers_stops_no_tagger(tmp_path: Path) -> None:
    """It handles SIGCHLD, while weights load and in every call."""
    (tmp_path / "main.py").write_text(PROGRAM)
    with Child(tmp_path / "main.py") as tagger:
        tagger.send("a.mp4", "b.mp4")
        outcome = tagger.finish()
    assert outcome.status == 0, outcome.stderr
    assert [message["data"].get("tag") for message in outcome.messages] == ["45", None, "45", None]
