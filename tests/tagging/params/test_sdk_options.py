"""--params: the command line, its JSON, and the SDK's own keys."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common_ml.errors import ParamsError
from common_ml.tagging.params.parsing import (
    Arguments,
    parse_arguments,
    parse_params,
)
from common_ml.tagging.params.sdk_options import SDK_KEYS, SdkOptions


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
    with pytest.raises(ParamsError, match="--params is not valid JSON: Expecting value at line 1"):
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
        ('{"a": NaN}', "NaN is not a number in JSON"),
        ('{"a": -Infinity}', "-Infinity is not a number in JSON"),
        ('{"a": ' + "9" * 5000 + "}", "--params is not usable JSON: "),
        ('{"a": ' + "[" * 100_000, "--params is not usable JSON: "),
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
        "strict": False,
        "crash_dir": None,
        "wait_for_file_seconds": 0.0,
        "exit_grace_seconds": 30.0,
        "max_pixels": 256_000_000,
        "max_file_seconds": None,
        "file_timeout_seconds": None,
        "damage": "tolerate",
        "video_stream": None,
        "audio_stream": None,
        "run_gap_seconds": 0.0,
        "run_min_seconds": 0.0,
        "run_min_confidence": 0.0,
    }
    assert dataclasses.asdict(SdkOptions()) == defaults
    assert list(defaults) == list(SDK_KEYS)


def test_sdk_options_are_taken() -> None:
    params = {"fps": 5, "allow_single_frame": False, "continue_on_error": True, "mine": 1}
    expected = SdkOptions(fps=5, allow_single_frame=False, continue_on_error=True)
    assert SdkOptions.from_params(params) == expected
    nested: dict[str, Any] = {
        "sampling": "keyframes",
        "max_pixels": 7,
        "audio_stream": "eng",
        "video_stream": 1,
    }
    assert SdkOptions.from_params({"mine": 1, "common_ml": nested}) == SdkOptions(**nested)
    assert SdkOptions.from_params({"common_ml": None}) == SdkOptions()


def test_later_keys_at_the_top_level_are_the_authors() -> None:
    params = {"max_pixels": "few", "strict": "very", "sampling": 3, "resume": {}, "damage": None}
    assert SdkOptions.from_params(params) == SdkOptions()


@pytest.mark.parametrize("key", ["continue_on_error", "allow_single_frame"])
@pytest.mark.parametrize(
    ("value", "meant"), [(0, False), (None, False), (0.0, False), (1, True), (2.5, True)]
)
def test_published_flags_are_read_as_conditions_are(key: str, value: Any, meant: bool) -> None:
    assert getattr(SdkOptions.from_params({key: value}), key) is meant


def test_frame_keys_are_looked_at_only_for_frame_models() -> None:
    params = {"fps": "auto", "allow_single_frame": "yes"}
    assert SdkOptions.from_params(params, samples_frames=False) == SdkOptions()
    with pytest.raises(ParamsError, match="fps must be") as caught:
        SdkOptions.from_params(params)
    assert len(caught.value.problems) == 2


@example(fps=10**400)
@given(fps=st.floats() | st.integers() | st.booleans() | st.text() | st.none())
def test_fps_is_a_finite_number_above_0(fps: Any) -> None:
    is_good = (
        isinstance(fps, int | float)
        and not isinstance(fps, bool)
        and 0 < fps < math.inf
        and fps <= sys.float_info.max
    )
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
    params = {
        "fps": -1,
        "continue_on_error": "no",
        "common_ml": {"sampling": ["rate"], "audio_stream": -1, "max_pixel": 3, "fps": 2},
    }
    with pytest.raises(ParamsError) as caught:
        SdkOptions.from_params(params)
    stream = SDK_KEYS["audio_stream"].expected
    assert caught.value.problems == (
        "fps must be a finite number > 0, got -1 @ $.fps",
        'continue_on_error must be true or false, got "no" (a string) @ $.continue_on_error',
        'sampling must be "rate" or "keyframes", got ["rate"] (an array) @ $.common_ml.sampling',
        f"audio_stream must be {stream}, got -1 @ $.common_ml.audio_stream",
        'unknown key "max_pixel"; hint: did you mean "max_pixels"? @ $.common_ml.max_pixel',
        'unknown key "fps"; hint: put it at the top level: {"fps": ...} @ $.common_ml.fps',
    )


def test_the_section_is_an_object() -> None:
    with pytest.raises(ParamsError) as caught:
        SdkOptions.from_params({"common_ml": [1]})
    (problem,) = caught.value.problems
    assert problem.startswith("common_ml must be an object such as ")
    assert problem.endswith(", got [1] (an array) @ $.common_ml")


def test_keyframes_exclude_fps() -> None:
    params = {"fps": 1, "common_ml": {"sampling": "keyframes"}}
    expected = 'fps has no meaning with sampling "keyframes"; hint: leave out one of them @ $.fps'
    with pytest.raises(ParamsError) as caught:
        SdkOptions.from_params(params)
    assert caught.value.problems == (expected,)
    assert SdkOptions.from_params(params, samples_frames=False).sampling == "keyframes"
