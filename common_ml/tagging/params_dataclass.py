"""`--params` -> a dataclass: every problem with its path, not only the first.

dacite stops at its first error, so the walk over fields, lists and objects is done here, and dacite
decides about the single values at its ends.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import types
import typing
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, Union

import dacite

from common_ml.tagging import params_pydantic
from common_ml.tagging.params_problems import (
    key_path,
    missing_key,
    unknown_key,
    wrong_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    _Reader = Callable[[Any, Any, str, list[str]], Any]

NOTHING = object()
"""Stands for a value that could not be made; its problem is on the list."""


def key_names(schema: type[Any]) -> set[str]:
    """Returns the keys that a dataclass takes."""
    return {field.name for field in dataclasses.fields(schema) if field.init}


def build(
    params: Mapping[str, Any],
    schema: type[Any],
    problems: list[str],
    *,
    also_known: Iterable[str] = (),
    path: str = "$",
) -> Any:
    """Returns an instance of the dataclass; adds what is wrong to `problems`.

    Args:
        params: The values of the fields.
        schema: A dataclass.
        problems: Gets one sentence per problem.
        also_known: Keys that may be meant by an unknown one, besides the fields.
        path: Where `params` stands.

    Returns:
        The instance, or NOTHING if there was a problem.

    Raises:
        TypeError: an annotation of the schema cannot be resolved.
    """
    hints = _type_hints(schema)
    before = len(problems)
    known = key_names(schema)
    unknown = [key for key in params if key not in known]
    problems += [unknown_key(path, key, {*known, *also_known}) for key in unknown]
    values = {}
    for field in dataclasses.fields(schema):
        if not field.init:
            continue
        hint = hints[field.name]
        if field.name in params:
            where = key_path(path, field.name)
            values[field.name] = _value(params[field.name], hint, where, problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            if not _takes_none(hint):  # what dacite does: Optional without default is None
                problems.append(missing_key(path, field.name))
            values[field.name] = None
    if len(problems) > before:
        return NOTHING
    try:
        return schema(**values)
    except (ValueError, TypeError, AssertionError) as error:  # its own __post_init__ refuses
        problems.append(f"{str(error) or type(error).__name__} @ {path}")
        return NOTHING


def _type_hints(schema: type[Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(schema)
    except NameError as error:
        way_out = "define it in the module of the schema, outside of functions"
        raise TypeError(
            f"{schema.__name__} is annotated with an unknown name: {error}: {way_out}"
        ) from error


def _value(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns what `hint` makes of a JSON value; adds what is wrong to `problems`."""
    hint = getattr(hint, "__supertype__", hint)  # NewType
    origin = typing.get_origin(hint) or hint
    return _reader(origin)(value, hint, path, problems)


def _reader(origin: Any) -> _Reader:
    """Returns the function that reads values of a type."""
    if origin in _READERS:
        return _READERS[origin]
    if isinstance(origin, type):
        if issubclass(origin, Enum):
            return _enum
        if dataclasses.is_dataclass(origin) or hasattr(origin, "model_validate"):
            return _nested
        if issubclass(origin, PurePath):
            return _path
    return _single


def _anything(value: Any, hint: Any, path: str, problems: list[str]) -> Any:  # noqa: ARG001 - a reader
    return value


