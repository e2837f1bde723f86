"""Entry points for a tagger's `main.py`: read the params, run the model, report errors."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import (
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

from common_ml.errors import AbortTaggingException, CommonMLError, ParamsError
from common_ml.tagging import description
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.daemon.uncaught import ErrorCatcher, report
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.params.parsing import (
    Arguments,
    parse_arguments,
    parse_params,
    to_schema,
)
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.wire import write_message

# Existing model repos rely on the names of `from ...run_helpers import *`.
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
    "argparse",
    "asdict",
    "catch_errors",
    "dataclass",
    "get_params",
    "json",
    "logger",
    "np",
    "run_default",
    "start_loop_from_av_model",
    "start_loop_from_frame_model",
    "start_loop_from_producer",
    "sys",
    "time",
    "write_message",
]

logger = logging.getLogger(__name__)

Schema = TypeVar("Schema")
AnyFrameModel = FrameModel | BatchFrameModel
AnyModel = FrameModel | BatchFrameModel | AVModel | TagMessageProducer


@overload
def get_params(*, model: type[Any] | None = None) -> dict[str, Any]: ...
@overload
def get_params(schema: type[Schema], *, model: type[Any] | None = None) -> Schema: ...
def get_params(schema: type[Any] | None = None, *, model: type[Any] | None = None) -> Any:
    """Return the value of `--params`.

    A program started with `--describe` (and without `--output-path`) prints its description here
    and exits: see `common_ml.tagging.description`.

    Args:
        schema: A dataclass or a pydantic model. Without one the dictionary is returned as sent,
            `{}` if there was none.
        model: The class of the program's model, for `--describe`. For a frame model, `fps` and
            `allow_single_frame` are validated here too; otherwise in `run_default`.

    Returns:
        The dictionary, or an instance of `schema`, without the SDK's own keys (such as `fps`)
        unless it has fields of these names.

    Raises:
        ParamsError: invalid JSON, not an object, unknown keys, wrong types: all at once. It is
            written to the output file as an `error` line first, if `--output-path` is given.
        SystemExit: (0) the description was printed.
    """
    if description.is_asked_for(sys.argv[1:]):
        description.answer(schema, model)
    arguments = parse_arguments(sys.argv[1:])
    samples_frames = model is not None and issubclass(model, (FrameModel, BatchFrameModel))
    if schema is None:
        return _checked_params(arguments, samples_frames=samples_frames)[0]
    try:
        # It validates the SDK's own keys as well, so that all problems are reported together.
        params = parse_params(arguments.params_text)
        return to_schema(params, schema, samples_frames=samples_frames)
    except ParamsError as error:
        if arguments == Arguments(
            output_path=None, params_text=None
        ):  # started by hand: the missing option is not `--params`
            _explain_usage()
        report(error, arguments.output_path)
        raise


def run_default(
    model: AnyModel, batch_timeout: float = 0.2, batch_limit: int | None = None
) -> None:
    """Run the tagger: read paths on stdin, append tags to `--output-path`, until stdin ends.

    The SDK's own keys in `--params` are described in
    `common_ml.tagging.params.sdk_options.SdkOptions`.

    Args:
        model: A FrameModel, BatchFrameModel, AVModel or TagMessageProducer.
        batch_timeout: Seconds to wait for more lines to join a batch, if the model gains from
            batches.
        batch_limit: Maximum number of files in a batch, None for no limit.

    Raises:
        AbortTaggingException: a file failed and `continue_on_error` is off.
        ParamsError: the SDK's own keys are invalid.
        OutputError: the output file cannot be opened or written.
        TypeError: `model` is of none of these types.
        CommonMLError: it is called at a prompt or in a notebook: `tag_files` is for these.
        SystemExit: (2) `--output-path` is missing; (128 + signal) the process was asked to stop;
            (0) the description was printed, because `get_params` was not called.
    """
    if description.is_asked_for(sys.argv[1:]):
        description.answer(None, type(model))
    arguments = parse_arguments(sys.argv[1:])
    samples_frames = isinstance(model, (FrameModel, BatchFrameModel))
    options = _checked_params(arguments, samples_frames=samples_frames)[1]
    if arguments.output_path is None:
        _explain_usage()
    how: dict[str, Any] = {
        "output_path": arguments.output_path,
        "continue_on_error": options.continue_on_error,
        "batch_timeout": batch_timeout,
        "batch_limit": batch_limit,
    }
    if options != options.published():  # a replaced function may not take `options`
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
    """Report uncaught exceptions of any thread as `error` lines.

    Call it first, or put the program into `with catch_errors():`. The message of the line is
    `ExceptionType: message`, the text that the user sees; the traceback goes to stderr and the
    exit status is not 0, as without it.
    """
    return ErrorCatcher(parse_arguments(sys.argv[1:]).output_path)


def start_loop_from_frame_model(
    model: AnyFrameModel,
    output_path: str,
    continue_on_error: bool = False,
    batch_timeout: float = 0.2,
    fps: float = 1.0,
    allow_single_frame: bool = True,
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
    continue_on_error: bool = False,
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
    continue_on_error: bool = False,
    batch_timeout: float = 0.2,
    batch_limit: int | None = None,
    *,
    options: SdkOptions | None = None,
) -> None:
    """Pass the files named on `sys.stdin`, in batches, to `producer`; see `run_default`."""
    run_loop(
        producer,
        stdin=sys.stdin,
        output_path=output_path,
        batch_timeout=_seconds(batch_timeout, "batch_timeout"),
        batch_limit=batch_limit,
        options=replace(options or SdkOptions(), continue_on_error=continue_on_error),
    )


def _seconds(value: Any, name: str) -> float:
    """Return a number of seconds; existing repos pass strings too, from environment variables."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{name} must be a finite number of seconds >= 0, got {value!r}")
    return seconds


def _checked_params(
    arguments: Arguments, *, samples_frames: bool
) -> tuple[dict[str, Any], SdkOptions]:
    """Return the params as sent, and the SDK's options; report errors to the output file."""
    try:
        params = parse_params(arguments.params_text)
        return params, SdkOptions.from_params(params, samples_frames=samples_frames)
    except ParamsError as error:
        report(error, arguments.output_path)
        raise


def _explain_usage() -> NoReturn:
    if hasattr(sys, "ps1") or sys.flags.interactive:  # a notebook, or a Python prompt
        raise CommonMLError(
            "run_default runs a program that is started with --output-path; hint: here, "
            'from common_ml import tag_files; tags = tag_files(model, "clip.mp4", fps=1)'
        )
    program = sys.argv[0] or "main.py"
    print(  # noqa: T201 - usage message on stderr
        f"usage: python {program} --output-path TAGS.jsonl [--params '{{\"fps\": 1}}']\n"
        "It reads paths of media files on stdin, one a line, and appends their tags to TAGS.jsonl.",
        file=sys.stderr,
    )
    raise SystemExit(2)
