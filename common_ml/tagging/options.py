"""The SDK's own keys in `--params`: what each means, and what it must be."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import ParamsError
from common_ml.media.limits import DEFAULT_MAX_PIXELS, Limits
from common_ml.tagging.params_problems import key_path, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Sampling = Literal["rate", "keyframes"]


@dataclass(frozen=True)
class SdkOptions:
    """The SDK's own keys.

    Raises:
        ParamsError: a value is wrong; all problems at once.
    """

    fps: float = 1.0
    """Frames sampled per second of video, > 0."""
    allow_single_frame: bool = True
    """Whether a run of one sampled frame becomes a time range too."""
    continue_on_error: bool = False
    """Whether the other files are still tagged after one has failed."""
    sampling: Sampling = "rate"
    """Which frames: `fps` of them per second, or the video's keyframes."""
    resume: bool = False
    """Whether to go on where an earlier run on the same output ended."""
    strict: bool = True
    """Whether boxes and times that make no sense are errors; else they are warnings."""
    crash_dir: str | None = None
    """Where calls in which a model failed are kept; None for nowhere."""
    wait_for_file_seconds: float = 0.0
    """How long a file that does not exist yet is waited for, >= 0."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Width times height that a picture or frame may have, >= 1; beyond it nothing is decoded."""
    max_file_seconds: float | None = None
    """How long a video or sound may last, > 0; None for any length."""
    file_timeout_seconds: float | None = None
    """How long the tagging of one file may take, > 0; None for any time.

    It is looked at after each frame and message, so that a call that never returns goes on; that is
    said in the log. Pictures that share a call of the model have this much each. An author's own
    TagMessageProducer gets files together, and has to keep the time itself."""

    def __post_init__(self) -> None:
        problems = sdk_problems(dataclasses.asdict(self), together=False)
        if problems:
            raise ParamsError(problems)

    @property
    def limits(self) -> Limits:
        """What files are held to."""
        return Limits(
            max_pixels=self.max_pixels,
            max_file_seconds=self.max_file_seconds,
            file_timeout_seconds=self.file_timeout_seconds,
        )

    def published(self) -> SdkOptions:
        """The same, but for what came after the published signatures: those are at their defaults.

        `start_loop_from_...` take the published ones each by its name.
        """
        return SdkOptions(
            fps=self.fps,
            allow_single_frame=self.allow_single_frame,
            continue_on_error=self.continue_on_error,
        )

    @classmethod
    def from_params(cls, params: Mapping[str, Any], *, claimed: Collection[str] = ()) -> SdkOptions:
        """Returns the SDK's keys of `params`; the author's are passed over.

        Args:
            params: As sent.
            claimed: Keys that the author's schema names; see `authors_keys`.

        Raises:
            ParamsError: a value is wrong, or two exclude each other; all problems at once.
        """
        others = authors_keys(params, claimed)
        own = {key: params[key] for key in SDK_KEYS if key in params and key not in others}
        problems = sdk_problems(own)
        if problems:
            raise ParamsError(problems)
        return cls(**own)


def authors_keys(params: Mapping[str, Any], claimed: Collection[str]) -> set[str]:
    """Returns the keys of the SDK's that mean something else to this author.

    The published ones mean the same to everybody. A later one, such as `sampling`, may have been a
    model's own for years: where its schema names the key and the value is none of ours, it is.
    """
    return {
        key
        for key in claimed
        if key in SDK_KEYS
        and key not in PUBLISHED_KEYS
        and not SDK_KEYS[key].holds(params.get(key))
    }


def sdk_problems(params: Mapping[str, Any], *, together: bool = True) -> list[str]:
    """Returns what is wrong with the SDK's keys in `params`: one sentence each.

    Args:
        params: As sent.
        together: Whether to look also for keys that exclude each other.
    """
    problems = []
    for key, expected in SDK_KEYS.items():
        if key in params and not expected.holds(params[key]):
            got = shown(params[key])
            problems.append(f"{key} must be {expected.words}, got {got} @ {key_path('$', key)}")
    if together and params.get("sampling") == "keyframes" and "fps" in params:
        problems.append('fps has no meaning with sampling "keyframes": leave one out @ $.fps')
    return problems


@dataclass(frozen=True)
class Expected:
    """What a key of the SDK must be."""

    words: str
    """As in "fps must be ..."."""
    holds: Callable[[Any], bool]
    """Whether a value is so."""


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_limit(value: Any) -> bool:
    return value is None or _is_rate(value)


def _is_folder(value: Any) -> bool:
    return value is None or (type(value) is str and value != "" and "\0" not in value)


def _is_flag(value: Any) -> bool:
    return type(value) is bool


PUBLISHED_KEYS = frozenset({"fps", "allow_single_frame", "continue_on_error"})
SDK_KEYS = {
    "fps": Expected("a finite number > 0", _is_rate),
    "allow_single_frame": Expected("true or false", _is_flag),
    "continue_on_error": Expected("true or false", _is_flag),
    "resume": Expected("true or false", _is_flag),
    "strict": Expected("true or false", _is_flag),
    "crash_dir": Expected("the path of a directory, or null", _is_folder),
    "wait_for_file_seconds": Expected("a finite number >= 0", _is_duration),
    "max_pixels": Expected("a whole number >= 1", _is_count),
    "max_file_seconds": Expected("a finite number > 0, or null", _is_limit),
    "file_timeout_seconds": Expected("a finite number > 0, or null", _is_limit),
    "sampling": Expected('"rate" or "keyframes"', lambda value: value in ("rate", "keyframes")),
}
"""Key -> what it must be; the keys are the fields of `SdkOptions`."""
