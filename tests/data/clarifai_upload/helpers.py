"""Records to upload, and a clock whose sleep takes no time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import Account, RetryClock, UploadOptions, upload
from common_ml.data.record import Annotation, Box, Record
from tests.data.clarifai_upload.platform import KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.data.clarifai_upload import Summary, UploadOutcome

BOX = Box(0.25, 0.125, 0.75, 0.5)


@dataclass
class FakeClock:
    """Counts the seconds that would have been slept."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.seconds += seconds
            self.slept.append(seconds)

    def now(self) -> float:
        return self.seconds

    def clock(self) -> RetryClock:
        return RetryClock(sleep=self.sleep, now=self.now, jitter=lambda: 1.0)


@dataclass
class Uploader:
    """Uploads to the test's platform."""

    base: str
    clock: FakeClock
    key: str = KEY
    told: list[UploadOutcome] = field(default_factory=list)

    def __call__(self, records: Sequence[Record], **options: Any) -> Summary:
        account = Account(self.key, user_id="me", app_id="animals")
        return upload(
            records,
            account,
            UploadOptions(base=self.base, **options),
            on_outcome=self.told.append,
            clock=self.clock.clock(),
        )


def url(number: int) -> str:
    return f"https://samples.example/{number}.jpg"


def plain(number: int, *labels: str, **more: Any) -> Record:
    """A picture with concepts of the whole."""
    annotations = tuple(Annotation(label) for label in labels or ("cat",))
    return Record(url(number), kind="image", annotations=annotations, **more)


def boxed(number: int, *labels: str, box: Box = BOX, **more: Any) -> Record:
    """A picture with one region for each label."""
    annotations = tuple(Annotation(label, box=box) for label in labels or ("face",))
    return Record(url(number), kind="image", annotations=annotations, **more)


def states(summary: Summary) -> list[str]:
    return [one.state for one in summary.outcomes]


def reasons(summary: Summary) -> list[str]:
    return [one.status.name for one in summary.outcomes]
