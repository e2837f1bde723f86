"""The packages behind the extra `clarifai`, loaded when an upload begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from common_ml.errors import MissingExtraError


@dataclass(frozen=True)
class Library:
    """Their modules. They carry no types of their own."""

    grpc: Any
    service: Any
    """Requests and answers."""
    resources: Any
    """Input, Data, Annotation, ..."""
    codes: Any
    """StatusCode."""
    json_format: Any
    """Makes a Struct of a dict."""
    message_factory: Any
    """Finds the class of a message."""


@lru_cache(maxsize=1)
def load() -> Library:
    """Loads them.

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
