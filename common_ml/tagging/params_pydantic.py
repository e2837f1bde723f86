"""`--params` -> a pydantic model, with its problems told like those of a dataclass.

pydantic is not imported here: who has a model has imported it.
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from common_ml.tagging.params_problems import key_path, last_name, missing_key, shown, unknown_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def key_names(model: Any) -> set[str]:
    """Returns the keys that a model takes: names, aliases, or both, as its fields say."""
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    names: set[str] = set()
    for name, field in model.model_fields.items():
        aliases = set(_alias_names(field.validation_alias)) | set(_alias_names(field.alias))
        names |= aliases
        if by_name or not aliases:
            names.add(name)
    return names


def build(
    params: Mapping[str, Any],
    schema: Any,
    problems: list[str],
    *,
    also_known: Iterable[str] = (),
    path: str = "$",
) -> Any:
    """Returns an instance of the model; adds what is wrong to `problems`.

    Keys that the model does not know are refused unless its `model_config` says what to do about
    them (`extra="allow"` or `"ignore"`).

    Args:
        params: The values of the fields.
        schema: A pydantic model.
        problems: Gets one sentence per problem.
        also_known: Keys that may be meant by an unknown one, besides the fields.
        path: Where `params` stands.

    Returns:
        The instance, or None if there was a problem.
    """
    also = list(also_known)
    _add_extra_keys(params, [schema], path, problems, also)
    try:
        return schema.model_validate(dict(params))
    except ValueError as error:
        if not hasattr(error, "errors"):
            problems.append(f"{error} @ {path}")
            return None
        problems += [_problem(details, params, schema, path, also) for details in error.errors()]
    return None


def _alias_names(alias: Any) -> list[str]:
    """Returns the keys of a str, `AliasPath` or `AliasChoices`."""
    if alias is None:
        return []
    if isinstance(alias, str):
        return [alias]
    if hasattr(alias, "choices"):
        return [name for choice in alias.choices for name in _alias_names(choice)]
    return [alias.path[0]]


def _problem(
    details: Mapping[str, Any], params: Any, model: Any, path: str, also: list[str]
) -> str:
    """Returns one of pydantic's errors as a sentence that ends in its path."""
    kind, words, got = details["type"], details["msg"], details["input"]
    parent, key = _place(details["loc"], params, path, ends_in_key=kind in KEY_PROBLEMS)
    if kind == "missing":
        return missing_key(parent, str(key))
    if kind == "extra_forbidden":
        known = [*key_names(model), *also] if parent == path else []
        return unknown_key(parent, str(key), known)
    where = parent if key is None else _child(parent, key)
    if kind in OWN_PROBLEMS:  # the author's words, after pydantic's "Value error, "
        return f"{words.partition(', ')[2] or words} @ {where}"
    words = words.replace("Input should be", "must be", 1)
    return f"{last_name(where)} {words}, got {shown(got)} @ {where}"


KEY_PROBLEMS = ("missing", "extra_forbidden")
OWN_PROBLEMS = ("value_error", "assertion_error")


def _place(
    location: tuple[Any, ...], value: Any, path: str, *, ends_in_key: bool
) -> tuple[str, Any]:
    """Returns the path of what holds the place, and its key; None for the whole.

    pydantic puts names of union members and validators into its locations: what does not lead
    into the value is passed over.
    """
    parent, key = path, None
    for i, part in enumerate(location):
        is_last = i == len(location) - 1
        if isinstance(value, dict) and (part in value or (ends_in_key and is_last)):
            following = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            following = value[part]
        else:
            continue
        if key is not None:
            parent = _child(parent, key)
        key, value = part, following
    return parent, key


def _child(path: str, key: Any) -> str:
    return f"{path}[{key}]" if isinstance(key, int) else key_path(path, key)


def _add_extra_keys(
    value: Any, models: list[Any], path: str, problems: list[str], also: list[str]
) -> None:
    """Adds a problem for each key of an object that none of the possible `models` takes."""
    known = {name for model in models for name in key_names(model)}
    if all(model.model_config.get("extra") is None for model in models):
        unknown = [key for key in value if key not in known]
        problems += [unknown_key(path, key, [*known, *also]) for key in unknown]
    for model in models:
        for name, field in model.model_fields.items():
            names = {*_alias_names(field.validation_alias), *_alias_names(field.alias), name}
            for key in sorted(names & value.keys()):
                _add_nested_extra_keys(value[key], field.annotation, key_path(path, key), problems)


def _add_nested_extra_keys(value: Any, hint: Any, path: str, problems: list[str]) -> None:
    """Goes on into a value, wherever its type holds models."""
    alternatives = _alternatives(hint)
    models = [alternative for alternative in alternatives if _is_model(alternative)]
    if isinstance(value, dict) and models:
        _add_extra_keys(value, models, path, problems, [])
        return
    for alternative in alternatives:
        arguments = [argument for argument in typing.get_args(alternative) if argument is not ...]
        if isinstance(value, list) and arguments:
            for i, element in enumerate(value):
                element_hint = arguments[min(i, len(arguments) - 1)]
                _add_nested_extra_keys(element, element_hint, f"{path}[{i}]", problems)
        elif isinstance(value, dict) and len(arguments) == 2:
            for key, element in value.items():
                _add_nested_extra_keys(element, arguments[1], key_path(path, key), problems)


def _alternatives(hint: Any) -> list[Any]:
    """Returns the members of a union, without what only annotates them."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(hint) for inner in _alternatives(member)]
    if getattr(hint, "__pydantic_root_model__", False):
        return _alternatives(hint.model_fields["root"].annotation)
    return [hint]


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "model_validate")
