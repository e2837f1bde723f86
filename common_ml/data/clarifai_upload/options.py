"""Options of an upload: address, batch size, threads, time limits, duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from common_ml.data.clarifai_upload.address import DEFAULT_BASE
from common_ml.data.clarifai_upload.retry import Backoff
from common_ml.errors import UploadError

if TYPE_CHECKING:
    from pathlib import Path

Duplicates = Literal["skip", "fail", "allow"]
"""Inputs that exist already: skipped and reported, counted as failed, or uploaded once more."""

MAX_INPUTS = 128
"""Maximum inputs that the platform accepts in one call."""
MAX_ANNOTATIONS = 20
"""Annotations in one call."""
MAX_BYTES = 16 << 20
"""Bytes of local files in one call (a larger one goes alone): 10 threads take about 300 MB."""


@dataclass(frozen=True)
class UploadOptions:
    """Options of an upload.

    Raises:
        UploadError: a value out of its range.
    """

    base: str = DEFAULT_BASE
    """Address of the platform, as `Address.parse` takes it."""
    root_certificates: bytes | None = field(default=None, repr=False)
    """PEM of a private certificate authority; None: those that gRPC trusts."""
    chunk_size: int = 32
    """Inputs a call, 1..128."""
    threads: int = 10
    """Calls at the same time, 1..64."""
    wait_seconds: float = 300
    """How long to wait until the inputs of a chunk are downloaded, >= 0; 0 checks once."""
    duplicates: Duplicates = "skip"
    media_root: Path | None = None
    """Where relative paths start; None: the current directory."""
    call_timeout_seconds: float = 120
    """Time limit of one call, > 0."""
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        _check(1 <= self.chunk_size <= MAX_INPUTS, "chunk_size", "1..128", self.chunk_size)
        _check(1 <= self.threads <= 64, "threads", "1..64", self.threads)
        _check(self.wait_seconds >= 0, "wait_seconds", ">= 0", self.wait_seconds)
        _check(
            self.call_timeout_seconds > 0, "call_timeout_seconds", "> 0", self.call_timeout_seconds
        )
        known = get_args(Duplicates)
        _check(
            self.duplicates in known, "duplicates", f"one of {', '.join(known)}", self.duplicates
        )


def _check(right: bool, name: str, expected: str, got: object) -> None:  # noqa: FBT001 - as assert
    if not right:
        raise UploadError(f"{name} must be {expected}, got {got!r}")
