"""Status codes of the platform: which to retry, which are fatal, which mean duplicates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """One status."""

    code: int
    """The platform's code; 0 for a status of gRPC or this program."""
    name: str
    """Such as `INPUT_DUPLICATE`, or gRPC's `UNAVAILABLE`."""
    text: str = ""
    """Details."""

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
"""The more specific name, where the platform has two names for a code."""
ON_ITS_WAY = frozenset({30001, 30003})
"""INPUT_DOWNLOAD_PENDING, INPUT_DOWNLOAD_IN_PROGRESS."""
TAKEN_INPUT = frozenset({SUCCESS, DOWNLOADED}) | ON_ITS_WAY
TAKEN_ANNOTATION = frozenset({SUCCESS, 24150, 24151, 24157, 24159})
"""ANNOTATION_SUCCESS, and those that are pending on the platform or in review."""
LATER = frozenset({11005, 10030})
"""CONN_THROTTLED, TRY_AGAIN: retry after a delay."""
NO_ACCESS = frozenset({11007, 11008, 11009})
"""CONN_INSUFFICIENT_SCOPES, CONN_KEY_INVALID, CONN_KEY_NOT_FOUND: no retry helps."""

GRPC_LATER = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL"}
)
GRPC_NO_ACCESS = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
GRPC_NO_CONTACT = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
"""No response; several in a row mean that the server is unreachable."""

_SAME_KEY = 40010
"""DATABASE_DUPLICATE_KEY."""


def is_same_annotation(status: Status) -> bool:
    """Whether an annotation is refused because it exists already.

    Its id is a hash of its content, so the same id means the same content. The platform has no
    separate code for that, so the text of the status is checked, too.
    """
    words = status.text.lower()
    return status.code == _SAME_KEY or "duplicate" in words or "already exists" in words
