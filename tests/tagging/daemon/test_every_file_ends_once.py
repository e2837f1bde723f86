"""A state machine: whatever lines arrive, producers do and signals come, each file ends once."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from common_ml.errors import AbortTaggingException
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
ENDS = ("progress", "base name", "error", "unwritable", "raise", "silence", *SIGNALS)
"""What a model or producer does about a file; a signal comes while it is at it."""


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
        elif end in SIGNALS:
            os.kill(os.getpid(), SIGNALS[end])
            yield Tag(tag="too late")


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
            elif end in SIGNALS:
                os.kill(os.getpid(), SIGNALS[end])
                yield Tag(tag="too late", source_media=file)
                yield Progress(file)


class Daemon(RuleBasedStateMachine):
    """Lines and ends are chosen first; the teardown runs the daemon over them and looks."""

    @initialize(
        own=st.booleans(),
        continue_on_error=st.booleans(),
        limit=st.none() | st.integers(1, 4),
    )
    def begin(self, own: bool, continue_on_error: bool, limit: int | None) -> None:
        self.own, self.continue_on_error, self.limit = own, continue_on_error, limit
        self.plan: dict[str, str] = {}
        self.lines: list[str] = []

    @rule(end=st.sampled_from(ENDS))
    def line(self, end: str) -> None:
        file = f"media/{len(self.plan)} {end}.mp4"
        self.plan[file] = end
        self.lines.append(f"{file}\n")

    @rule(ending=st.sampled_from(["\n", "\r\n"]))
    def empty_line(self, ending: str) -> None:
        self.lines.append(ending)

    @rule()
    def bad_line(self) -> None:
        """A name that is no UTF-8: no message can name it."""
        file = f"media/{len(self.plan)} \udcff.mp4"
        self.plan[file] = "progress"
        self.lines.append(f"{file}\n")

    @rule(name=st.sampled_from([*SIGNALS]))
    def signal_between_lines(self, name: str) -> None:
        """It comes when the lines before have been read, whatever the daemon is at."""
        self.lines.append(name)

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "tags.jsonl"
            if self.signals_may_come():
                status = in_a_process_of_its_own(lambda: self.run_daemon(output))
            else:
                status = self.run_daemon(output)
            self.look(output, status)

    def run_daemon(self, output: Path) -> int:
        own = TagMessageProducer.from_model(OfOneFile(self.plan))
        try:
            run_loop(
                own if self.own else OfABatch(self.plan),
                stdin=self.input(),
                output_path=output,
                batch_timeout=3600.0,
                batch_limit=self.limit,
                options=SdkOptions(continue_on_error=self.continue_on_error),
            )
        except AbortTaggingException:
            return 1
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    def input(self) -> Iterator[str]:
        for line in self.lines:
            if line in SIGNALS:
                os.kill(os.getpid(), SIGNALS[line])
            else:
                yield line

    def look(self, output: Path, status: int) -> None:
        content = output.read_bytes() if output.exists() else b""
        assert content == b"" or content.endswith(b"\n")
        messages: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines()]
        assert not any(message["data"].get("tag") == "too late" for message in messages)
        ends = [message["data"] for message in messages if message["type"] != "tag"]
        named = Counter(end["source_media"] for end in ends if end["source_media"] is not None)
        unnamed = [end["message"] for end in ends if end["source_media"] is None]
        assert set(named) <= set(self.plan)
        assert set(named.values()) <= {1}
        nameless = [file for file in self.plan if "\udcff" in file]
        for file in nameless:
            assert sum(escaped(file) in message for message in unnamed) <= 1
        assert len(unnamed) <= len(nameless)
        for message in messages:
            if message["type"] == "progress":
                file = message["data"]["source_media"]
                assert self.plan[file] not in SIGNALS
                assert not self.must_fail(file)
        assert status in self.possible_statuses()
        if status == 0 or (status == 1 and self.continue_on_error):
            assert len(named) + len(unnamed) == len(self.plan)

    def signals_may_come(self) -> bool:
        return any(end in SIGNALS for end in (*self.plan.values(), *self.lines))

    def possible_statuses(self) -> set[int]:
        """What the process may end with: one status, unless signals come between lines."""
        planned = self.planned_status()
        sent = {128 + SIGNALS[line] for line in self.lines if line in SIGNALS}
        if not sent:
            return {planned}
        return sent | ({planned} - {0})  # it cannot end before its input does

    def planned_status(self) -> int:
        files = list(self.plan)
        size = 1 if self.own else self.limit or len(files) or 1
        for start in range(0, len(files), size):
            for file in files[start : start + size]:
                end = self.plan[file]
                if end in SIGNALS:
                    if "\udcff" not in file:
                        return 128 + SIGNALS[end]
                elif self.must_fail(file) and end != "silence":
                    if not self.continue_on_error:
                        return 1
                    if end == "raise":
                        break  # the rest of the batch is not even begun
        return int(not self.continue_on_error and any(map(self.must_fail, files)))

    def must_fail(self, file: str) -> bool:
        """Our own producer finishes a file of which the model says no more."""
        good = ("progress", "base name", "silence") if self.own else ("progress", "base name")
        return "\udcff" in file or self.plan[file] not in (*good, *SIGNALS)


def escaped(file: str) -> str:
    return file.encode(errors="backslashreplace").decode()


def in_a_process_of_its_own(work: Callable[[], int]) -> int:
    """The exit status: a signal to stop ends the whole process."""
    with warnings.catch_warnings():
        # forking beside numpy's threads: the child needs none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = work()
        except BaseException:  # noqa: BLE001 - it must not become a second pytest
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


Daemon.TestCase.settings = settings(stateful_step_count=15)
TestEveryFileEndsOnce = Daemon.TestCase
