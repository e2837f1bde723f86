"""Parse `--params`, `-p key=value` and `-O key=value` into the params of a tagger."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_params(
    text: str | None, pairs: Iterable[str], sdk_pairs: Iterable[str] = ()
) -> dict[str, Any] | None:
    r"""Return the params; None where none are given, so that `--params` is left out.

    Args:
        text: A JSON object, or the path of a `.json` file with one.
        pairs: `key=value`, each overrides those before it. A dot selects a key of an object, as in
            `common_ml.max_pixels=1000` (`\.` is a dot of the key itself). A value that is JSON is
            parsed (`2`, `true`, `["a"]`), anything else is a text.
        sdk_pairs: `key=value` of the SDK's own keys, wherever those are in the params.

    Raises:
        ParamsError: all problems.
    """
    from common_ml.tagging.params.parsing import parse_params
    from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SECTION

    problems: list[str] = []
    params: dict[str, Any] = {}
    try:
        params = parse_params(_text_of(text))
    except ParamsError as error:
        problems += [f"{problem}; hint: {_hint_at(problem)}" for problem in error.problems]
    given = [("-p", "fps=2", pair) for pair in pairs]
    given += [("-O", "max_pixels=1000000", pair) for pair in sdk_pairs]
    for option, example, pair in given:
        key, equals, value = pair.partition("=")
        path = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key)]
        if not all(path) or not equals:
            problems.append(f"{option} takes key=value, as in {option} {example}, got {pair!r}")
            continue
        if option == "-O" and key not in PUBLISHED_KEYS:
            path = [SECTION, *path]
        read = _value(value)
        if not _fits_json(read):
            problems.append(f"{option} {key} holds a number that JSON cannot say, got {value:.80}")
        elif not _set(params, path, read):
            problems.append(f"{option} {key} leads into what is not an object, got {pair!r}")
    if problems:
        raise ParamsError(problems)
    return params if text is not None or given else None


def _hint_at(problem: str) -> str:
    if "not valid JSON" in problem:
        return """--params '{"fps": 2}', or -p fps=2"""
    return "-p fps=2" if "JSON" in problem else "--params FILE.json takes a file with a JSON object"


def _text_of(params: str | None) -> str | None:
    """Return the JSON text of `--params`, which may name a file.

    Raises:
        ParamsError: the file cannot be read.
    """
    if params is None or not params.endswith(".json") or params.lstrip().startswith("{"):
        return params
    try:
        return Path(params).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ParamsError([f"--params {params}: {reason}"]) from error


def misspelt_keys(params: dict[str, Any] | None) -> list[str]:
    """Return a warning for each key that differs from an SDK key only in case.

    The key may be the author's own, so it is passed on.
    """
    from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS

    return [
        f"{key} is not the SDK's {key.lower()}, and goes to the tagger; hint: -p {key.lower()}=..."
        for key in params or {}
        if key not in PUBLISHED_KEYS and key.lower() in PUBLISHED_KEYS
    ]


def _set(params: dict[str, Any], path: list[str], value: Any) -> bool:
    """Set a value at a path; return False if a value on the path is not an object."""
    inner: Any = params
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            return False
    inner[path[-1]] = value
    return True


def _fits_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:  # 1e999 is read as infinity
        return False
    return True


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)  # NaN and Infinity are not valid JSON
    except (ValueError, RecursionError):
        return text
