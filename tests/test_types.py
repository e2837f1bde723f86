from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from common_ml.types import Data


@dataclasses.dataclass
class Point(Data):
    x: float
    y: float = 0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Point:
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Name(Data):
    name: str

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Name:
        return Name(data["name"])

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name}


def test_data_comes_back_from_its_dictionary() -> None:
    assert Point.from_dict(Point(1, 2).to_dict()) == Point(1, 2)
    assert Name.from_dict(Name("a").to_dict()) == Name("a")


def test_data_is_a_dataclass_that_cannot_be_made_itself() -> None:
    assert dataclasses.is_dataclass(Data)
    with pytest.raises(TypeError, match="abstract"):
        Data()  # type: ignore[abstract] # that is the test


def test_both_methods_have_to_be_written() -> None:
    class Half(Data):
        def to_dict(self) -> dict[str, Any]:
            return {}

    with pytest.raises(TypeError, match="from_dict"):
        Half()  # type: ignore[abstract] # that is the test
