"""Load the packages of the extra `clarifai` when an upload begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from common_ml.errors import MissingExtraError


@dataclass(frozen=True)
class Library:
    """The modules; they have no type hints."""

    grpc: Any
    service: Any
    """Requests and responses."""
    resources: Any
    """Input, Data, Annotation, ..."""
    codes: Any
    """StatusCode."""
    json_format: Any
    """Convert a dict to a Struct."""
    message_factory: Any
    """Look up the class of a message."""


@lru_cache(maxsize=1)
def load() -> Library:
    """Load the modules.

    Raises:
        MissingExtraError: they are not installed.
    """
    try:
        return Library(
            grpc=import_module("grpc"),
            service=import_module("clarifai_grpc.grpc.api.service_pb2"),
            resources=import_module("clarifai_grpc.grpc.api.resources_pb2"),
            codes=import_module("clarifai_grpc.grpc.api.status.status_code_pb2"),
            json_format=import_module("google.protobuf.json_format"),
            message_factory=import_module("google.protobuf.message_factory"),
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("clarifai-grpc", extra="clarifai") from error
