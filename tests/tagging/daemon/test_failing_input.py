"""An input that cannot be read to its end: what had arrived is tagged, and the job has failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import AbortTaggingException
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reads(AVModel):
    def tag(self, fpath: str) -> list[Tag]:
        return [Tag(tag=Path(fpath).read_text())]


class SaysItInTheEnd(TagMessageProducer):
    def produce(self, files: list[str]) -> Iterator[Message]:
        self.files = files
        return iter(())

    def on_completion(self) -> Iterator[Message]:
        return (Progress(file) for file in self.files)


def failing(*lines: str) -> Iterator[str]:
    yield from lines
    raise OSError("the terminal is gone")


def run(producer: TagMessageProducer, output: Path, *lines: str, **keys: Any) -> None:
    run_loop(
        producer,
        stdin=failing(*lines),
        output_path=output,
        batch_timeout=0.0,
        batch_limit=None,
        options=SdkOptions(**keys),
    )


def ends(output: Path) -> list[tuple[str, str | None]]:
    messages = map(json.loads, output.read_text().splitlines())
    return [(m["type"], m["data"]["source_media"]) for m in messages if m["type"] != "tag"]


def test_files_that_are_waited_for_still_end(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_text("1")
    output = tmp_path / "tags.jsonl"
    producer = TagMessageProducer.from_model(Reads())
    keys = {"wait_for_file_seconds": 0.2, "continue_on_error": True}
    with pytest.raises(OSError, match="the terminal is gone") as caught:
        run(producer, output, f"{missing}\n", f"{there}\n", **keys)
    assert ends(output) == [("progress", str(there)), ("error", str(missing)), ("error", None)]
    assert "the terminal is gone" in output.read_text().splitlines()[-1]
    assert caught.value.reported  # type: ignore[attr-defined] # nobody needs to tell it again


def test_what_a_producer_keeps_for_the_end_is_not_lost(tmp_path: Path) -> None:
    output = tmp_path / "tags.jsonl"
    with pytest.raises(AbortTaggingException, match="the terminal is gone"):
        run(SaysItInTheEnd(), output, "a.mp4\n")
    assert ends(output) == [("progress", "a.mp4"), ("error", None)]
