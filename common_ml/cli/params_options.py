"""`--params` and `-p key=value` of a command line -> the params of a tagger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from common_ml.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_params(text: str | None, pairs: Iterable[str]) -> dict[str, Any] | None:
    """Returns the params; None where none are given, so that `--params` is left out.

    Args:
        text: A JSON object.
        pairs: `key=value`, each over what stands before it. A value that is JSON is what JSON says
            (`2`, `true`, `["a"]`), anything else is a text.

    Raises:
        ParamsError: all that is wrong.
    """
    from common_ml.tagging.params import parse_params  # noqa: PLC0415 - loads FFmpeg

    problems: list[str] = []
    params: dict[str, Any] = {}
    try:
        params = parse_params(text)
    except ParamsError as error:
        problems += error.problems
    given = list(pairs)
    for pair in given:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            problems.append(f"-p takes key=value, as in -p fps=2, got {pair!r}")
        else:
            params[key] = _value(value)
            if not _fits_json(params[key]):
                problems.append(f"-p {key} holds a number that JSON cannot say, got {value:.80}")
    if problems:
        raise ParamsError(problems)
    return params if text is not None or given else None


def _fits_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:  # 1e999 is read as infinity
        return False
    return True


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)  # NaN and Infinity are no JSON
    except (ValueError, RecursionError):
        return text
