"""What a program tells about itself with `--describe`, before it loads any weights.

    python main.py --describe

prints one line of JSON and ends with status 0. `get_params` answers: by then the program has
imported its model, and has not made it. A job is never taken for the question: a runtime always
gives `--output-path`.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.versions import versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OPTION = "--describe"
FORMAT = 1
_KINDS: dict[type[Any], str] = {
    FrameModel: "frame",
    BatchFrameModel: "batch",
    AVModel: "av",
    TagMessageProducer: "producer",
}


def is_asked_for(argv: Sequence[str]) -> bool:
    """Whether the command line asks for a description; a job never does."""
    is_job = any(word.partition("=")[0] == "--output-path" for word in argv)
    return OPTION in argv and not is_job


def answer(
    schema: type[Any] | None, model: type[Any] | None, *, seen: Mapping[str, Any]
) -> NoReturn:
    """Print the description and end the program.

    Args:
        schema: Of the params; None where they are taken as they come.
        model: The class of the model; None to find it among what is `seen`.
        seen: The names where the program asks for its params.

    Raises:
        SystemExit: (0) always.
    """
    print(json.dumps(describe_program(schema, model or find_model(seen))), flush=True)  # noqa: T201 - the answer
    raise SystemExit(0)


def describe_program(schema: type[Any] | None, model: type[Any] | None) -> dict[str, Any]:
    """Return the description of a tagger.

    Args:
        schema: Of the params; None where they are taken as they come.
        model: The class of the model; None if it is not known.

    Returns:
        `describe` (the format's version), `name`, `summary` (the first line of the model's
        docstring), `kind` (`frame`, `batch`, `av`, `producer`), `tracks`, each null where it is
        not known; `params` and `sdk_params` as JSON Schema; `versions`.
    """
    from common_ml.tagging.params_schema import json_schema, sdk_json_schema  # noqa: PLC0415 - pydantic

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


def find_model(seen: Mapping[str, Any]) -> type[Any] | None:
    """Return the one model class among the names that a program can see; None for none or many.

    What common-ml itself offers does not count, nor does a class that is still abstract.
    """
    found = {
        value
        for value in seen.values()
        if isinstance(value, type)
        and kind_of(value) is not None
        and not inspect.isabstract(value)
        and value.__module__.partition(".")[0] != "common_ml"
    }
    return found.pop() if len(found) == 1 else None


def kind_of(model: type[Any] | None) -> str | None:
    """Return which kind of model a class is; None where it is none."""
    if model is None:
        return None
    return next((kind for base, kind in _KINDS.items() if issubclass(model, base)), None)


def _name(model: type[Any] | None) -> str:
    """The class's `name`, else the class's own name, else the folder of the program."""
    declared = inspect.getattr_static(model, "name", None)
    if isinstance(declared, str) and declared:
        return declared
    if model is not None:
        return model.__name__
    return Path(sys.argv[0]).absolute().parent.name


def _summary(model: type[Any] | None) -> str | None:
    # not inspect.getdoc: it would tell about the base class
    text = inspect.cleandoc((model and model.__doc__) or "")
    return text.partition("\n")[0] or None


def _tracks(model: type[Any] | None) -> list[str] | None:
    """The class's `tracks`, where that is a list of names.

    Looked up without running anything: a property or what `__init__` sets is no declaration.
    """
    declared = inspect.getattr_static(model, "tracks", None)
    if not isinstance(declared, (list, tuple, set, frozenset)):
        return None
    names = sorted(declared) if isinstance(declared, (set, frozenset)) else list(declared)
    return names if all(isinstance(name, str) for name in names) else None
