"""Policy for calls of models: validate their output, and keep failed calls as crash bundles."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import getpid  # bound here: a model may replace `os.getpid`
from typing import TYPE_CHECKING

from common_ml.errors import (
    AbortTaggingException,
    CommonMLError,
    MediaError,
    MessageError,
    ModelOutputError,
)
from common_ml.tagging.calls.author_hints import with_hint
from common_ml.tagging.calls.gpu_errors import lost_gpu
from common_ml.tagging.calls.stand_in import settable
from common_ml.tagging.calls.validator import OutputValidator, named
from common_ml.tagging.job.context import current_job
from common_ml.tagging.job.signals import StopRequested

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.tagging.calls.crash_bundle import CrashBundles
    from common_ml.tagging.calls.validator import FrameRef
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.params.sdk_options import SdkOptions


@dataclass(frozen=True)
class CallPolicy:
    """The SDK's options that concern calls of models."""

    validator: OutputValidator = field(default_factory=OutputValidator)
    """Validates output, strictly or not."""
    bundles: CrashBundles | None = None
    """Saves failed calls to `crash_dir`; None if it is not set."""

    @staticmethod
    def of(options: SdkOptions, *, validated_last: bool = False) -> CallPolicy:
        """Return the policy for the options of a job.

        Args:
            options: Options of the job.
            validated_last: Whether all tags are validated again before they are written.
        """
        bundles = None
        if options.crash_dir is not None:
            from common_ml.tagging.calls.crash_bundle import CrashBundles

            bundles = CrashBundles(options.crash_dir)
        return CallPolicy(
            OutputValidator(strict=options.strict, validated_last=validated_last), bundles
        )

    @contextmanager
    def summarised(self) -> Iterator[None]:
        """Log a summary of clipped and tolerated values at the end of the block."""
        try:
            yield
        finally:
            self.validator.log_summary()


_DEFAULT = CallPolicy()


def current_policy() -> CallPolicy:
    """Return the policy of the running job; a strict one if there is no job."""
    return current_job().setting(CallPolicy) or _DEFAULT


def validator() -> OutputValidator:
    """Return the validator of the running job; a strict one if there is no job."""
    return current_policy().validator


@contextmanager
def frame_call(method: str, shots: Sequence[FrameRef], images: Pixels) -> Iterator[None]:
    """Wrap a call of a frame model: save it if it fails, and add its origin to the error.

    Args:
        method: Name for messages, such as `Model.tag_frames`.
        shots: The origins of the frames.
        images: RGB, uint8, shape (N, H, W, 3).

    Raises:
        ModelOutputError: the model constructed a tag with a value of the wrong type.
    """
    bundles = current_policy().bundles
    if bundles is not None:
        images = images.copy()  # a model may modify its own
    process = getpid()
    try:
        yield
    except (AbortTaggingException, StopRequested):
        _leave_if_forked(process, status=1)
        raise  # a request to stop, not a crash
    except BaseException as error:
        _leave_if_forked(process, status=1)
        placed = _placed(settable(error), f"{method}, {named(shots)}")
        if bundles is not None:
            bundles.save_frames(placed, method=method, shots=shots, images=images)
        if placed is error:
            raise
        raise placed from placed.__cause__
    _leave_if_forked(process, status=0)


@contextmanager
def file_call(method: str, path: str) -> Iterator[None]:
    """Wrap a call of a model that gets a path, and the iteration of its tags; see `frame_call`."""
    process = getpid()
    try:
        yield
    except (AbortTaggingException, StopRequested, GeneratorExit, MediaError):
        _leave_if_forked(process, status=1)
        raise  # a request to stop, the end of an iteration, or the file's fault
    except BaseException as error:
        _leave_if_forked(process, status=1)
        placed = _placed(settable(error), method)
        if (bundles := current_policy().bundles) is not None:
            bundles.save_file(placed, method=method, path=path)
        if placed is error:
            raise
        raise placed from placed.__cause__
    _leave_if_forked(process, status=0)


@contextmanager
def leaving_forked_children() -> Iterator[None]:
    """End a child process that the author's code forks and that returns from the block.

    It would continue as a second daemon on the same input and output. Its exit status is 0, or 1
    with a traceback on stderr if it raised.
    """
    process = getpid()
    try:
        yield
    except BaseException as error:
        _leave_if_forked(process, status=1)
        if not isinstance(raised := settable(error), CommonMLError) and (lost := lost_gpu(raised)):
            raise AbortTaggingException(lost) from raised
        if raised is error:
            raise
        raise raised from None
    _leave_if_forked(process, status=0)


def _leave_if_forked(process: int, *, status: int) -> None:
    """End this process unless its id is `process`; print a traceback if the status is not 0."""
    if getpid() == process:
        return
    if status:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(status)


def _placed(error: BaseException, place: str) -> BaseException:
    """Return the error with the call as `call_place`; in its text if the author gets a hint.

    Where the GPU is lost, it is an `AbortTaggingException` that says so.
    """
    placed = error
    hinted = str(error) if isinstance(error, MessageError) else with_hint(error)
    if lost := lost_gpu(error):
        placed = AbortTaggingException(lost)
        placed.__cause__ = error
    elif hinted:
        placed = ModelOutputError(f"{place}: {hinted}")
        placed.__cause__ = error
    with suppress(Exception):  # one with __slots__ or a __setattr__ of its own
        placed.call_place = place  # type: ignore[attr-defined] # any other takes an attribute
    return placed
