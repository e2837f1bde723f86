"""Validate the params of a prediction by the model's schema, and normalise them."""

from __future__ import annotations

import json
import math
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_MAX_DEPTH = 40


def canonical(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return params in canonical form: sorted keys, and 2.0 as 2."""
    formed = _canonical(dict(params))
    assert isinstance(formed, dict)  # noqa: S101 - as it was passed
    return formed


def canonical_text(params: Mapping[str, Any]) -> str:
    """Return the canonical form as JSON."""
    return json.dumps(canonical(params), sort_keys=True, separators=(",", ":"))


def problems_of(params: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the validation errors of params, one sentence each.

    The part of JSON Schema that descriptions of taggers use is checked; the tagger checks the rest.
    """
    if _depth(params) > _MAX_DEPTH:
        return [f"params are nested deeper than {_MAX_DEPTH} levels"]
    return _problems(params, schema, root=schema, path="$")


def merged_schema(own: Mapping[str, Any] | None, sdk: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the schema of all keys that a tagger takes: its own, and those of the SDK."""
    schema = dict(own or {"type": "object"})
    properties = {**(sdk or {}).get("properties", {}), **schema.get("properties", {})}
    if properties:
        schema["properties"] = properties
    return schema


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _problems(value: Any, schema: Any, *, root: Mapping[str, Any], path: str) -> list[str]:
    if not isinstance(schema, dict):
        return []
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _problems(value, _resolved(reference, root), root=root, path=path)
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        tried = [_problems(value, option, root=root, path=path) for option in options]
        return [] if not all(tried) else min(tried, key=len)
    found = _of_type(value, schema, path) or _of_value(value, schema, path)
    if not found and isinstance(value, dict):
        found = _of_keys(value, schema, root=root, path=path)
    if not found and isinstance(value, list):
        for place, item in enumerate(value):
            found += _problems(item, schema.get("items"), root=root, path=f"{path}[{place}]")
    return found


def _of_type(value: Any, schema: Mapping[str, Any], path: str) -> list[str]:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, list) or any(_has_type(value, name) for name in names):
        return []
    return [f"expected {' or '.join(map(str, names))}, got {_shown(value)} @ {path}"]


def _has_type(value: Any, name: Any) -> bool:
    types = _TYPES.get(name)
    if types is None:
        return True
    if isinstance(value, bool):
        return bool in types
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, types)


def _of_value(value: Any, schema: Mapping[str, Any], path: str) -> list[str]:
    if "enum" in schema and value not in schema["enum"]:
        return [f"expected one of {_shown(schema['enum'])}, got {_shown(value)} @ {path}"]
    if "const" in schema and value != schema["const"]:
        return [f"expected {_shown(schema['const'])}, got {_shown(value)} @ {path}"]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return []
    if isinstance(value, float) and not math.isfinite(value):
        return [f"expected a finite number @ {path}"]
    return [
        f"must be {sign} {schema[key]}, got {value} @ {path}"
        for key, (sign, holds) in _BOUNDS.items()
        if isinstance(schema.get(key), (int, float)) and not holds(value, schema[key])
    ]


_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": (">=", operator.ge),
    "maximum": ("<=", operator.le),
    "exclusiveMinimum": (">", operator.gt),
    "exclusiveMaximum": ("<", operator.lt),
}


def _of_keys(
    value: Mapping[str, Any], schema: Mapping[str, Any], *, root: Mapping[str, Any], path: str
) -> list[str]:
    known = schema.get("properties") or {}
    others = schema.get("additionalProperties", True)
    found = [f"{key} is missing @ {path}" for key in schema.get("required", []) if key not in value]
    for key, item in value.items():
        place = f"{path}.{key}"
        if key in known:
            found += _problems(item, known[key], root=root, path=place)
        elif others is False:
            found.append(f"unknown key, expected one of {sorted(known)} @ {place}")
        else:
            found += _problems(item, others, root=root, path=place)
    return found


def _resolved(reference: str, root: Mapping[str, Any]) -> Any:
    place: Any = root
    for step in reference.removeprefix("#/").split("/"):
        place = place.get(step) if isinstance(place, dict) else None
    return place


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}..."
