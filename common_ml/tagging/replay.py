"""A crash bundle, run again: the same call of the model, with the same pixels or the same file.

    python -m common_ml.tagging.replay BUNDLE main:Model

`main:Model` names a class, an instance, or a function that makes one, in a module that can be
imported from the current directory. A class or function is called as its parameters want it: one
annotated with a dataclass or a pydantic model gets the params of the bundle as that schema, one
other without a default gets them as a dictionary, and the rest get nothing. `get_params()` gives
the params of the bundle, too.

Status: 0 when the call returns tags, which are printed; 1 when it fails, with its traceback on
stderr; 2 when there is no such call to make.
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

from common_ml.errors import describe
from common_ml.media.images import read_image
from common_ml.tagging.batching import FrameCaller
from common_ml.tagging.crash_bundle import facts_of, load, own_traceback
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.model_output import named
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.oversight import overseen
from common_ml.tagging.params import to_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from common_ml.tagging.crash_bundle import Bundle, FileFacts

    Call = Callable[[], list[str]]

KINDS: dict[str, tuple[type[Any], ...]] = {
    "frames": (FrameModel, BatchFrameModel),
    "file": (AVModel,),
}
"""What a bundle holds -> the models that take it."""


class _NoCallError(Exception):
    """There is no call to make; says why, and the way out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the call of a bundle again.

    Args:
        argv: The arguments, by default those of the program.

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
        options = SdkOptions(strict=bundle.params.get("strict") is not False)
    except (_NoCallError, OSError, ValueError) as error:  # ValueError: of load, and MediaError
        print(f"no replay: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    with overseen(options):
        try:
            lines = call()
        except Exception as error:  # noqa: BLE001 - whatever the model raises is what was asked for
            sys.stderr.write(own_traceback(error))
            return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)  # a program of its own: its output
    return 0


def _model(target: str, bundle: Bundle) -> Any:
    """The model that `target` names, of the kind that the bundle was saved by."""
    module, _, name = target.partition(":")
    if not name:
        raise _NoCallError(f"{target!r} names no model: expected one as in main:Model")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - a text, as all of sys.path
    sys.argv = [f"{module}.py", "--params", json.dumps(bundle.params)]  # for get_params()
    try:
        named_thing = operator.attrgetter(name)(importlib.import_module(module))
        is_model = isinstance(named_thing, KINDS["frames"] + KINDS["file"])
        model = named_thing if is_model else named_thing(**_arguments(named_thing, bundle.params))
    except (Exception, SystemExit) as error:  # whatever an author's module does when imported
        sys.stderr.write(own_traceback(error))
        ends = isinstance(error, SystemExit)
        way_out = ': put run_default below `if __name__ == "__main__"`' if ends else ""
        raise _NoCallError(f"{target} cannot be made: {describe(error)}{way_out}") from error
    if not isinstance(model, KINDS[bundle.kind]):
        expected = " or ".join(kind.__name__ for kind in KINDS[bundle.kind])
        raise _NoCallError(
            f"the bundle is of {bundle.method}: expected a {expected}, "
            f"got a {type(model).__name__} from {target}"
        )
    return model


def _arguments(thing: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """What a class or a function is called with."""
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
            f"nobody knows what {', '.join(plain)} should be: name a function without arguments"
        )
    return {**arguments, **dict.fromkeys(plain, params)}


def _call(bundle: Bundle, pictures: Sequence[Path], model: Any) -> Call:
    """The call of the bundle, with all that it needs at hand; it gives the lines to print."""
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
    """Where the file of a bundle is now."""
    path = next(filter(os.path.exists, (facts.path, facts.absolute_path)), None)
    if path is None:
        raise _NoCallError(f"no such file: {facts.path}, as received in {facts.absolute_path}")
    if facts_of(path).sha256 != facts.sha256:
        warning = f"{path} is not the file that the model failed on: its content differs"
        print(warning, file=sys.stderr)  # noqa: T201 - a program of its own
    return path


if __name__ == "__main__":
    sys.exit(main())
