"""Find the known and unknown keys of a schema, at any depth.

pydantic is not imported here: a program with a pydantic model has imported it already.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any

from common_ml.tagging.params.problems import child_path, unknown_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def key_names(schema: type[Any]) -> frozenset[str]:
    """Return the keys that a class accepts.

    Raises:
        TypeError: `schema` is neither a dataclass nor a pydantic model.
    """
    if is_model(schema):
        return frozenset(_model_keys(schema))
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return frozenset(field.name for field in dataclasses.fields(schema) if field.init)
    expected = "a class that is a dataclass or a pydantic model"
    raise TypeError(f"the schema of get_params must be {expected}, got {schema!r}")


def is_model(hint: object) -> bool:
    """Return whether a type is a pydantic model."""
    return isinstance(hint, type) and hasattr(hint, "model_validate")


def complete(
    value: Any, hint: Any, problems: list[str], *, also_known: Iterable[str] = (), path: str = "$"
) -> Any:
    """Return a value with null for each absent key of a dataclass that may be null.

    Adds a problem for each key that no class at its path accepts: pydantic ignores those. An
    explicit configuration of a class (`extra="allow"`) is respected.

    Args:
        value: A JSON value.
        hint: Its type.
        problems: Receives one message per unknown key.
        also_known: Further candidates for the suggestion, besides the fields.
        path: The path of `value`.
    """
    alternatives = members(hint)
    classes = [each for each in alternatives if _has_fields(each)]
    if isinstance(value, dict) and classes:
        known = frozenset[str]().union(*map(key_names, classes))
        if all(_extra(each) is None for each in classes):
            unknown = [key for key in value if key not in known]
            problems += [unknown_key(path, key, [*known, *also_known]) for key in unknown]
        if len(classes) == 1 and not is_model(classes[0]):
            value = {**dict.fromkeys(_optional_keys(classes[0])), **value}
    if isinstance(value, dict):
        return {
            key: complete(element, _child_hint(alternatives, key), problems, path=where)
            for key, element in value.items()
            if (where := child_path(path, key))
        }
    if isinstance(value, list):
        return [
            complete(element, _child_hint(alternatives, i), problems, path=f"{path}[{i}]")
            for i, element in enumerate(value)
        ]
    return value


def known_keys(hint: Any, place: Sequence[Any]) -> frozenset[str]:
    """Return the keys that the classes at a path accept; empty if there are none."""
    for part in place:
        hint = _child_hint(members(hint), part)
    return frozenset[str]().union(*(key_names(each) for each in members(hint) if _has_fields(each)))


def members(hint: Any) -> list[Any]:
    """Return the members of a union, without annotations and aliases."""
    hint = getattr(hint, "__supertype__", hint)  # NewType
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return members(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(hint) for inner in members(member)]
    if getattr(hint, "__pydantic_root_model__", False):
        return members(hint.model_fields["root"].annotation)
    return [hint]


def _child_hint(alternatives: Sequence[Any], key: Any) -> Any:
    """Return the type of a key or an element, as a union over all alternatives."""
    found: list[Any] = []
    for each in alternatives:
        if _has_fields(each):
            found += _field_hints(each, key)
            continue
        arguments = [argument for argument in typing.get_args(each) if argument is not ...]
        if isinstance(key, str) and len(arguments) == 2:  # a dict
            found.append(arguments[1])
        elif isinstance(key, int) and arguments:
            found.append(arguments[min(key, len(arguments) - 1)])
    return typing.Union[tuple(found)] if found else Any  # noqa: UP007 - created at run time


def _field_hints(cls: Any, key: Any) -> list[Any]:
    if is_model(cls):
        return [
            field.annotation
            for name, field in cls.model_fields.items()
            if key in {name, *_aliases(field)}
        ]
    hint = typing.get_type_hints(cls, include_extras=True).get(key)
    return [] if hint is None else [hint]


def _optional_keys(cls: Any) -> list[str]:
    """Return the fields of a dataclass that accept None and have no default: None becomes it."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.init
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and type(None) in members(hints[field.name])
    ]


def _has_fields(hint: object) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or is_model(hint))


def _extra(cls: Any) -> str | None:
    """Return the configuration of a class for unknown keys."""
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", None) or {}
    extra: str | None = config.get("extra")
    return extra


def _model_keys(model: Any) -> set[str]:
    """Return names, aliases, or both, as configured by the fields of a model."""
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    names: set[str] = set()
    for name, field in model.model_fields.items():
        aliases = _aliases(field)
        names |= aliases
        if by_name or not aliases:
            names.add(name)
    return names


def _aliases(field: Any) -> set[str]:
    return {*_alias_names(field.validation_alias), *_alias_names(field.alias)}


def _alias_names(alias: Any) -> list[str]:
    """Return the keys of an alias: a str, `AliasPath` or `AliasChoices`."""
    if alias is None:
        return []
    if isinstance(alias, str):
        return [alias]
    if hasattr(alias, "choices"):
        return [name for choice in alias.choices for name in _alias_names(choice)]
    return [alias.path[0]]
