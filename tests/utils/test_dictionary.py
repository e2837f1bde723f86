from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common_ml.utils import nested_update
from common_ml.utils.dictionary import dict_to_str
from common_ml.utils.dictionary import nested_update as same

Leaf = st.integers() | st.text(max_size=3) | st.none() | st.lists(st.integers(), max_size=2)
Trees = st.recursive(
    st.dictionaries(st.sampled_from("abc"), Leaf, max_size=3),
    lambda tree: st.dictionaries(st.sampled_from("abc"), Leaf | tree, max_size=3),
    max_leaves=8,
)
Path = tuple[str, ...]


def leaves(tree: dict[str, Any]) -> dict[Path, Any]:
    """Path -> value, empty dictionaries included."""
    found: dict[Path, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found |= {(key, *path): leaf for path, leaf in leaves(value).items()}
        else:
            found[key,] = value
    return found


def test_dictionaries_within_are_updated_not_replaced() -> None:
    params = {"model": {"name": "small", "size": 3}, "fps": 1}
    before = copy.deepcopy(params)
    result = nested_update(params, {"model": {"size": 5}, "threshold": 0.5})
    assert params == before
    assert result == {"model": {"name": "small", "size": 5}, "fps": 1, "threshold": 0.5}


def test_a_dictionary_and_another_value_replace_each_other() -> None:
    assert nested_update({"a": 1, "b": {"c": 2}}, {"a": {"d": 3}, "b": None}) == {
        "a": {"d": 3},
        "b": None,
    }


@given(Trees, Trees)
def test_all_that_is_new_is_there_and_the_rest_is_as_it_was(
    original: dict[str, Any], updates: dict[str, Any]
) -> None:
    before, asked = copy.deepcopy(original), copy.deepcopy(updates)
    after = leaves(nested_update(original, updates))
    new = leaves(updates)
    assert (original, updates) == (before, asked)
    for path, value in new.items():
        assert value == {} or after[path] == value
    for path, value in leaves(before).items():
        # Untouched, unless an update stands at, above or below the place.
        if not any(path[: len(p)] == p or p[: len(path)] == path for p in new):
            assert after[path] == value


@given(Trees, Trees)
def test_updating_twice_is_updating_once(original: dict[str, Any], updates: dict[str, Any]) -> None:
    once = nested_update(copy.deepcopy(original), updates)
    assert nested_update(copy.deepcopy(once), updates) == once


def test_later_changes_do_not_reach_the_arguments() -> None:
    original, updates = {"c": {"d": [1]}}, {"a": {"b": [1]}}
    result = nested_update(original, updates)
    result["a"]["b"].append(2)
    result["c"]["d"].append(2)
    assert (original, updates) == ({"c": {"d": [1]}}, {"a": {"b": [1]}})


def test_a_dictionary_as_text_is_json_with_text_values() -> None:
    data = {"fps": 1, 2: 'a "b"', "model": {"size": 3}, "none": None, "é": True}
    assert json.loads(dict_to_str(data)) == {
        "fps": "1",
        "2": 'a "b"',
        "model": "{'size': 3}",
        "none": "None",
        "é": "True",
    }
    assert dict_to_str({"a": 1, "b": "c"}) == '{"a": "1", "b": "c"}'
    assert dict_to_str({}) == "{}"


def test_both_addresses_are_one_function() -> None:
    assert nested_update is same
