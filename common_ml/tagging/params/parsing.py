"""Parse the command line and its `--params`.

Pure functions without I/O. `run_helpers` calls, in this order:

    arguments = parse_arguments(sys.argv[1:])
    params = parse_params(arguments.params_text)     # get_params() returns this
    config = to_schema(params, Schema)               # get_params(Schema) returns this
    options = SdkOptions.from_params(params)         # what the loop needs

Each raises `ParamsError` with all problems at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from common_ml.errors import ParamsError
from common_ml.tagging.params.problems import shown
from common_ml.tagging.params.schema_keys import key_names
from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SECTION, SECTION_KEYS, sdk_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Schema = TypeVar("Schema")
EXCERPT_LENGTH = 20  # characters on both sides of a JSON syntax error


@dataclass(frozen=True)
class Arguments:
    """The parsed command line."""

    output_path: str | None
    """Value of `--output-path`; None if absent."""
    params_text: str | None
    """Value of `--params`, as sent; None if absent."""


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse the command line; ignore unknown arguments.

    Args:
        argv: The arguments without the program's name: `sys.argv[1:]`. An `--output-path` without
            a value is None; `--params` without a value is "", which is not valid JSON.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    # nargs: argparse exits if a value is missing; the error line needs both options.
    parser.add_argument("--output-path", nargs="?")
    parser.add_argument("--params", nargs="?", const="")
    known, _ = parser.parse_known_args(list(argv))
    return Arguments(output_path=known.output_path, params_text=known.params)


def parse_params(text: str | None) -> dict[str, Any]:
    """Return the object in the JSON text of `--params`; {} without a text.

    Raises:
        ParamsError: the text is not valid JSON (with the position), or not an object.
    """
    if text is None:
        return {}
    try:
        params = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}, offset {error.pos}"
        near = text[max(error.pos - EXCERPT_LENGTH, 0) : error.pos + EXCERPT_LENGTH]
        problem = f"--params is not valid JSON: {error.msg} at {place}, near {near!r}"
        raise ParamsError([problem]) from error
    except (ValueError, RecursionError) as error:  # NaN, numbers of 5000 digits, 2000 brackets
        raise ParamsError([f"--params is not usable JSON: {error}"]) from error
    if not isinstance(params, dict):
        expected = '--params must be a JSON object such as {"fps": 1}'
        raise ParamsError([f"{expected}, got {shown(params)} @ $"])
    return params


def sent_params() -> dict[str, Any]:
    """Return the value of `--params`, as sent; {} if there is none."""
    try:
        return parse_params(parse_arguments(sys.argv[1:]).params_text)
    except ParamsError:  # a program that reads its params from elsewhere
        return {}


def to_schema(
    params: Mapping[str, Any], schema: type[Schema], *, samples_frames: bool = True
) -> Schema:
    """Convert `params` to an instance of a dataclass or pydantic model.

    The SDK's own keys are validated, and dropped unless the schema has fields of these names.

    Args:
        params: The params as sent.
        schema: A dataclass or pydantic model.
        samples_frames: See `SdkOptions.from_params`.

    Raises:
        ParamsError: unknown or missing keys, wrong types, and invalid values of the SDK's own
            keys, all at once, each with its path.
        TypeError: `schema` is neither a dataclass nor a pydantic model.
    """
    from common_ml.tagging.params.validation import validate

    names = key_names(schema)
    sdk_names = {SECTION, *PUBLISHED_KEYS} - names
    own = {key: value for key, value in params.items() if key not in sdk_names}
    problems = sdk_problems(params, samples_frames=samples_frames)
    also_known = {*sdk_names, *(f"{SECTION}.{name}" for name in SECTION_KEYS)}
    instance = validate(own, schema, problems, also_known=also_known)
    if problems:
        raise ParamsError(problems)
    result: Schema = instance
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
