"""Validate `--params` against a dataclass or a pydantic model, by pydantic."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from common_ml.tagging.params import schema_keys
from common_ml.tagging.params.problems import (
    child_path,
    last_name,
    missing_key,
    shown,
    unknown_key,
    wrong_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)
"""For dataclasses without a configuration of their own: as strict as JSON allows. A list converts
to a tuple or set, a string to a Path, Enum or date, an integer to a float, and nothing else."""


def validate(
    params: Mapping[str, Any],
    schema: type[Any],
    problems: list[str],
    *,
    also_known: Iterable[str] = (),
) -> Any:
    """Return an instance of a dataclass or pydantic model; add errors to `problems`.

    Args:
        params: The values of the fields.
        schema: A dataclass, validated strictly, or a pydantic model, validated as configured.
        problems: Receives one message per problem.
        also_known: Further candidates for suggestions, besides the fields.

    Returns:
        The instance, or None if there was a problem.

    Raises:
        TypeError: an annotation of the schema cannot be resolved.
    """
    try:
        completed = schema_keys.complete(dict(params), schema, problems, also_known=also_known)
        adapter = _adapter(schema)
    except (NameError, PydanticUndefinedAnnotation) as error:
        raise TypeError(
            f"{schema.__name__} is annotated with an unknown name: {error};"
            " hint: define it in the module of the schema, outside of functions"
        ) from error
    except PydanticUserError as error:
        raise TypeError(f"{schema.__name__} cannot be a schema: {error.message}") from error
    try:
        return adapter.validate_json(json.dumps({"params": completed})).params
    except ValidationError as error:
        reported = _Report(schema, completed, also_known).problems(error.errors(include_url=False))
        problems += reported
    except (TypeError, ValueError) as error:  # a TypeError from the schema's __post_init__
        problems.append(f"{str(error) or type(error).__name__} @ $")
    return None


def _adapter(schema: type[Any]) -> TypeAdapter[Any]:
    """Return the validator of an object with an instance of the schema as `params`.

    The outer object carries the configuration, which nested dataclasses inherit.
    """
    holder = dataclasses.make_dataclass(
        schema.__name__, [("params", schema)], namespace={"__pydantic_config__": STRICT}
    )
    return TypeAdapter(holder)


@dataclasses.dataclass(frozen=True)
class _Error:
    """One of pydantic's errors."""

    kind: str
    """Such as `int_type`."""
    words: str
    """Such as "Input should be a valid integer"."""
    expected: str
    """The choices of a Literal or Enum; "" for other errors."""
    got: Any
    rest: tuple[Any, ...]
    """The rest of its location, relative to some value."""


