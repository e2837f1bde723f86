"""What watches over the calls of models in this process: a judge, and who keeps their crashes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.errors import AbortTaggingException, MediaError, MessageError, ModelOutputError
from common_ml.tagging.crash_bundle import CrashBundles
from common_ml.tagging.model_output import Judge, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.tagging.model_output import Shot
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.options import SdkOptions


@dataclass(frozen=True)
class Oversight:
    """What the SDK's keys say about calls of models."""

    judge: Judge
    """Knows `strict`."""
    bundles: CrashBundles | None = None
    """Knows `crash_dir`; None where it is not set."""


class _Process:
    """A daemon is alone in its process, and its models' threads and wrappers are part of it."""

    oversight = Oversight(Judge())


def judge() -> Judge:
    """The judge of the job; a strict one where there is no job."""
    return _Process.oversight.judge


@contextmanager
def overseen(options: SdkOptions, *, judged_last: bool = False) -> Iterator[None]:
    """While it is open, all models are called as `options` say; in the end it is summed up.

    Args:
        options: Of the job.
        judged_last: Whether all tags are judged once more on their way out; see `Judge`.
    """
    before = _Process.oversight
    bundles = None if options.crash_dir is None else CrashBundles(options.crash_dir)
    a_judge = Judge(strict=options.strict, judged_last=judged_last)
    _Process.oversight = Oversight(a_judge, bundles)
    try:
        yield
    finally:
        judge().sum_up()
        _Process.oversight = before


@contextmanager
def frame_call(method: str, shots: Sequence[Shot], images: Pixels) -> Iterator[None]:
    """A call of a frame model; what it raises is kept, and names its frames where it is ours.

    Args:
        method: As in `Model.tag_frames`.
        shots: Where the frames come from.
        images: RGB, uint8, shape (N, H, W, 3).

    Raises:
        ModelOutputError: a value that the model gave to a tag is of the wrong type.
    """
    bundles = _Process.oversight.bundles
    if bundles is not None:
        images = images.copy()  # a model may draw into its own
    try:
        yield
    except AbortTaggingException:
        raise  # a wish, no crash
    except Exception as error:
        told = _placed(error, lambda: f"{method}, {named(shots)}")
        if bundles is not None:
            bundles.save_frames(told, method=method, shots=shots, images=images)
        if told is error:
            raise
        raise told from error


@contextmanager
def file_call(method: str, path: str) -> Iterator[None]:
    """A call of a model that gets a path, and the taking of its tags; as `frame_call`."""
    try:
        yield
    except (AbortTaggingException, MediaError):
        raise  # a wish, or the file's fault
    except Exception as error:
        told = _placed(error, lambda: method)
        if (bundles := _Process.oversight.bundles) is not None:
            bundles.save_file(told, method=method, path=path)
        if told is error:
            raise
        raise told from error


def _placed(error: Exception, place: Callable[[], str]) -> Exception:
    """The same, or, where a tag could not be born, an error that says in which call."""
    if not isinstance(error, MessageError):
        return error
    placed = ModelOutputError(f"{place()}: {error}")
    placed.__cause__ = error
    return placed
