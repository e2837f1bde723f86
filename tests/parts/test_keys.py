"""Names of parts: the same on each machine and in each version, and one for each key."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.parts import PartKey, params_digest

if TYPE_CHECKING:
    import random

TEXTS = st.text(max_size=4)
KEYS = st.builds(PartKey, TEXTS, TEXTS, TEXTS, st.none() | st.integers(0, 3))


def test_keys_differ_in_each_of_their_values() -> None:
    keys = [
        PartKey("a"),
        PartKey("b"),
        PartKey("a", revision="b"),
        PartKey("a", params="b"),
        PartKey("a", fence=1),
        PartKey("a", fence=2),
        PartKey("a\udcff"),
    ]
    assert len({key.name for key in keys}) == len(keys)
    assert params_digest({"a": 1, "b": 2}) == params_digest({"b": 2, "a": 1})
    assert params_digest({}) != params_digest(None) == ""


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (PartKey("films/a.mp4"), "5b8454a6b9e43b5d223a3863e854fde8"),
        (
            PartKey("films/a.mp4", "sha256:1", params_digest({"fps": 2})),
            "4a4a4caa318a8a6974191f0f64066a1a",
        ),
        (PartKey("films/a.mp4", fence=7), "5b8454a6b9e43b5d223a3863e854fde8.7"),
        (PartKey("\udcff.mp4"), "c3034149094589a11e37e05f71e6e3cd"),
        (PartKey(""), "39623ca591e0c65aedf53f332da7505a"),
    ],
)
def test_names_stay_what_they_were(key: PartKey, name: str) -> None:
    """Else parts of an earlier version would be tagged again."""
    assert key.name == name


@given(KEYS)
def test_a_name_is_the_beginning_of_a_sha256(key: PartKey) -> None:
    def text_of(text: str) -> str:
        """What JSON makes of a text, in ASCII."""
        return json.dumps(text, ensure_ascii=True)

    text = f"[{text_of(key.file)}, {text_of(key.revision)}, {text_of(key.params)}]"
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    digits, _, fence = key.name.partition(".")
    assert digits == digest[:32]
    assert fence == ("" if key.fence is None else str(key.fence))


@given(KEYS, KEYS)
def test_equal_names_are_of_equal_keys(one: PartKey, other: PartKey) -> None:
    assert (one.name == other.name) == (one == other)


def test_values_that_look_like_their_separators_are_distinguished() -> None:
    keys = [
        PartKey('a", "b'),
        PartKey("a", "b"),
        PartKey("a", 'b", "'),
        PartKey("ab"),
        PartKey("\\udcff"),
        PartKey("\udcff"),
    ]
    assert len({key.name for key in keys}) == len(keys)


@given(
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none()),
    st.randoms(use_true_random=False),
)
def test_the_order_of_params_does_not_matter(params: dict[str, Any], chance: random.Random) -> None:
    keys = list(params)
    chance.shuffle(keys)
    assert params_digest({key: params[key] for key in keys}) == params_digest(params)


def test_the_digest_of_params_is_that_of_their_shortest_json() -> None:
    text = b'{"a":[1,null,"\\u00e9"],"b":{"c":0.5,"d":true}}'
    params = {"b": {"d": True, "c": 0.5}, "a": [1, None, "\u00e9"]}
    assert params_digest(params) == hashlib.sha256(text).hexdigest()[:32]
    assert params_digest({}) == hashlib.sha256(b"{}").hexdigest()[:32]


def test_values_of_other_types_are_other_params() -> None:
    digests = [params_digest({"fps": value}) for value in (1, 1.0, "1", True, None, [1])]
    assert len(set(digests)) == len(digests)
