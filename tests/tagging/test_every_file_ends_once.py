"""A state machine: whatever lines arrive and whatever producers do, each file ends exactly once."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from common_ml.errors import AbortTaggingException
from common_ml.tagging.loop import run_loop
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Iterator


class OfOneFile(AVModel):
    """Our own producer around a model: a file's failure is its own."""

    def __init__(self, plan: dict[str, str]) -> None:
        self.plan = plan

    def tag(self, fpath: str) -> Iterator[Tag]:  # type: ignore[override] # an iterator will do
        yield Tag(tag="one")
        end = self.plan[fpath]
        if end == "unwritable":
            yield Tag(tag="two", additional_info={"x": {1}})
        elif end in ("raise", "error"):
            raise ValueError(end)


class OfABatch(TagMessageProducer):
    """An author's producer: a failure is that of the batch."""

    def __init__(self, plan: dict[str, str]) -> None:
        self.plan = plan

    def produce(self, files: list[str]) -> Iterator[Message]:
        for file in files:
            yield Tag(tag="one", source_media=file)
            end = self.plan[file]
            if end == "progress":
                yield Progress(file)
            elif end == "base name":
                yield Progress(Path(file).name)
            elif end == "error":
                yield Error("told", source_media=file)
                yield Progress(file)  # a mistake that must have no effect
            elif end == "unwritable":
                yield Tag(tag="two", source_media=file, additional_info={"x": {1}})
                yield Progress(file)
            elif end == "raise":
                raise ValueError(end)


class Daemon(RuleBasedStateMachine):
    """Lines and ends are chosen first; the teardown runs the daemon over them and looks."""

    @initialize(
        own=st.booleans(),
        continue_on_error=st.booleans(),
        limit=st.none() | st.integers(1, 4),
    )
    def begin(self, own: bool, continue_on_error: bool, limit: int | None) -> None:  # noqa: FBT001 - drawn
        self.own, self.continue_on_error, self.limit = own, continue_on_error, limit
        self.plan: dict[str, str] = {}
        self.lines: list[str] = []

    @rule(end=st.sampled_from(["progress", "base name", "error", "unwritable", "raise", "silence"]))
    def line(self, end: str) -> None:
        file = f"media/{len(self.plan)} {end}.mp4"
        self.plan[file] = end
        self.lines.append(f"{file}\n")

    @rule(ending=st.sampled_from(["\n", "\r\n"]))
    def empty_line(self, ending: str) -> None:
        self.lines.append(ending)

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "tags.jsonl"
            aborted = self.run_daemon(output)
            self.look(output, aborted=aborted)

    def run_daemon(self, output: Path) -> bool:
        own = TagMessageProducer.from_model(OfOneFile(self.plan))
        try:
            run_loop(
                own if self.own else OfABatch(self.plan),
                stdin=self.lines,
                output_path=output,
                batch_timeout=3600.0,
                batch_limit=self.limit,
                options=SdkOptions(continue_on_error=self.continue_on_error),
            )
        except AbortTaggingException:
            return True
        return False

    def look(self, output: Path, *, aborted: bool) -> None:
        content = output.read_bytes()
        assert content == b"" or content.endswith(b"\n")
        messages: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines()]
        ended = Counter(
            message["data"]["source_media"] for message in messages if message["type"] != "tag"
        )
        assert set(ended) <= set(self.plan)
        assert all(count == 1 for count in ended.values())
        assert aborted == (not self.continue_on_error and self.fails())
        if not aborted:
            assert set(ended) == set(self.plan)
        for message in messages:
            if message["type"] == "progress":
                assert not self.must_fail(message["data"]["source_media"])

    def fails(self) -> bool:
        return any(self.must_fail(file) for file in self.plan)

    def must_fail(self, file: str) -> bool:
        """Our own producer finishes a file of which the model says no more."""
        good = ("progress", "base name", "silence") if self.own else ("progress", "base name")
        return self.plan[file] not in good


Daemon.TestCase.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
TestEveryFileEndsOnce = Daemon.TestCase
