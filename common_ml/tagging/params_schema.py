"""What `--params` may hold, as JSON Schema: the author's own keys, and the SDK's.

This imports pydantic: only who asks for a description waits for it.
"""

from __future__ import annotations

import copy
import typing
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from common_ml.tagging.field_docs import field_docs
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.params import schema_keys

if TYPE_CHECKING:
    from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BOUNDS: dict[str, dict[str, Any]] = {
    "fps": {"exclusiveMinimum": 0},
    "crash_dir": {"minLength": 1},
    "wait_for_file_seconds": {"minimum": 0},
    "max_pixels": {"minimum": 1},
    "max_file_seconds": {"exclusiveMinimum": 0},
    "file_timeout_seconds": {"exclusiveMinimum": 0},
}
"""What `options.SDK_KEYS` says in words about values whose type alone says too little."""


def json_schema(schema: type[Any] | None) -> dict[str, Any]:
    """Returns what a dataclass or pydantic model takes, as JSON Schema.

    The text under a field is its description. A type that JSON Schema cannot tell about takes
    anything there.

    Args:
        schema: None for a program that takes its params as they come: any object.
    """
    if schema is None:
        return {"$schema": DIALECT, "type": "object", "additionalProperties": True}
    try:
        document = TypeAdapter(schema).json_schema(schema_generator=_Generator)
    except (PydanticUserError, NameError, TypeError):  # a type that pydantic knows nothing about
        document = {
            "title": schema.__name__,
            "type": "object",
            "properties": _described({key: {} for key in sorted(schema_keys(schema))}, schema),
            "additionalProperties": False,
        }
    return {"$schema": DIALECT, **document}


def sdk_json_schema() -> dict[str, Any]:
    """Returns what the SDK's own keys take, as JSON Schema."""
    document = json_schema(SdkOptions)
    for key, bounds in _BOUNDS.items():
        document["properties"][key].update(copy.deepcopy(bounds))
    del document["additionalProperties"]  # the author's keys stand beside these
    document["title"] = "The SDK's own keys"
    document["description"] = "Keys of --params that every tagger made with common-ml takes."
    return document


class _Generator(GenerateJsonSchema):
    """Tells what `get_params` does beyond pydantic: it refuses unknown keys, and fills in None."""

    def emit_warning(self, kind: Any, detail: str) -> None:
        """A default that JSON cannot hold is left out: no news for who only reads."""
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
        """The title would be the key once more, in capitals."""
        del schema
        return False

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Anything goes where JSON Schema has no word for it."""
        del schema, error_info
        return {}


def _complete(document: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    document = dict(document)
    if document.get("description", "").startswith(f"{cls.__name__}("):
        del document["description"]  # the signature that a dataclass without docstring gets
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
    """A field that takes None need not be given: `get_params` gives it None."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError:
        return document
    required = [
        key for key in document.get("required", []) if type(None) not in typing.get_args(hints[key])
    ]
    document.pop("required", None)
    return {**document, "required": required} if required else document
