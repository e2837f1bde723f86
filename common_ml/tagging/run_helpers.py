"""What a tagger's `main.py` calls: take the params, run the model, tell the errors."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from typing import (  # noqa: UP035 - star imports
    Any,
    Dict,
    Iterator,
    List,
    NoReturn,
    Optional,
    TypeVar,
    Union,
    overload,
)

import numpy as np

from common_ml.errors import AbortTaggingException, ParamsError
from common_ml.tagging import description
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.loop import run_loop
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.params import (
    Arguments,
    parse_arguments,
    parse_params,
    schema_keys,
    to_schema,
)
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.uncaught import ErrorCatcher, report
from common_ml.tagging.wire import write_message

# Model repos do `from ...run_helpers import *` and use what they find.
__all__ = [
    "AVModel",
    "AbortTaggingException",
    "Any",
    "BatchFrameModel",
    "Dict",
    "Error",
    "FileTagger",
    "FrameInfo",
    "FrameModel",
    "FrameTag",
    "Iterator",
    "List",
    "Message",
    "Optional",
    "Progress",
    "ProgressRatio",
    "Tag",
    "TagMessageProducer",
    "Union",
    "catch_errors",
    "get_params",
    "np",
    "run_default",
    "start_loop_from_av_model",
    "start_loop_from_frame_model",
    "start_loop_from_producer",
    "sys",
    "write_message",
]

Schema = TypeVar("Schema")
AnyFrameModel = FrameModel | BatchFrameModel
AnyModel = FrameModel | BatchFrameModel | AVModel | TagMessageProducer


@overload
def get_params(*, model: type[Any] | None = None) -> dict[str, Any]: ...
@overload
def get_params(schema: type[Schema], *, model: type[Any] | None = None) -> Schema: ...
def get_params(schema: type[Any] | None = None, *, model: type[Any] | None = None) -> Any:
    """What the user sent as `--params`.

    A program that was started with `--describe` (and without `--output-path`) answers here and
    ends: see `common_ml.tagging.description`.

    Args:
        schema: A dataclass or a pydantic model. Without one the dictionary comes as it was sent,
            `{}` if nothing was.
        model: The class that the program is about to make, for `--describe` to tell of. It may be
            left out where only one model class is in sight of the call.

    Returns:
        The dictionary, or an instance of `schema`. The SDK's own keys (`fps` and the like) are
        left out of the latter, unless it has fields of these names.

    Raises:
        ParamsError: malformed JSON, no object, unknown keys, wrong types: all in one. The output
            file has it as an `error` line by then, if `--output-path` was given.
        SystemExit: (0) `--describe` was asked for, and is answered.
    """
    if description.is_asked_for(sys.argv[1:]):
        description.answer(schema, model, seen=_names_of_caller())
    arguments = parse_arguments(sys.argv[1:])
    if schema is None:
        return _checked_params(arguments)[0]
    _Claimed.keys = schema_keys(schema)
    try:
        # It looks at the SDK's own keys as well, so that all problems come together.
        return to_schema(parse_params(arguments.params_text), schema)
    except ParamsError as error:
        if arguments == Arguments(
            output_path=None, params_text=None
        ):  # started by hand: params are not what is missing
            _explain_usage()
        report(error, arguments.output_path)
        raise


def run_default(
    model: AnyModel, batch_timeout: float = 0.2, batch_limit: int | None = None
) -> None:
    """Run the tagger: read paths on stdin, append tags to `--output-path`, until stdin ends.

    The SDK's own keys in `--params` say how: see `common_ml.tagging.options.SdkOptions`.

    Args:
        model: A FrameModel, BatchFrameModel, AVModel or TagMessageProducer.
        batch_timeout: Seconds to wait for more lines to join a batch, where the model gains from
            batches.
        batch_limit: The largest batch of files, None for no limit.

    Raises:
        AbortTaggingException: a file failed and `continue_on_error` is off.
        ParamsError: the SDK's own keys are wrong.
        OutputError: the output file cannot be opened or written.
        TypeError: `model` is of none of these kinds.
        SystemExit: (2) there is no `--output-path`; (128 + signal) the process was asked to stop;
            (0) `--describe` was asked for, and no call of `get_params` has answered it.
    """
    if description.is_asked_for(sys.argv[1:]):
        description.answer(None, type(model), seen={})
    arguments = parse_arguments(sys.argv[1:])
    options = _checked_params(arguments)[1]
    if arguments.output_path is None:
        _explain_usage()
    how: dict[str, Any] = {
        "output_path": arguments.output_path,
        "continue_on_error": options.continue_on_error,
        "batch_timeout": batch_timeout,
        "batch_limit": batch_limit,
    }
    if options != options.published():  # a replacement of these functions may not know `options`
        how["options"] = options
    if isinstance(model, TagMessageProducer):
        start_loop_from_producer(producer=model, **how)
    elif isinstance(model, AVModel):
        start_loop_from_av_model(model=model, **how)
    elif isinstance(model, (FrameModel, BatchFrameModel)):
        how.update(fps=options.fps, allow_single_frame=options.allow_single_frame)
        start_loop_from_frame_model(model=model, **how)
    else:
        raise TypeError(
            "run_default takes a FrameModel, BatchFrameModel, AVModel or TagMessageProducer, "
            f"got {model!r}" + ("; make an instance of it" if isinstance(model, type) else "")
        )


def catch_errors() -> ErrorCatcher:
    """Make an `error` line of whatever the program does not catch itself, in any thread.

    Call it first thing, or put the program into `with catch_errors():`. The line reads
    `ExceptionType: message` and is the text that the user sees; the traceback goes to stderr and
    the exit status is not 0, as without it.
    """
    return ErrorCatcher(parse_arguments(sys.argv[1:]).output_path)


def start_loop_from_frame_model(
    model: AnyFrameModel,
    output_path: str,
    continue_on_error: bool = False,  # noqa: FBT001, FBT002 - the published signature
    batch_timeout: float = 0.2,
    fps: float = 1.0,
    allow_single_frame: bool = True,  # noqa: FBT001, FBT002 - the published signature
    batch_limit: int | None = None,
    *,
    options: SdkOptions | None = None,
) -> None:
    """Tag the pictures and videos named on `sys.stdin`; see `run_default`."""
    start_loop_from_producer(
        producer=TagMessageProducer.from_model(
            model, fps=fps, allow_single_frame=allow_single_frame, options=options
        ),
        output_path=output_path,
        continue_on_error=continue_on_error,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
        options=options,
    )


def start_loop_from_av_model(
    model: AVModel,
    output_path: str,
    continue_on_error: bool = False,  # noqa: FBT001, FBT002 - the published signature
    batch_timeout: float = 0.2,
    batch_limit: int | None = None,
    *,
    options: SdkOptions | None = None,
) -> None:
    """Tag the files named on `sys.stdin`; see `run_default`."""
    start_loop_from_producer(
        producer=TagMessageProducer.from_model(model, options=options),
        output_path=output_path,
        continue_on_error=continue_on_error,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
        options=options,
    )


def start_loop_from_producer(
    producer: TagMessageProducer,
    output_path: str,
    continue_on_error: bool = False,  # noqa: FBT001, FBT002 - the published signature
    batch_timeout: float = 0.2,
    batch_limit: int | None = None,
    *,
    options: SdkOptions | None = None,
) -> None:
    """Give the files named on `sys.stdin`, in batches, to `producer`; see `run_default`."""
    run_loop(
        producer,
        stdin=sys.stdin,
        output_path=output_path,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
        options=replace(options or SdkOptions(), continue_on_error=continue_on_error),
    )


class _Claimed:
    """What the program's schema names: `get_params` sees it, and `run_default` must know."""

    keys: frozenset[str] = frozenset()


def _checked_params(arguments: Arguments) -> tuple[dict[str, Any], SdkOptions]:
    """The params as sent, and the SDK's own among them; an error reaches the output file."""
    try:
        params = parse_params(arguments.params_text)
        return params, SdkOptions.from_params(params, claimed=_Claimed.keys)
    except ParamsError as error:
        report(error, arguments.output_path)
        raise


def _names_of_caller() -> dict[str, Any]:
    """What is in sight where a function of this module was called."""
    here = inspect.currentframe()
    caller = here.f_back.f_back if here and here.f_back else None
    return {**caller.f_globals, **caller.f_locals} if caller else {}


def _explain_usage() -> NoReturn:
    program = sys.argv[0] or "main.py"
    print(  # noqa: T201 - to stderr, for somebody at a terminal
        f"usage: python {program} --output-path TAGS.jsonl [--params '{{\"fps\": 1}}']\n"
        "It reads paths of media files on stdin, one a line, and appends their tags to TAGS.jsonl.",
        file=sys.stderr,
    )
    raise SystemExit(2)
