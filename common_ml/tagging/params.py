"""`--params`: the words of the command line, the SDK's own keys, and the way to a schema.

Nothing here reads or writes anything. `run_helpers` calls, in this order:

    arguments = parse_arguments(sys.argv[1:])
    params = parse_params(arguments.params_text)     # get_params() returns this
    config = to_schema(params, Schema)               # get_params(Schema) returns this
    options = SdkOptions.from_params(params)         # what the loop needs

Each raises `ParamsError`, with everything that is wrong at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from common_ml.errors import ParamsError
from common_ml.tagging import params_dataclass, params_pydantic
from common_ml.tagging.options import SDK_KEYS, authors_keys, sdk_problems
from common_ml.tagging.params_problems import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Schema = TypeVar("Schema")
EXCERPT_LENGTH = 20  # characters on both sides of the place where JSON breaks


@dataclass(frozen=True)
class Arguments:
    """What the command line says."""

    output_path: str | None
    """Value of `--output-path`; None where there is none."""
    params_text: str | None
    """Value of `--params`, as sent; None where there is none."""


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Returns what the command line says; unknown arguments are passed over.

    Args:
        argv: The arguments without the program's name: `sys.argv[1:]`. An `--output-path` without
            a value is none; `--params` without a value is an empty text, which is no JSON.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    # nargs: argparse ends the program where a value is missing; the error line needs both options.
    parser.add_argument("--output-path", nargs="?")
    parser.add_argument("--params", nargs="?", const="")
    known, _ = parser.parse_known_args(list(argv))
    return Arguments(output_path=known.output_path, params_text=known.params)


def parse_params(text: str | None) -> dict[str, Any]:
    """Returns the object in the JSON text of `--params`; {} without a text.

    Raises:
        ParamsError: the text is no JSON (says where), or no object.
    """
    if text is None:
        return {}
    try:
        params = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}, offset {error.pos}"
        near = text[max(error.pos - EXCERPT_LENGTH, 0) : error.pos + EXCERPT_LENGTH]
        problem = f"--params is no JSON: {error.msg} at {place}, near {near!r}"
        raise ParamsError([problem]) from error
    except (ValueError, RecursionError) as error:  # NaN, numbers of 5000 digits, 2000 brackets
        raise ParamsError([f"--params is no JSON that can be used: {error}"]) from error
    if not isinstance(params, dict):
        expected = '--params must be a JSON object such as {"fps": 1}'
        raise ParamsError([f"{expected}, got {shown(params)} @ $"])
    return params


def to_schema(params: Mapping[str, Any], schema: type[Schema]) -> Schema:
    """Returns an instance of a dataclass or pydantic model, made from `params`.

    The SDK's own keys are checked, and left out unless the schema names them.

    Raises:
        ParamsError: unknown or missing keys, wrong types, and what is wrong with the SDK's own
            keys, all at once, each with its path.
        TypeError: `schema` is neither a dataclass nor a pydantic model.
    """
    names = schema_keys(schema)
    build = params_pydantic.build if _is_pydantic(schema) else params_dataclass.build
    own = {key: value for key, value in params.items() if key in names or key not in SDK_KEYS}
    others = authors_keys(params, names)
    problems = sdk_problems({key: value for key, value in params.items() if key not in others})
    instance = build(own, schema, problems, also_known=SDK_KEYS)
    if problems:
        raise ParamsError(problems)
    result: Schema = instance
    return result


def schema_keys(schema: type[Any]) -> frozenset[str]:
    """Returns the keys that a schema names.

    Raises:
        TypeError: `schema` is neither a dataclass nor a pydantic model.
    """
    if _is_pydantic(schema):
        return frozenset(params_pydantic.key_names(schema))
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return frozenset(params_dataclass.key_names(schema))
    expected = "a class that is a dataclass or a pydantic model"
    raise TypeError(f"the schema of get_params must be {expected}, got {schema!r}")


def _is_pydantic(schema: object) -> bool:
    return hasattr(schema, "model_validate")  # told without importing pydantic


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
