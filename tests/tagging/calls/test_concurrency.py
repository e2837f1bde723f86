"""Concurrent models: order, how many at once, retries, time limits, and the end."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml import FrameContext, FrameModel, FrameTag
from common_ml.backoff import Backoff
from common_ml.context import entered
from common_ml.errors import LimitError
from common_ml.tagging.calls.batching import FrameCaller
from common_ml.tagging.calls.validator import FrameRef
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.job.signals import StopRequested

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Backoff(attempts=3, first_seconds=0.001)


def frames(count: int) -> tuple[list[Any], list[FrameRef]]:
    images = [np.full((2, 2, 3), number, np.uint8) for number in range(count)]
    return images, [FrameRef("film.mp4", number, number / 4) for number in range(count)]


class Meeting:
    """Counts who is inside, and lets all go once `wanted` are."""

    def __init__(self, wanted: int) -> None:
        self.barrier = threading.Barrier(wanted, timeout=30)
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1


class Threaded(FrameModel):
    concurrency = 4
    backoff = QUICK

    def __init__(self) -> None:
        self.meeting = Meeting(4)

    def tag_frame(self, img: Any, context: FrameContext) -> list[FrameTag]:
        with self.meeting:
            self.meeting.barrier.wait()
        return [FrameTag(f"{img[0, 0, 0]} {context.index}")]


class Async(FrameModel):
    concurrency = 4
    backoff = QUICK

    def __init__(self) -> None:
        self.meeting = Meeting(4)
        self.gate: asyncio.Event | None = None

    async def tag_frame(self, img: Any, context: FrameContext) -> list[FrameTag]:
        with self.meeting:
            self.gate = self.gate or asyncio.Event()
            if self.meeting.inside == 4:
                self.gate.set()
            await self.gate.wait()
            await asyncio.sleep(0.001 * (5 - context.index % 5))  # the later ones end first
        return [FrameTag(f"{img[0, 0, 0]} {context.index}")]


@pytest.mark.parametrize("kind", [Threaded, Async])
def test_so_many_run_at_once_and_the_order_is_kept(kind: Callable[[], Any]) -> None:
    model = kind()
    caller = FrameCaller.of(model)
    assert caller.size == 16

    found = caller.tag(*frames(12))

    assert [tag.tag for (tag,) in found] == [f"{number} {number}" for number in range(12)]
    assert model.meeting.most == 4


class Flaky(FrameModel):
    """Fails twice for every frame."""

    concurrency = 2
    backoff = QUICK
    error: type[Exception] = ConnectionError

    def __init__(self) -> None:
        self.attempts: dict[int, int] = {}

    def tag_frame(self, img: Any) -> list[FrameTag]:
        number = int(img[0, 0, 0])
        self.attempts[number] = self.attempts.get(number, 0) + 1
        if self.attempts[number] < 3:
            raise self.error(f"frame {number}")
        return []


class AsyncFlaky(Flaky):
    async def tag_frame(self, img: Any) -> list[FrameTag]:  # type: ignore[override] # as authors do
        return super().tag_frame(img)


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_failing_calls_are_tried_again(
    kind: Callable[[], Flaky], caplog: pytest.LogCaptureFixture
) -> None:
    model = kind()
    with caplog.at_level(logging.WARNING):
        assert FrameCaller.of(model).tag(*frames(3)) == [[], [], []]

    assert model.attempts == {0: 3, 1: 3, 2: 3}
    assert sum("of 3 failed: ConnectionError: frame" in one.message for one in caplog.records) == 6


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_other_failures_and_too_many_are_raised(kind: type[Flaky]) -> None:
    class Wrong(kind):  # type: ignore[valid-type,misc] # both kinds
        error = RuntimeError

    with pytest.raises(RuntimeError, match="frame 0"):
        FrameCaller.of(Wrong()).tag(*frames(2))

    class Few(kind):  # type: ignore[valid-type,misc] # both kinds
        backoff = Backoff(attempts=2, first_seconds=0.001)

    with pytest.raises(ConnectionError, match="frame 0"):
        FrameCaller.of(Few()).tag(*frames(1))


class Hangs(FrameModel):
    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.started = threading.Event()

    async def tag_frame(self, img: Any) -> list[FrameTag]:
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return []


def test_an_attempt_has_a_time_limit() -> None:
    class Limited(Hangs):
        call_timeout_seconds = 0.01

    with pytest.raises(asyncio.TimeoutError):
        FrameCaller.of(Limited()).tag(*frames(1))


def test_the_time_limit_of_a_file_ends_the_wait_and_cancels() -> None:
    model, job = Hangs(), JobContext()
    with (
        entered(job),
        job.current_file("film.mp4", timeout_seconds=0.05),
        pytest.raises(LimitError),
    ):
        FrameCaller.of(model).tag(*frames(3))

    assert model.cancelled.wait(30)


def test_a_request_to_stop_ends_the_wait_and_cancels() -> None:
    model, job = Hangs(), JobContext()

    def stop() -> None:
        assert model.started.wait(30)
        job.shutdown.signal_number = signal.SIGTERM

    thread = threading.Thread(target=stop)
    thread.start()
    with entered(job), pytest.raises(StopRequested):
        FrameCaller.of(model).tag(*frames(3))
    thread.join()

    assert model.cancelled.wait(30)


def test_what_is_no_number_of_calls_is_refused_and_other_attributes_are_left_alone() -> None:
    class Never(Threaded):
        concurrency = 0

    class Old(Threaded):
        @property
        def concurrency(self) -> str:  # type: ignore[override] # as an existing model may have it
            return "high"

    with pytest.raises(ValueError, match="concurrency must be >= 1, got 0"):
        FrameCaller.of(Never())
    assert FrameCaller.of(Old()).size == 1
