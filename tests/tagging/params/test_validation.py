"""--params to a dataclass: what is taken, and every problem reported at once with its path."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Sequence  # noqa: TC003 - a schema names it
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, Union

import dacite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import ParamsError
from common_ml.tagging.params.parsing import (
    to_schema,
)
from common_ml.tagging.params.sdk_options import SDK_KEYS


class Strange:
    pass


STRANGE = Strange()


@dataclass
class Odd:
    strange: Strange = STRANGE
    size: int = 1


def problems_of(params: dict[str, Any], schema: type[Any]) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        to_schema(params, schema)
    return list(caught.value.problems)


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


Score = NewType("Score", float)


@dataclass
class Detector:
    threshold: float
    labels: list[str] = field(default_factory=list)


@dataclass
class Everything:
    confidence_threshold: float
    count: int = 1
    name: str = ""
    flag: bool = True
    detector: Detector | None = None
    detectors: list[Detector] = field(default_factory=list)
    by_name: dict[str, Detector] = field(default_factory=dict)
    colour: Colour = Colour.RED
    weights: Optional[Path] = None  # noqa: UP045 - the old spelling is what is tested
    size: tuple[int, int] = (1, 1)
    sizes: tuple[int, ...] = ()
    mode: Literal["fast", 1] = "fast"
    either: Union[int, str, Detector] = 0  # noqa: UP007 - the old spelling is what is tested
    names: set[str] = field(default_factory=set)
    score: Score = Score(0)
    noted: Annotated[int, "a note"] = 0
    bare: dict = field(default_factory=dict)  # type: ignore[type-arg] # what is tested
    anything: Any = None
    made: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        if self.count > 100:
            raise ValueError("count must be <= 100, got 101")


def everything(**changes: Any) -> Everything:
    return to_schema({"confidence_threshold": 0.5, **changes}, Everything)


@pytest.mark.parametrize(
    ("key", "sent", "kept"),
    [
        ("confidence_threshold", 1, 1.0),
        ("count", 5, 5),
        ("flag", False, False),
        ("detector", None, None),
        ("detector", {"threshold": 1, "labels": ["a"]}, Detector(1.0, ["a"])),
        ("detectors", [{"threshold": 0.5}], [Detector(0.5)]),
        ("by_name", {"a b": {"threshold": 0.5}}, {"a b": Detector(0.5)}),
        ("colour", "red", Colour.RED),
        ("colour", 1, Colour.ONE),
        ("weights", "/a/b", Path("/a/b")),
        ("weights", None, None),
        ("size", [1, 2], (1, 2)),
        ("sizes", [1, 2, 3], (1, 2, 3)),
        ("mode", 1, 1),
        ("either", "a", "a"),
        ("either", 5, 5),
        ("either", {"threshold": 1}, Detector(1.0)),
        ("names", ["a", "b", "a"], {"a", "b"}),
        ("score", 1, 1.0),
        ("noted", 3, 3),
        ("bare", {"a": [1]}, {"a": [1]}),
        ("anything", [{"a": 1}], [{"a": 1}]),
    ],
)
def test_values_of_a_dataclass(key: str, sent: Any, kept: Any) -> None:
    got = getattr(everything(**{key: sent}), key)
    assert got == kept
    assert type(got) is type(kept)


PROBLEMS = [
    ("confidence_threshold", "high", 'must be a number, got "high" (a string)'),
    ("confidence_threshold", True, "must be a number, got true"),
    ("confidence_threshold", None, "must be a number, got null"),
    ("count", 1.0, "must be a whole number, got 1.0"),
    ("count", True, "must be a whole number, got true"),
    ("name", 5, "must be a string, got 5"),
    ("flag", 1, "must be true or false, got 1"),
    ("flag", "yes", 'must be true or false, got "yes" (a string)'),
    ("detector", [], "must be an object, got [] (an array)"),
    ("detectors", {}, "must be an array, got {} (an object)"),
    ("by_name", [], "must be an object, got [] (an array)"),
    ("colour", "blue", 'must be one of "red", 1, got "blue" (a string)'),
    ("weights", 5, "must be a string, got 5"),
    ("size", [1], "must be an array of 2, got [1] (an array)"),
    ("size", 5, "must be an array, got 5"),
    ("mode", "slow", 'must be one of "fast", 1, got "slow" (a string)'),
    ("size", [], "must be an array of 2, got [] (an array)"),
    (
        "size",
        [1, 2, 3],
        "must have at most 2 items after validation, not 3, got [1, 2, 3] (an array)",
    ),
    ("either", [], "must be a whole number or a string or Detector, got [] (an array)"),
    ("names", "ab", 'must be an array, got "ab" (a string)'),
    ("score", "a", 'must be a number, got "a" (a string)'),
    ("bare", 5, "must be an object, got 5"),
]


@pytest.mark.parametrize(("key", "sent", "words"), PROBLEMS)
def test_wrong_types_of_a_dataclass(key: str, sent: Any, words: str) -> None:
    params = {"confidence_threshold": 0.5, key: sent}
    assert problems_of(params, Everything) == [f"{key} {words} @ $.{key}"]


@pytest.mark.parametrize(
    ("key", "sent", "problem"),
    [
        ("detector", {}, 'the key "threshold" is missing @ $.detector.threshold'),
        (
            "detectors",
            [{"threshold": 1}, {"threshold": "a"}],
            'threshold must be a number, got "a" (a string) @ $.detectors[1].threshold',
        ),
        (
            "by_name",
            {"a b": {"threshold": 1, "label": []}},
            'unknown key "label"; hint: did you mean "labels"? @ $.by_name["a b"].label',
        ),
        ("sizes", [1, 2.5], "sizes[1] must be a whole number, got 2.5 @ $.sizes[1]"),
        ("size", [1, "a"], 'size[1] must be a whole number, got "a" (a string) @ $.size[1]'),
        (
            "either",
            {"treshold": 1, "threshold": 1},
            'unknown key "treshold"; hint: did you mean "threshold"? @ $.either.treshold',
        ),
        ("count", 101, "count must be <= 100, got 101 @ $"),
        ("made", 1, 'unknown key "made"; hint: did you mean "mode"? @ $.made'),
    ],
)
def test_deeper_problems_have_their_path(key: str, sent: Any, problem: str) -> None:
    assert problems_of({"confidence_threshold": 0.5, key: sent}, Everything) == [problem]


def test_all_problems_come_together() -> None:
    params = {
        "confidence_treshold": 0.5,
        "fpss": 3,
        "fps": 0,
        "count": "a",
        "detector": {"threshold": "high", "zzz": 1},
        "qqqqqqq": 1,
    }
    sdk, *problems = problems_of(params, Everything)
    assert sdk == "fps must be a finite number > 0, got 0 @ $.fps"
    known = "hint: use one of allow_single_frame, anything"
    meant = 'did you mean "confidence_threshold"?'
    assert problems[:2] == [
        f'unknown key "confidence_treshold"; hint: {meant} @ $.confidence_treshold',
        'unknown key "fpss"; hint: did you mean "fps"? @ $.fpss',
    ]
    assert problems[2].startswith(f'unknown key "qqqqqqq"; {known}')
    assert problems[3:] == [
        'unknown key "zzz"; hint: use one of labels, threshold @ $.detector.zzz',
        'the key "confidence_threshold" is missing @ $.confidence_threshold',
        'count must be a whole number, got "a" (a string) @ $.count',
        'threshold must be a number, got "high" (a string) @ $.detector.threshold',
    ]


def test_a_later_key_at_the_top_level_is_pointed_to_its_place() -> None:
    @dataclass
    class Own:
        size: int = 1

    for key in ("strict", "max_pixels", "sampling"):
        hint = f'did you mean "common_ml.{key}"?'
        assert problems_of({key: 1}, Own) == [f'unknown key "{key}"; hint: {hint} @ $.{key}']


@dataclass
class NamesFps:
    fps: float
    continue_on_error: bool = False


def test_sdk_keys_are_left_out_unless_the_schema_names_them() -> None:
    params = {"fps": 2, "allow_single_frame": False}
    assert to_schema(params, NamesFps) == NamesFps(2.0)

    @dataclass
    class Nothing:
        pass

    assert to_schema(params, Nothing) == Nothing()


def test_dates_and_numbers_are_taken_as_strictly_as_json_allows() -> None:
    @dataclass
    class Many:
        day: dt.date | None = None
        share: float | int = 0.5
        texts: Sequence[str] = ()

    made = to_schema({"day": "2024-02-29", "share": 5, "texts": ["a"]}, Many)
    assert made == Many(dt.date(2024, 2, 29), 5, ["a"])
    assert type(made.share) is int
    assert problems_of({"share": "5", "texts": "a"}, Many) == [
        'share must be a number or a whole number, got "5" (a string) @ $.share',
        'texts must be an array, got "a" (a string) @ $.texts',
    ]


def test_a_value_that_is_not_unicode_is_refused() -> None:
    assert problems_of({"confidence_threshold": 1, "name": "\ud800"}, Everything)


def test_a_type_that_json_cannot_give_keeps_its_default() -> None:
    assert to_schema({"size": 2}, Odd) == Odd(STRANGE, 2)
    assert problems_of({"strange": 1}, Odd)[0].endswith("@ $.strange")


def test_what_a_constructor_raises_is_a_problem() -> None:
    @dataclass(frozen=True)
    class Refuses:
        kind: str

        def __post_init__(self) -> None:
            raise {"type": TypeError, "value": ValueError}[self.kind]("no")

    assert problems_of({"kind": "type"}, Refuses) == ["no @ $"]
    assert problems_of({"kind": "value"}, Refuses) == ["no @ $"]


def test_dacite_in_a_repos_own_code_goes_on_working() -> None:
    config = dacite.Config(strict=True)
    assert dacite.from_dict(Detector, {"threshold": 0.5}, config) == Detector(0.5)
    with pytest.raises(dacite.UnexpectedDataError):
        dacite.from_dict(Detector, {"threshold": 0.5, "zzz": 1}, config)


def test_an_optional_field_without_default_may_be_missing() -> None:
    @dataclass
    class Loose:
        limit: int | None

    assert to_schema({}, Loose) == Loose(None)


@pytest.mark.parametrize("schema", [int, dict, "Config", Detector(1), None])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(TypeError, match="a class that is a dataclass or a pydantic model, got"):
        to_schema({}, schema)


def test_an_unknown_annotation_is_the_author_s_mistake() -> None:
    @dataclass
    class Local:
        pass

    @dataclass
    class Schema:
        local: Local

    with pytest.raises(TypeError, match="outside of functions"):
        to_schema({}, Schema)


def assert_all_have_paths(error: ParamsError) -> None:
    assert error.problems
    assert all(" @ $" in problem for problem in error.problems)


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in dataclasses.fields(Everything)]) | st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_anything_is_an_instance_or_a_params_error(params: dict[str, Any]) -> None:
    """Each problem ends in a path into what was sent; equal input gives equal output."""
    try:
        made = to_schema(params, Everything)
    except ParamsError as error:
        assert_all_have_paths(error)
    else:
        assert made == to_schema(params, Everything)
        assert {*params} - {*SDK_KEYS} <= {f.name for f in dataclasses.fields(Everything)}


@given(st.floats(allow_nan=False), st.lists(st.text()), st.integers(max_value=100))
def test_good_params_give_what_the_constructor_gives(
    threshold: float, labels: list[str], count: int
) -> None:
    inner = {"threshold": threshold, "labels": labels}
    params = json.loads(json.dumps({"confidence_threshold": threshold, "detector": inner}))
    expected = Everything(threshold, count, detector=Detector(threshold, labels))
    assert to_schema({**params, "count": count}, Everything) == expected
