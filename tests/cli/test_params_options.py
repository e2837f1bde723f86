"""Params on the command line: `--params`, `-p` and `-O`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli.params_options import merge_params, misspelt_keys
from common_ml.errors import ParamsError

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_given_is_no_params() -> None:
    assert merge_params(None, []) is None
    assert merge_params("{}", []) == {}


@pytest.mark.parametrize(
    ("text", "pairs", "sdk_pairs", "params"),
    [
        (None, ["fps=2", "name=cat", "labels=[1]"], [], {"fps": 2, "name": "cat", "labels": [1]}),
        ('{"fps": 1, "a": 1}', ["fps=2"], [], {"fps": 2, "a": 1}),
        (None, ["common_ml.max_pixels=5"], [], {"common_ml": {"max_pixels": 5}}),
        ('{"a": {"b": 1}}', ["a.c.d=2", "a.b=3"], [], {"a": {"b": 3, "c": {"d": 2}}}),
        (None, [r"model\.name=x", r"a\.b.c=1"], [], {"model.name": "x", "a.b": {"c": 1}}),
        (None, [], ["strict=true", "fps=2"], {"common_ml": {"strict": True}, "fps": 2}),
        (
            '{"common_ml": {"resume": true}}',
            ["common_ml.strict=false"],
            ["strict=true"],
            {"common_ml": {"resume": True, "strict": True}},
        ),
    ],
)
def test_pairs_are_laid_over_the_object(
    text: str | None, pairs: list[str], sdk_pairs: list[str], params: dict[str, Any]
) -> None:
    assert merge_params(text, pairs, sdk_pairs) == params


@pytest.mark.parametrize(
    ("text", "pairs", "sdk_pairs", "words"),
    [
        (None, ["fps"], [], "-p takes key=value, as in -p fps=2, got 'fps'"),
        (None, ["=2"], [], "-p takes key=value"),
        (None, ["a..b=2"], [], "-p takes key=value"),
        (None, [], ["strict"], "-O takes key=value, as in -O max_pixels=1000000, got 'strict'"),
        (None, ["a=1e999"], [], "-p a holds a number that JSON cannot say, got 1e999"),
        ('{"a": 1}', ["a.b=2"], [], "-p a.b leads into what is not an object, got 'a.b=2'"),
        ("[", ["x"], [], "; -p takes key=value"),
    ],
)
def test_mistakes_are_reported_together(
    text: str | None, pairs: list[str], sdk_pairs: list[str], words: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        merge_params(text, pairs, sdk_pairs)
    assert words in str(caught.value)


def test_params_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "params.json"
    path.write_text('{"fps": 1, "a": {"b": 2}}')

    assert merge_params(str(path), ["a.b=3"]) == {"fps": 1, "a": {"b": 3}}
    assert merge_params('{"name": "x.json"}', []) == {"name": "x.json"}
    with pytest.raises(ParamsError, match=r"no-such.json: No such file"):
        merge_params("no-such.json", [])
    path.write_text("{")
    with pytest.raises(ParamsError, match="not valid JSON"):
        merge_params(str(path), [])


def test_keys_that_differ_from_the_sdks_by_capitals_are_named() -> None:
    assert misspelt_keys({"FPS": 2, "fps": 1, "Size": 3}) == [
        "FPS is not the SDK's fps, and goes to the tagger; hint: -p fps=..."
    ]
    assert misspelt_keys(None) == []
