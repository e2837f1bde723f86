"""Params: one canonical form, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.service.models.params import canonical, canonical_text, merged_schema, problems_of

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.5, 2.0])
    | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["integer", "number", "string", "boolean", "null", "array", "object"]
            )
            | st.just(["integer", "null"]),
            "enum": st.lists(st.sampled_from([1, 2, "a", None]), min_size=1, max_size=2),
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 4),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array"]),
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "required": st.lists(st.sampled_from("ab"), max_size=1),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=5,
)


@given(params=st.dictionaries(st.sampled_from("abc"), values, max_size=3), schema=schemas)
def test_what_is_wrong_is_wrong_for_jsonschema_too(
    params: dict[str, Any], schema: dict[str, Any]
) -> None:
    """Where alternatives stand beside other keywords, only the alternatives are looked at."""
    wrong = not jsonschema.Draft202012Validator(schema).is_valid(params)
    found = problems_of(params, schema)
    if found:
        assert wrong, found
    if "anyOf" not in json.dumps(schema):
        assert wrong == bool(found)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"a": {"b": [1, "x"]}}, 'expected integer, got "x" @ $.a.b[1]'),
        ({"a": 1}, "expected object, got 1 @ $.a"),
        ({"n": True}, "expected number, got true @ $.n"),
        ({"n": float("inf")}, "expected a finite number @ $.n"),
        ({"c": 3}, "expected 7, got 3 @ $.c"),
    ],
)
def test_a_problem_names_its_place(params: dict[str, Any], problem: str) -> None:
    schema = {
        "$defs": {"A": {"type": "object", "properties": {"b": {"items": {"type": "integer"}}}}},
        "properties": {"a": {"$ref": "#/$defs/A"}, "n": {"type": "number"}, "c": {"const": 7}},
    }
    assert problems_of(params, schema) == [problem]


def test_params_that_are_nested_too_deep_are_refused() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    assert problems_of({"a": deep}, {}) == ["params are nested deeper than 40 levels"]


def test_equal_params_have_one_form() -> None:
    assert (
        canonical_text({"b": 2.0, "a": [1.0, {"d": 1, "c": 0.5}]})
        == '{"a":[1,{"c":0.5,"d":1}],"b":2}'
    )
    assert canonical({"x": True}) == {"x": True}


def test_own_keys_come_before_those_of_the_sdk() -> None:
    own = {"type": "object", "properties": {"fps": {"minimum": 1}}, "additionalProperties": False}
    sdk = {"properties": {"fps": {}, "strict": {"type": "boolean"}}}
    assert merged_schema(own, sdk)["properties"] == {
        "fps": {"minimum": 1},
        "strict": {"type": "boolean"},
    }
    assert merged_schema(None, None) == {"type": "object"}