def _nested(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns a dataclass or model in a field."""
    if not isinstance(value, dict):
        problems.append(wrong_value(path, "an object", value))
        return NOTHING
    deeper = build if dataclasses.is_dataclass(hint) else params_pydantic.build
    return deeper(value, hint, problems, path=path)


def _path(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    text = _single(value, str, path, problems)
    return NOTHING if text is NOTHING else hint(text)


def _literal(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    return _choice(value, [(choice, choice) for choice in typing.get_args(hint)], path, problems)


def _enum(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    return _choice(value, [(member.value, member) for member in hint], path, problems)


def _choice(value: Any, choices: list[tuple[Any, Any]], path: str, problems: list[str]) -> Any:
    """Returns the meaning of the choice that `value` is."""
    for choice, meaning in choices:
        if type(choice) is type(value) and choice == value:  # True is not 1
            return meaning
    expected = "one of " + ", ".join(json.dumps(choice, default=repr) for choice, _ in choices)
    problems.append(wrong_value(path, expected, value))
    return NOTHING


def _single(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns a value that is no container, as dacite sees it."""
    if hint is float and type(value) is int:
        return float(value)  # JSON has one kind of number
    holder = dataclasses.make_dataclass("Holder", [("value", hint)])
    config = dacite.Config(strict=True)
    try:
        if isinstance(value, bool) and hint in (int, float):
            raise dacite.WrongTypeError(hint, value, "value")
        return dacite.from_dict(holder, {"value": value}, config).value
    except dacite.DaciteError:
        problems.append(wrong_value(path, _name(hint), value))
        return NOTHING


def _alternative(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns what the first fitting alternative of a union makes of a value."""
    alternatives = typing.get_args(hint)
    if type(value) in alternatives:  # 5 for `float | int` stays an int
        return value
    if value is None and type(None) in alternatives:
        return None
    others = [alternative for alternative in alternatives if alternative is not type(None)]
    trials = []
    for alternative in others:
        trial: list[str] = []
        result = _value(value, alternative, path, trial)
        if not trial:
            return result
        trials.append(trial)
    deepest = [trial for trial in trials if not all(_is_about(problem, path) for problem in trial)]
    if len(trials) == 1 or len(deepest) == 1:
        problems.extend((deepest or trials)[0])  # the one that was meant
    else:
        problems.append(wrong_value(path, _name(hint), value))
    return NOTHING


def _is_about(problem: str, path: str) -> bool:
    return problem.endswith(f"@ {path}")


def _takes_none(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _elements(make: Callable[[list[Any]], Any]) -> _Reader:
    """Returns the reader of an array whose elements are all of one type."""

    def read(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, list):
            problems.append(wrong_value(path, "an array", value))
            return NOTHING
        element = (*typing.get_args(hint), Any)[0]
        before = len(problems)
        made = [_value(v, element, f"{path}[{i}]", problems) for i, v in enumerate(value)]
        return make(made) if len(problems) == before else NOTHING

    return read


def _tuple(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns a tuple made from an array: `tuple[int, ...]` or one type per place."""
    kinds = typing.get_args(hint)
    if not kinds or kinds[-1] is Ellipsis or not isinstance(value, list):
        return _elements(tuple)(value, hint, path, problems)
    if len(value) != len(kinds):
        problems.append(wrong_value(path, f"an array of {len(kinds)}", value))
        return NOTHING
    before = len(problems)
    pairs = enumerate(zip(value, kinds, strict=True))
    made = tuple(_value(v, kind, f"{path}[{i}]", problems) for i, (v, kind) in pairs)
    return made if len(problems) == before else NOTHING


def _object(value: Any, hint: Any, path: str, problems: list[str]) -> Any:
    """Returns a dict whose keys and values are each of one type."""
    if not isinstance(value, dict):
        problems.append(wrong_value(path, "an object", value))
        return NOTHING
    key_kind, kind = typing.get_args(hint) or (str, Any)
    before = len(problems)
    made = {}
    for key, element in value.items():
        where = key_path(path, key)
        made_key = _value(key, key_kind, where, problems)
        made[made_key] = _value(element, kind, where, problems)
    return made if len(problems) == before else NOTHING


def _name(hint: Any) -> str:
    """Returns the words for a type."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_name(alternative) for alternative in typing.get_args(hint))
    return _NAMES.get(hint) or getattr(hint, "__name__", None) or str(hint)


_NAMES: dict[Any, str] = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a whole number",
    list: "an array",
    str: "a string",
    type(None): "null",
    Path: "a string",
}
_READERS: dict[Any, _Reader] = {
    Any: _anything,
    object: _anything,
    Union: _alternative,
    types.UnionType: _alternative,
    Literal: _literal,
    list: _elements(list),
    set: _elements(set),
    frozenset: _elements(frozenset),
    tuple: _tuple,
    dict: _object,
    collections.abc.Collection: _elements(list),
    collections.abc.Iterable: _elements(list),
    collections.abc.Sequence: _elements(list),
    collections.abc.MutableSequence: _elements(list),
    collections.abc.Mapping: _object,
    collections.abc.MutableMapping: _object,
}
