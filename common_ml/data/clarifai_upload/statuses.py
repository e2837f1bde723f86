"""What the platform says of a call, an input or an annotation, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """One answer."""

    code: int
    """The platform's number; 0 for what gRPC or this program says."""
    name: str
    """Such as `INPUT_DUPLICATE`, or gRPC's `UNAVAILABLE`."""
    text: str = ""
    """What it says besides."""

    def __str__(self) -> str:
        return f"{self.code_name}: {self.text}" if self.text else self.code_name

    @property
    def code_name(self) -> str:
        """Name and number, such as `INPUT_DUPLICATE (30100)`."""
        return f"{self.name} ({self.code})" if self.code else self.name


SUCCESS = 10000
MIXED = 10010
DOWNLOADED = 30000
DOWNLOAD_FAILED = 30002
DUPLICATE = 30100

NAMES = {
    30000: "INPUT_DOWNLOAD_SUCCESS",
    30001: "INPUT_DOWNLOAD_PENDING",
    30002: "INPUT_DOWNLOAD_FAILED",
    30003: "INPUT_DOWNLOAD_IN_PROGRESS",
}
"""Where the platform has two names for a code, the one that says more."""
ON_ITS_WAY = frozenset({30001, 30003})
"""INPUT_DOWNLOAD_PENDING, INPUT_DOWNLOAD_IN_PROGRESS."""
TAKEN_INPUT = frozenset({SUCCESS, DOWNLOADED}) | ON_ITS_WAY
TAKEN_ANNOTATION = frozenset({SUCCESS, 24150, 24151, 24157, 24159})
"""ANNOTATION_SUCCESS, and those that wait for the platform or for somebody's review."""
LATER = frozenset({11005, 10030})
"""CONN_THROTTLED, TRY_AGAIN: the same once more, after a while."""
NO_ACCESS = frozenset({11007, 11008, 11009})
"""CONN_INSUFFICIENT_SCOPES, CONN_KEY_INVALID, CONN_KEY_NOT_FOUND: no call will do better."""

GRPC_LATER = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL"}
)
GRPC_NO_ACCESS = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
GRPC_NO_CONTACT = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
"""Nobody answered; often enough in a row, the server is gone."""

_SAME_KEY = 40010
"""DATABASE_DUPLICATE_KEY."""


def is_same_annotation(status: Status) -> bool:
    """Whether an annotation is refused because it is there already.

    Its id is made of what it says, so one of the same id says the same. The platform has no code
    of its own for that, so its words count, too.
    """
    words = status.text.lower()
    return status.code == _SAME_KEY or "duplicate" in words or "already exists" in words
