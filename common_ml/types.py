"""The base of data classes that travel as dictionaries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


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

        def to_dict(self):
            return {"x": self.x, "y": self.y}
    """

    @classmethod
    @abstractmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make one from what `to_dict` gives."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """All of it, as a dictionary."""
