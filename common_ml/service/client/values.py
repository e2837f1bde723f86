"""Responses of the service as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

FINISHED = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class FileInfo:
    """A file in the service."""

    sha256: str
    md5: str
    size: int
    """Bytes."""
    kind: str
    """`image`, `video`, `audio`, `text` or `unknown`."""
    name: str
    """Under which it was uploaded last."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Parse a document; unknown members are ignored."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Prediction:
    """The state of one file with one model."""

    id: str
    sha256: str
    """The file."""
    model: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    progress: float | None
    """0 to 1, while it runs."""
    error: str | None
    """Why it failed."""
    num_tags: int | None

    @property
    def is_finished(self) -> bool:
        """Whether its state is final: done, failed or cancelled."""
        return self.state in FINISHED

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Parse a document; unknown members are ignored."""
        return cls(
            id=document["id"],
            sha256=document["file"]["sha256"],
            model=document["model"],
            state=document["state"],
            progress=document.get("progress"),
            error=document.get("error"),
            num_tags=document.get("num_tags"),
        )


@dataclass(frozen=True)
class Submitted:
    """The predictions of one request, in the order of files, then models."""

    predictions: tuple[Prediction, ...]

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [prediction.id for prediction in self.predictions]
