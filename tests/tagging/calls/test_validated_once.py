"""Each tolerated value is counted once, whoever wraps whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import FrameInfo, Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVERSED = {"x1": 0.5, "y1": 0.0, "x2": 0.2, "y2": 0.9}


class Old(AVModel):
    """Counts backwards."""

    def tag(self, fpath: str) -> list[Tag]:
        return [Tag(5, 3), Tag(0, 0, frame_info=FrameInfo(0, REVERSED))]


class Wraps(TagMessageProducer):
    """An author's producer that hands on what ours makes, and adds a tag of its own."""

    def __init__(self) -> None:
        self.ours = TagMessageProducer.from_model(Old())

    def produce(self, files: list[str]) -> Iterator[Message]:
        for message in self.ours.produce(files):
            if isinstance(message, Progress):
                yield Tag(9, 8, "own", message.source_media)
            yield message


@pytest.mark.parametrize(
    ("producer", "sums"),
    [
        (TagMessageProducer.from_model(Old()), {"Old.tag: times: 3", "Old.tag: boxes: 3"}),
        (Wraps(), {"Wraps.produce: times: 6", "Wraps.produce: boxes: 3"}),
    ],
)
def test_each_value_is_counted_once(
    producer: TagMessageProducer,
    sums: set[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_loop(
        producer,
        stdin=["a.mp4\n", "b.mp4\n", "c.mp4\n"],
        output_path=tmp_path / "tags.jsonl",
        batch_timeout=3600.0,
        batch_limit=None,
        options=SdkOptions(),
    )
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 4, said  # the first of each kind, and both sums
    assert {line.split(" in all")[0] for line in said if " in all" in line} == sums
