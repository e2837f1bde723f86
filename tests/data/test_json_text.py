"""JSON, whatever texts and numbers it holds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.data.json_text import json_bytes, json_value

TEXTS = st.text(st.characters())  # lone surrogates among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


def cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {cleaned(key): cleaned(one) for key, one in value.items()}
    return value


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_all_but_lone_surrogates_comes_back(document: dict[str, Any]) -> None:
    assert json.loads(json_bytes(document)) == cleaned(document)
    assert json_value(json_bytes(document).decode()) == cleaned(document)


def test_lone_surrogates_become_question_marks() -> None:
    document = {"detail": "there is no file \ud800", "errors": [{"\udfff": ["a\ud83d"]}]}

    assert json.loads(json_bytes(document)) == {
        "detail": "there is no file ?",
        "errors": [{"?": ["a?"]}],
    }


def test_endless_numbers_and_other_values_are_kept() -> None:
    document = {"n": 10**30, 7: Path("a/b"), "x": {"\ud800": 10**30}}

    assert json.loads(json_bytes(document, default=str)) == {
        "n": 10**30,
        "7": "a/b",
        "x": {"?": 10**30},
    }


def test_other_values_are_an_error_unless_a_default_is_given() -> None:
    with pytest.raises(TypeError):
        json_bytes({"path": Path("a/b")})

    assert json_bytes({"path": Path("a/b")}, default=str) == b'{"path":"a/b"}'
