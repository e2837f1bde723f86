"""--params: the command line, its JSON, and the SDK's own keys."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import ParamsError
from common_ml.tagging.options import SDK_KEYS, SdkOptions
from common_ml.tagging.params import (
    Arguments,
    parse_arguments,
    parse_params,
)


@pytest.mark.parametrize(
    ("argv", "arguments"),
    [
        ([], Arguments(None, None)),
        (["--output-path", "/elv/o.jsonl", "--params", "{}"], Arguments("/elv/o.jsonl", "{}")),
        (["--params={}", "--output-path=o"], Arguments("o", "{}")),
        (["--x", "5", "y", "-h", "--help", "--output-path", "o"], Arguments("o", None)),
        (["--output", "o", "--param", "{}"], Arguments(None, None)),  # no abbreviations
        (["--output-path", "a", "--output-path", "b"], Arguments("b", None)),
    ],
)
def test_arguments(argv: list[str], arguments: Arguments) -> None:
    assert parse_arguments(argv) == arguments


def test_an_argument_without_its_value_does_not_end_the_program() -> None:
    assert parse_arguments(["--output-path"]) == Arguments(None, None)
    assert parse_arguments(["--output-path", "o", "--params"]) == Arguments("o", "")
    with pytest.raises(ParamsError, match="--params is no JSON: Expecting value at line 1"):
        parse_params("")


def test_params_are_returned_as_sent() -> None:
    assert parse_params(None) == {}
    assert parse_params('{"fps": 2, "a": [1, {"b": null}]}') == {"fps": 2, "a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"fps": 1 2}', "delimiter at line 1, column 11, offset 10, near '{\"fps\": 1 2}'"),
        ('{\n "fps": tru\n}', "Expecting value at line 2, column 9, offset 10"),
        ("", "Expecting value at line 1, column 1, offset 0, near ''"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": NaN}', "NaN is no number in JSON"),
        ('{"a": -Infinity}', "-Infinity is no number in JSON"),
        ('{"a": ' + "9" * 5000 + "}", "no JSON that can be used"),
        ('{"a": ' + "[" * 100_000, "no JSON that can be used"),
        ("[1]", 'must be a JSON object such as {"fps": 1}, got [1] (an array) @ $'),
        ("null", "got null @ $"),
        ('"x"', 'got "x" (a string) @ $'),
    ],
)
def test_malformed_json_says_where(text: str, words: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_params(text)
    assert words in str(caught.value)


@given(st.text())
def test_any_text_is_an_object_or_a_params_error(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        assert parse_params(text) == expected
    else:
        with pytest.raises(ParamsError):
            parse_params(text)


def test_sdk_options_have_their_defaults() -> None:
    assert SdkOptions.from_params({"mine": 1}) == SdkOptions()
    defaults = {
        "fps": 1.0,
        "allow_single_frame": True,
        "continue_on_error": False,
        "sampling": "rate",
        "resume": False,
        "strict": True,
        "crash_dir": None,
        "wait_for_file_seconds": 0.0,
        "max_pixels": 256_000_000,
        "max_file_seconds": None,
        "file_timeout_seconds": None,
    }
    assert dataclasses.asdict(SdkOptions()) == defaults
    assert defaults.keys() == SDK_KEYS.keys()


def test_sdk_options_are_taken() -> None:
    params = {"fps": 5, "allow_single_frame": False, "continue_on_error": True, "mine": 1}
    expected = SdkOptions(fps=5, allow_single_frame=False, continue_on_error=True)
    assert SdkOptions.from_params(params) == expected
    assert SdkOptions.from_params({"sampling": "keyframes"}).sampling == "keyframes"
    assert SdkOptions.from_params({"sampling": "rate", "fps": 2}).fps == 2


@given(fps=st.floats() | st.integers() | st.booleans() | st.text() | st.none())
def test_fps_is_a_finite_number_above_0(fps: Any) -> None:
    is_good = isinstance(fps, int | float) and not isinstance(fps, bool) and 0 < fps < math.inf
    if is_good:
        assert SdkOptions.from_params({"fps": fps}).fps == fps
        assert SdkOptions(fps=fps).fps == fps
    else:
        with pytest.raises(
            ParamsError, match=r"fps must be a finite number > 0, got .* @ \$\.fps$"
        ):
            SdkOptions.from_params({"fps": fps})
        with pytest.raises(ParamsError, match="fps must be a finite number > 0"):
            SdkOptions(fps=fps)


def test_all_problems_of_the_sdk_keys_come_together() -> None:
    params = {"fps": -1, "allow_single_frame": 1, "continue_on_error": "no", "sampling": ["rate"]}
    with pytest.raises(ParamsError) as caught:
        SdkOptions.from_params(params)
    assert caught.value.problems == (
        "fps must be a finite number > 0, got -1 @ $.fps",
        "allow_single_frame must be true or false, got 1 @ $.allow_single_frame",
        'continue_on_error must be true or false, got "no" (a string) @ $.continue_on_error',
        'sampling must be "rate" or "keyframes", got ["rate"] (an array) @ $.sampling',
    )


def test_keyframes_exclude_fps() -> None:
    expected = 'fps has no meaning with sampling "keyframes": leave one out @ $.fps'
    with pytest.raises(ParamsError) as caught:
        SdkOptions.from_params({"fps": 1, "sampling": "keyframes"})
    assert caught.value.problems == (expected,)
