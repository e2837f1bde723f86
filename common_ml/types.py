"""Types that several packages share: paths, and the base of data classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from typing import TypeAlias

    from typing_extensions import Self

    StrPath: TypeAlias = str | os.PathLike[str]
    """A path as most functions take it."""


@dataclass
class Data(ABC):
    """Data that is made from a dictionary, and turned into one.

    @dataclass
    class Point(Data):
        x: float
        y: float

        @classmethod
        def from_dict(cls, data):
            return cls(**data)
    """

    @classmethod
    @abstractmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make one from what `to_dict` gives."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the dataclass, those within them too, as a dictionary."""
        return asdict(self)
