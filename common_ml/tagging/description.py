"""Describe a tagger for `--describe`, before it loads any weights.

    python main.py --describe

prints one line of JSON and exits with status 0. `get_params` prints it: at that point the program
has imported its model, but not instantiated it. A job is never mistaken for it: a runtime always
passes `--output-path`.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from common_ml.tagging.calls.versions import versions
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION = "--describe"
FORMAT = 1
_KINDS: dict[type[Any], str] = {
    FrameModel: "frame",
    BatchFrameModel: "batch",
    AVModel: "av",
    TagMessageProducer: "producer",
}


def is_asked_for(argv: Sequence[str]) -> bool:
    """Return whether the command line requests a description; a job never does."""
    is_job = any(word.partition("=")[0] == "--output-path" for word in argv)
    return OPTION in argv and not is_job


def answer(schema: type[Any] | None, model: type[Any] | None) -> NoReturn:
    """Print the description and exit.

    Args:
        schema: Schema of the params; None if they are not validated.
        model: Class of the model; None if unknown.

    Raises:
        SystemExit: (0) always.
    """
    print(json.dumps(describe_program(schema, model)), flush=True)  # noqa: T201 - the output
    raise SystemExit(0)


def describe_program(schema: type[Any] | None, model: type[Any] | None) -> dict[str, Any]:
    """Return the description of a tagger.

    Args:
        schema: Schema of the params; None if they are not validated.
        model: Class of the model; None if unknown.

    Returns:
        `describe` (the format's version), `name`, `summary` (the first line of the model's
        docstring), `kind` (`frame`, `batch`, `av`, `producer`), `tracks`, each null if unknown;
        `params` and `sdk_params` as JSON Schema; `versions`.
    """
    from common_ml.tagging.params.json_schema import json_schema, sdk_json_schema

    return {
        "describe": FORMAT,
        "name": _name(model),
        "summary": _summary(model),
        "kind": kind_of(model),
        "tracks": _tracks(model),
        "params": json_schema(schema),
        "sdk_params": sdk_json_schema(),
        "versions": versions(),
    }


def kind_of(model: type[Any] | None) -> str | None:
    """Return the kind of a model class; None for any other class."""
    if model is None:
        return None
    return next((kind for base, kind in _KINDS.items() if issubclass(model, base)), None)


def _name(model: type[Any] | None) -> str:
    """Return the class's `name`, else its `__name__`, else the folder of the program."""
    declared = inspect.getattr_static(model, "name", None)
    if isinstance(declared, str) and declared:
        return declared
    if model is not None:
        return model.__name__
    return Path(sys.argv[0]).absolute().parent.name


def _summary(model: type[Any] | None) -> str | None:
    # not inspect.getdoc, which falls back to the base class
    text = inspect.cleandoc((model and model.__doc__) or "")
    return text.partition("\n")[0] or None


def _tracks(model: type[Any] | None) -> list[str] | None:
    """Return the class's `tracks` if it is a list of names.

    Only class attributes count: a property, or what `__init__` sets, is not a declaration.
    """
    declared = inspect.getattr_static(model, "tracks", None)
    if not isinstance(declared, (list, tuple, set, frozenset)):
        return None
    names = sorted(declared) if isinstance(declared, (set, frozenset)) else list(declared)
    return names if all(isinstance(name, str) for name in names) else None