class _Report:
    """Convert pydantic's errors to messages that end in a path."""

    def __init__(self, schema: type[Any], params: Any, also_known: Iterable[str]) -> None:
        self._schema = schema
        self._params = params
        self._also_known = tuple(also_known)

    def problems(self, errors: Iterable[ErrorDetails]) -> list[str]:
        found = [
            _Error(
                kind=error["type"],
                words=error["msg"],
                expected=str(error.get("ctx", {}).get("expected", "")),
                got=error["input"],
                rest=error["loc"][1:],  # without the field of the outer object
            )
            for error in errors
        ]
        return self._at((), self._params, found)

    def _at(self, place: tuple[Any, ...], value: Any, errors: Sequence[_Error]) -> list[str]:
        """Return the problems of a value and of nested values, in pydantic's order."""
        problems: list[str] = []
        by_alternative: dict[Any, list[_Error]] = {}
        by_child: dict[Any, list[_Error]] = {}
        num_elements = 0  # required length of an array that is too short
        for error in errors:
            if not error.rest:
                problems.append(self._sentence(place, error))
                continue
            first, shorter = error.rest[0], dataclasses.replace(error, rest=error.rest[1:])
            if len(error.rest) == 1 and error.kind in _ABOUT_KEYS:
                if isinstance(first, int):
                    num_elements = max(num_elements, first + 1)
                else:
                    problems.append(self._about_key(place, first, error.kind))
            elif _is_in(first, value):
                by_child.setdefault(first, []).append(shorter)
            else:  # the name of a union member, or of a validator
                by_alternative.setdefault(first, []).append(shorter)
        if num_elements:
            problems.append(wrong_value(_path(place), f"an array of {num_elements}", value))
        for key, of_child in by_child.items():
            problems += self._at((*place, key), value[key], of_child)
        if by_alternative:
            problems += self._of_union(place, value, by_alternative)
        return problems

    def _of_union(
        self, place: tuple[Any, ...], value: Any, alternatives: dict[Any, list[_Error]]
    ) -> list[str]:
        """Return the problems of the intended alternative, or one about all of them."""
        deep = [errors for errors in alternatives.values() if any(error.rest for error in errors)]
        if len(alternatives) == 1 or len(deep) == 1:
            (meant,) = deep if len(deep) == 1 else alternatives.values()
            return self._at(place, value, meant)
        expected = " or ".join(dict.fromkeys(map(_name, alternatives)))
        return [wrong_value(_path(place), expected, value)]

    def _sentence(self, place: tuple[Any, ...], error: _Error) -> str:
        path = _path(place)
        if error.kind in ("value_error", "assertion_error"):  # after pydantic's "Value error, "
            return f"{error.words.partition(', ')[2] or error.words} @ {path}"
        if error.kind == "json_invalid":  # a lone surrogate
            return f"--params is not valid JSON: {error.words.partition(': ')[2]} @ $"
        if error.kind in _EXPECTED:
            return wrong_value(path, _EXPECTED[error.kind], error.got)
        if error.expected:
            return wrong_value(path, f"one of {_choices(error.expected)}", error.got)
        words = re.sub(r"^\w+ should (be|have)\b", r"must \1", error.words)
        return f"{last_name(path)} {words}, got {shown(error.got)} @ {path}"

    def _about_key(self, place: tuple[Any, ...], key: str, kind: str) -> str:
        path = _path(place)
        if kind == "missing":
            return missing_key(path, key)
        known = schema_keys.known_keys(self._schema, place)
        return unknown_key(path, key, [*known, *(() if place else self._also_known)])


def _is_in(key: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _path(place: Sequence[Any]) -> str:
    path = "$"
    for part in place:
        path = child_path(path, part)
    return path


def _choices(expected: str) -> str:
    """Return the choices as JSON: pydantic writes `'a', 'b' or 1`."""
    quoted = re.sub(r"'((?:[^'\\]|\\.)*)'", lambda match: json.dumps(match[1]), expected)
    *others, last = quoted.rsplit(" or ", 1)
    return ", ".join([*others, last])


def _name(alternative: Any) -> str:
    """Return the description of a union member, from pydantic's name for it."""
    name = str(alternative)
    return _NAMES.get(re.split(r"[\[(]", name)[0], name)


_ABOUT_KEYS = ("missing", "extra_forbidden", "unexpected_keyword_argument")
_NAMES = {
    "bool": "true or false",
    "dict": "an object",
    "float": "a number",
    "frozenset": "an array",
    "int": "a whole number",
    "list": "an array",
    "none": "null",
    "set": "an array",
    "str": "a string",
    "tuple": "an array",
}
"""Pydantic's name of a type -> the JSON type in words."""
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dataclass_type": "an object",
    "dict_type": "an object",
    "float_type": "a number",
    "float_parsing": "a number",
    "frozen_set_type": "an array",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "iterable_type": "an array",
    "list_type": "an array",
    "mapping_type": "an object",
    "model_type": "an object",
    "none_required": "null",
    "path_type": "a string",
    "set_type": "an array",
    "string_type": "a string",
    "tuple_type": "an array",
}
"""Pydantic's kind of error -> the expected value, in terms of JSON."""
