"""--params to a pydantic model: its problems are reported like those of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import pydantic
import pytest

from common_ml.errors import ParamsError
from common_ml.tagging.params.parsing import (
    to_schema,
)


def problems_of(params: dict[str, Any], schema: type[Any]) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        to_schema(params, schema)
    return list(caught.value.problems)


class Part(pydantic.BaseModel):
    threshold: float
    either: int | list[int] = 1


class Model(pydantic.BaseModel):
    confidence_threshold: float = pydantic.Field(ge=0, le=1)
    part: Part | None = None
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    count: int = pydantic.Field(1, alias="num")

    @pydantic.field_validator("count")
    @classmethod
    def _is_small(cls, count: int) -> int:
        if count > 5:
            raise ValueError("num must be <= 5")
        return count


def test_a_model_is_made() -> None:
    params = {"confidence_threshold": 1, "num": 2, "fps": 3, "part": {"threshold": 1}}
    made = to_schema(params, Model)
    assert made == Model(confidence_threshold=1, num=2, part=Part(threshold=1))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"num": 9}, "num must be <= 5 @ $.num"),
        ({"nun": 1}, 'unknown key "nun"; hint: did you mean "num"? @ $.nun'),
        ({"fpss": 1}, 'unknown key "fpss"; hint: did you mean "fps"? @ $.fpss'),
        ({"fps": "x"}, 'fps must be a finite number > 0, got "x" (a string) @ $.fps'),
        ({"part": {}}, 'the key "threshold" is missing @ $.part.threshold'),
        (
            {"confidence_threshold": 2},
            "confidence_threshold must be less than or equal to 1, got 2 @ $.confidence_threshold",
        ),
        (
            {"part": {"threshold": 1, "treshold": 1}},
            'unknown key "treshold"; hint: did you mean "threshold"? @ $.part.treshold',
        ),
        (
            {"parts": [{"threshold": 1}, {"threshold": 1, "zzz": 1}]},
            'unknown key "zzz"; hint: use one of either, threshold @ $.parts[1].zzz',
        ),
        (
            {"by_name": {"a b": {"threshold": 1, "zzz": 1}}},
            'unknown key "zzz"; hint: use one of either, threshold @ $.by_name["a b"].zzz',
        ),
        ({"parts": [{}]}, 'the key "threshold" is missing @ $.parts[0].threshold'),
    ],
)
def test_problems_of_a_model_have_their_path(params: dict[str, Any], problem: str) -> None:
    assert problems_of({"confidence_threshold": 0.5, **params}, Model) == [problem]


def test_all_problems_of_a_model_come_together() -> None:
    params = {
        "confidence_treshold": 1,
        "fps": 0,
        "part": {"threshold": "high", "either": "a", "zzz": 1},
    }
    problems = problems_of(params, Model)
    assert [problem.rsplit(" @ ")[1] for problem in problems] == [
        "$.fps",
        "$.confidence_treshold",
        "$.part.zzz",
        "$.confidence_threshold",
        "$.part.threshold",
        "$.part.either",
    ]
    assert problems[4] == 'threshold must be a number, got "high" (a string) @ $.part.threshold'
    assert problems[5] == (
        'either must be a whole number or an array, got "a" (a string) @ $.part.either'
    )


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int = 1


class Deaf(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="ignore")
    a: int = 1


class Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    alpha: int = 1


class Holds(pydantic.BaseModel):
    one: Closed


def test_a_model_s_word_about_extra_keys_is_respected() -> None:
    assert to_schema({"a": 2, "b": 3, "fps": 1}, Open).model_dump() == {"a": 2, "b": 3}
    assert to_schema({"a": 2, "b": 3}, Deaf) == Deaf(a=2)
    problem = 'unknown key "alphaa"; hint: did you mean "alpha"? @ $.alphaa'
    assert problems_of({"alphaa": 1}, Closed) == [problem]
    assert problems_of({"one": {"alphaa": 1}}, Holds) == [
        'unknown key "alphaa"; hint: did you mean "alpha"? @ $.one.alphaa'
    ]


class Aliased(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    a: int = pydantic.Field(1, validation_alias=pydantic.AliasChoices("first", "second"))
    b: int = pydantic.Field(1, validation_alias=pydantic.AliasPath("deep", 0))


def test_every_alias_is_a_known_key() -> None:
    assert to_schema({"second": 5, "deep": [6]}, Aliased) == Aliased.model_validate(
        {"first": 5, "deep": [6]}
    )
    assert to_schema({"a": 5}, Aliased).a == 5
    assert problems_of({"zzzzzz": 5}, Aliased)[0].startswith('unknown key "zzzzzz"')


class Tree(pydantic.RootModel[dict[str, list[Part]]]):
    pass


class Forest(pydantic.BaseModel):
    tree: Tree
    pair: tuple[int, Part] | None = None
    one_of: Annotated[Part | Closed, "a note"] | None = None


def test_extra_keys_are_found_wherever_models_stand() -> None:
    good = {"tree": {"a": [{"threshold": 1}]}, "pair": [1, {"threshold": 1}]}
    assert to_schema(good, Forest).tree.root["a"] == [Part(threshold=1)]
    bad = {"tree": {"a": [{"threshold": 1, "zzz": 1}]}, "pair": [1, {"threshold": 1, "yyy": 1}]}
    paths = [problem.rsplit(" @ ")[1] for problem in problems_of(bad, Forest)]
    assert paths == ["$.tree.a[0].zzz", "$.pair[1].yyy"]


@dataclass
class Detector:
    threshold: float
    labels: list[str] = field(default_factory=list)


@dataclass
class Mixed:
    part: Part
    detector: Detector


def test_a_model_in_a_dataclass() -> None:
    good = {"part": {"threshold": 1}, "detector": {"threshold": 1}}
    assert to_schema(good, Mixed) == Mixed(Part(threshold=1), Detector(1.0))
    bad = {"part": {"threshold": 1, "zzz": 1}, "detector": {}}
    assert problems_of(bad, Mixed) == [
        'unknown key "zzz"; hint: use one of either, threshold @ $.part.zzz',
        'the key "threshold" is missing @ $.detector.threshold',
    ]


def test_a_validator_of_the_whole_model() -> None:
    class Range(pydantic.BaseModel):
        low: int
        high: int

        @pydantic.model_validator(mode="after")
        def _is_ordered(self) -> Range:
            if self.low > self.high:
                raise ValueError("low must be <= high")
            return self

    assert problems_of({"low": 2, "high": 1}, Range) == ["low must be <= high @ $"]
