"""Generate JSON Schema for `--params`: for the author's keys, and for the SDK's.

This imports pydantic: only `--describe` pays for it.
"""

from __future__ import annotations

import copy
import typing
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from common_ml.tagging.params.field_docs import field_docs
from common_ml.tagging.params.schema_keys import key_names
from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SDK_KEYS, SECTION, SdkOptions

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(schema: type[Any] | None) -> dict[str, Any]:
    """Return the JSON Schema of a dataclass or pydantic model.

    The docstring of a field is its description. A type that JSON Schema cannot express accepts
    any value.

    Args:
        schema: None for a program that does not validate its params: any object.
    """
    if schema is None:
        return {"$schema": DIALECT, "type": "object", "additionalProperties": True}
    try:
        document = TypeAdapter(schema).json_schema(schema_generator=_Generator)
    except (PydanticUserError, NameError, TypeError):  # a type that pydantic does not know
        document = {
            "title": schema.__name__,
            "type": "object",
            "properties": _described({key: {} for key in sorted(key_names(schema))}, schema),
            "additionalProperties": False,
        }
    return {"$schema": DIALECT, **document}


def sdk_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the SDK's own keys."""
    document = json_schema(SdkOptions)
    properties: dict[str, Any] = {}
    later: dict[str, Any] = {}
    for name, key in SDK_KEYS.items():
        described = document["properties"][name]
        described.update(copy.deepcopy(key.json_schema))
        (properties if name in PUBLISHED_KEYS else later)[name] = described
    properties[SECTION] = {
        "type": "object",
        "properties": later,
        "additionalProperties": False,
        "default": {},
        "description": "The keys that came after the published ones.",
    }
    document["properties"] = properties
    del document["additionalProperties"]  # the author's keys are in the same object
    document["title"] = "The SDK's own keys"
    document["description"] = "Keys of --params that every tagger made with common-ml takes."
    return document


class _Generator(GenerateJsonSchema):
    """Add the rules of `get_params` beyond pydantic: unknown keys are errors, None is filled in."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Omit a default that JSON cannot express, without a warning."""
        del kind, detail

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> dict[str, Any]:
        document = _complete(super().dataclass_schema(schema), schema["cls"])
        document.setdefault("additionalProperties", False)
        return _with_optional_fields(document, schema["cls"])

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        document = _complete(super().model_schema(schema), schema["cls"])
        if schema["cls"].model_config.get("extra") is None:
            document.setdefault("additionalProperties", False)
        return document

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Omit titles: they would repeat the key, capitalised."""
        del schema
        return False

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Accept any value of a type that JSON Schema cannot express."""
        del schema, error_info
        return {}


def _complete(document: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    document = dict(document)
    if document.get("description", "").startswith(f"{cls.__name__}("):
        del document["description"]  # the generated docstring of a dataclass is its signature
    if "properties" in document:
        document["properties"] = _described(document["properties"], cls)
    return document


def _described(properties: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    docs = field_docs(cls)
    return {
        key: {**value, "description": docs[key]}
        if key in docs and "description" not in value
        else value
        for key, value in properties.items()
    }


def _with_optional_fields(document: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    """Make fields that accept None optional: `get_params` fills in None."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError:
        return document
    required = [
        key for key in document.get("required", []) if type(None) not in typing.get_args(hints[key])
    ]
    document.pop("required", None)
    return {**document, "required": required} if required else document
