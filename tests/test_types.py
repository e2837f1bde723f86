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


def test_the_dictionary_holds_the_fields_by_default() -> None:
    @dataclasses.dataclass
    class Line(Point):
        ends: list[Point] = dataclasses.field(default_factory=list)

    line = Line(1, 2, [Point(3), Point(4, 5)])
    assert line.to_dict() == {"x": 1, "y": 2, "ends": [{"x": 3, "y": 0}, {"x": 4, "y": 5}]}


def test_reading_has_to_be_written() -> None:
    class Half(Data):
        pass

    with pytest.raises(TypeError, match="from_dict"):
        Half()  # type: ignore[abstract] # that is the test
