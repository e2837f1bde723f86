"""Replay a crash bundle: the same call of the model, with the same pixels or the same file.

    python -m common_ml.tagging.replay BUNDLE main:Model

`main:Model` names a class, an instance, or a function that returns one, in a module that can be
imported from the current directory. The arguments of a class or function depend on its signature: a
parameter annotated with a dataclass or a pydantic model gets the params of the bundle as that
schema, one other parameter without a default gets them as a dictionary, and the rest keep their
defaults. `get_params()` returns the params of the bundle, too.

Exit status: 0 if the call returns tags, which are printed; 1 if it fails, with its traceback on
stderr; 2 if the call cannot be made.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import operator
import os
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.context import entered
from common_ml.errors import describe_error
from common_ml.media.images import read_image
from common_ml.tagging.calls.batching import FrameCaller
from common_ml.tagging.calls.call_policy import CallPolicy
from common_ml.tagging.calls.crash_bundle import facts_of, load, own_traceback
from common_ml.tagging.calls.validator import named
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.params.parsing import to_schema
from common_ml.tagging.params.sdk_options import SdkOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from common_ml.tagging.calls.crash_bundle import Bundle, FileFacts

    Call = Callable[[], list[str]]

KINDS: dict[str, tuple[type[Any], ...]] = {
    "frames": (FrameModel, BatchFrameModel),
    "file": (AVModel,),
}
"""Method of a bundle -> the kinds of model that have it."""


class _NoCallError(Exception):
    """The call cannot be made; the message gives the reason."""


def main(argv: Sequence[str] | None = None) -> int:
    """Replay the call of a bundle.

    Args:
        argv: The arguments; those of the program by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m common_ml.tagging.replay")
    parser.add_argument("bundle", type=Path, help="a directory below crash_dir")
    parser.add_argument("model", help="a class, an instance or a function, as in main:Model")
    arguments = parser.parse_args(argv)
    try:
        bundle, pictures = load(arguments.bundle)
        call = _call(bundle, pictures, _model(arguments.model, bundle))
        options = SdkOptions(strict=_is_strict(bundle.params))
    except (_NoCallError, OSError, ValueError) as error:  # ValueError: from load, and MediaError
        print(f"no replay: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    policy = CallPolicy.of(options)
    with entered(JobContext(policy, params=bundle.params)), policy.summarised():
        try:
            lines = call()
        except Exception as error:  # noqa: BLE001 - the model's exception is the result
            sys.stderr.write(own_traceback(error))
            return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)  # a program of its own: its output
    return 0


def _is_strict(params: dict[str, Any]) -> bool:
    return SdkOptions.from_params(params, samples_frames=False).strict


def _model(target: str, bundle: Bundle) -> Any:
    """Return the model that `target` names; its kind must fit the bundle."""
    module, _, name = target.partition(":")
    if not name:
        raise _NoCallError(f"invalid model {target!r}: expected one as in main:Model")
    sys.path.insert(0, os.getcwd())
    sys.argv = [f"{module}.py", "--params", json.dumps(bundle.params)]  # for get_params()
    try:
        named_thing = operator.attrgetter(name)(importlib.import_module(module))
        is_model = isinstance(named_thing, KINDS["frames"] + KINDS["file"])
        model = named_thing if is_model else named_thing(**_arguments(named_thing, bundle.params))
    except (Exception, SystemExit) as error:  # an author's module may raise anything on import
        sys.stderr.write(own_traceback(error))
        ends = isinstance(error, SystemExit)
        hint = '; hint: put run_default below `if __name__ == "__main__"`' if ends else ""
        raise _NoCallError(f"{target} cannot be made: {describe_error(error)}{hint}") from error
    if not isinstance(model, KINDS[bundle.kind]):
        expected = " or ".join(kind.__name__ for kind in KINDS[bundle.kind])
        raise _NoCallError(
            f"the bundle is of {bundle.method}: expected a {expected}, "
            f"got a {type(model).__name__} from {target}"
        )
    return model


def _arguments(thing: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments for a class or a function."""
    is_class, annotated = isinstance(thing, type), typing.cast("Any", thing)
    hints = typing.get_type_hints(annotated.__init__ if is_class else annotated)
    arguments: dict[str, Any] = {}
    plain: list[str] = []
    for name, parameter in inspect.signature(thing).parameters.items():
        hint = hints.get(name)
        if isinstance(hint, type) and (
            dataclasses.is_dataclass(hint) or hasattr(hint, "model_validate")
        ):
            arguments[name] = to_schema(params, hint)
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            plain.append(name)
    if len(plain) > 1:
        raise TypeError(
            f"only one argument can get the params, got {', '.join(plain)}"
            "; hint: name a function without arguments"
        )
    return {**arguments, **dict.fromkeys(plain, params)}


def _call(bundle: Bundle, pictures: Sequence[Path], model: Any) -> Call:
    """Return the call of the bundle as a function that returns the lines to print."""
    if bundle.file is not None:
        tagger, path = FileTagger.from_video_model(model), _found(bundle.file)
        return lambda: [repr(tag) for tag in tagger.tag(path)]
    images = [read_image(picture) for picture in pictures]
    caller = FrameCaller.of(model)

    def call() -> list[str]:
        found = caller.tag(images, bundle.shots)
        return [
            f"{named([shot])}: {tag}"
            for shot, tags in zip(bundle.shots, found, strict=True)
            for tag in tags
        ]

    return call


def _found(facts: FileFacts) -> str:
    """Return the current path of the file of a bundle."""
    path = next(filter(os.path.exists, (facts.path, facts.absolute_path)), None)
    if path is None:
        raise _NoCallError(f"no such file: {facts.path}, as received in {facts.absolute_path}")
    if facts_of(path).sha256 != facts.sha256:
        warning = f"{path} is not the file that the model failed on: its content differs"
        print(warning, file=sys.stderr)  # noqa: T201 - a program of its own
    return path


if __name__ == "__main__":
    sys.exit(main())
