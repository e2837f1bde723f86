"""The SDK's own keys in `--params`: path, meaning, and valid values of each.

The three published keys are at the top level: {"fps": 2}. All later ones are in one section, so
that they cannot collide with an author's: {"common_ml": {"max_pixels": 100000000}}.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import ParamsError
from common_ml.media.choices import Choices
from common_ml.media.limits import DEFAULT_MAX_PIXELS, Limits
from common_ml.tagging.params.problems import key_path, shown, unknown_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Sampling = Literal["rate", "keyframes"]
Damage = Literal["tolerate", "fail"]

SECTION = "common_ml"
"""The key of `--params` with all but the published options."""


@dataclass(frozen=True)
class SdkOptions:
    """The SDK's own keys.

    Raises:
        ParamsError: a value is invalid; all problems at once.
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
    """Whether to continue where an earlier run on the same output ended."""
    strict: bool = False
    """Whether boxes and times out of range or order fail their file; else they are warnings."""
    crash_dir: str | None = None
    """Where calls in which a model failed are kept; None for nowhere."""
    wait_for_file_seconds: float = 0.0
    """How long a file that does not exist yet is waited for, >= 0."""
    exit_grace_seconds: float = 30.0
    """How long threads and exit functions of the program may hold the process after its work, >= 0;
    then it is ended."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Width times height that a picture or frame may have, >= 1; beyond it nothing is decoded."""
    max_file_seconds: float | None = None
    """How long a video or sound may last, > 0; None for any length."""
    file_timeout_seconds: float | None = None
    """How long the tagging of one file may take, > 0; None for any time.

    It is looked at after each frame and message, so that a call that never returns goes on; that is
    said in the log. Pictures that share a call of the model have this much each. An author's own
    TagMessageProducer gets files together, and has to keep the time itself."""
    damage: Damage = "tolerate"
    """Whether a file that is damaged but can be decoded is tagged, or fails."""
    video_stream: int | str | None = None
    """Which video stream of a file: its place among them, >= 0, or a language; None for the
    default one."""
    audio_stream: int | str | None = None
    """Which audio stream of a file: its place among them, >= 0, or a language; None for the
    default one."""
    run_gap_seconds: float = 0.0
    """The longest hole in a run that is bridged, >= 0."""
    run_min_seconds: float = 0.0
    """The shortest run that is written, >= 0."""
    run_min_confidence: float = 0.0
    """The lowest mean confidence of a run that is written, 0..1; runs without one are written."""

    def __post_init__(self) -> None:
        problems = [
            problem
            for key in SDK_KEYS.values()
            if (problem := key.problem(getattr(self, key.name)))
        ]
        if problems:
            raise ParamsError(problems)

    @property
    def limits(self) -> Limits:
        """Return the limits for media files."""
        return Limits(
            max_pixels=self.max_pixels,
            max_file_seconds=self.max_file_seconds,
            file_timeout_seconds=self.file_timeout_seconds,
        )

    @property
    def choices(self) -> Choices:
        """Return which streams are read, and how damage is treated."""
        return Choices(
            damage=self.damage, video_stream=self.video_stream, audio_stream=self.audio_stream
        )

    def published(self) -> SdkOptions:
        """Return a copy with all but the published options at their defaults.

        `start_loop_from_...` have a parameter for each published one.
        """
        return SdkOptions(
            fps=self.fps,
            allow_single_frame=self.allow_single_frame,
            continue_on_error=self.continue_on_error,
        )

    @classmethod
    def from_params(cls, params: Mapping[str, Any], *, samples_frames: bool = True) -> SdkOptions:
        """Return the SDK's keys of `params`; ignore the author's.

        Args:
            params: The params as sent.
            samples_frames: Whether the model receives sampled frames. If not, `fps` and
                `allow_single_frame` are ignored and at their defaults.

        Raises:
            ParamsError: a value is invalid, or two exclude each other; all problems at once.
        """
        problems = sdk_problems(params, samples_frames=samples_frames)
        if problems:
            raise ParamsError(problems)
        values = dict(params.get(SECTION) or {})
        for name in PUBLISHED_KEYS:
            if name in params and (samples_frames or name not in FRAME_KEYS):
                values[name] = SDK_KEYS[name].convert(params[name])
        return cls(**values)


def sdk_problems(params: Mapping[str, Any], *, samples_frames: bool = True) -> list[str]:
    """Return the problems with the SDK's keys in `params`, one message each.

    Args:
        params: The params as sent.
        samples_frames: See `SdkOptions.from_params`.
    """
    problems = [
        problem
        for name in PUBLISHED_KEYS
        if name in params and (samples_frames or name not in FRAME_KEYS)
        if (problem := SDK_KEYS[name].problem(SDK_KEYS[name].convert(params[name])))
    ]
    section = params.get(SECTION)
    if section is None:
        return problems
    if not isinstance(section, dict):
        expected = 'an object such as {"max_pixels": 100000000}'
        return [*problems, f"{SECTION} must be {expected}, got {shown(section)} @ $.{SECTION}"]
    for name, value in section.items():
        key = SDK_KEYS.get(name)
        if key is None:
            problems.append(unknown_key(f"$.{SECTION}", name, SECTION_KEYS))
        elif name in PUBLISHED_KEYS:
            hint = f'; hint: put it at the top level: {{"{name}": ...}}'
            problems.append(f'unknown key "{name}"{hint} @ {key_path(f"$.{SECTION}", name)}')
        elif problem := key.problem(value):
            problems.append(problem)
    if samples_frames and section.get("sampling") == "keyframes" and "fps" in params:
        hint = "leave out one of them"
        problems.append(f'fps has no meaning with sampling "keyframes"; hint: {hint} @ $.fps')
    return problems


@dataclass(frozen=True)
class SdkKey:
    """A key of the SDK."""

    name: str
    """The field of `SdkOptions`."""
    expected: str
    """Description for the message "fps must be ..."."""
    is_valid: Callable[[Any], bool]
    json_schema: dict[str, Any] = field(default_factory=dict)
    """Constraints in JSON Schema, besides the type of the field."""
    convert: Callable[[Any], Any] = lambda value: value
    """Convert a value as sent for `is_valid`."""

    @property
    def path(self) -> str:
        """Return its path in `--params`."""
        return f"$.{self.name}" if self.name in PUBLISHED_KEYS else f"$.{SECTION}.{self.name}"

    def problem(self, value: Any) -> str | None:
        """Return the problem with a value; None if it is valid."""
        if self.is_valid(value):
            return None
        return f"{self.name} must be {self.expected}, got {shown(value)} @ {self.path}"


def _is_rate(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_duration(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_ratio(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_number(value: Any) -> bool:
    # the largest float: a larger int cannot be converted
    return type(value) in (int, float) and abs(value) <= 1.7976931348623157e308


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_limit(value: Any) -> bool:
    return value is None or _is_rate(value)


def _is_folder(value: Any) -> bool:
    return value is None or (type(value) is str and value != "" and "\0" not in value)


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_stream(value: Any) -> bool:
    return (
        value is None or (type(value) is int and value >= 0) or (type(value) is str and value != "")
    )


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and value in choices


def _flag(value: Any) -> Any:
    """Convert numbers and null to a bool as `if value:` would; return others unchanged."""
    if value is None or type(value) in (int, float):
        return bool(value)
    return value


PUBLISHED_KEYS = ("fps", "allow_single_frame", "continue_on_error")
"""At the top level of `--params`; all others are in `SECTION`."""
FRAME_KEYS = ("fps", "allow_single_frame")
"""The published keys that concern frame models only."""
_POSITIVE = {"exclusiveMinimum": 0}
_SDK_KEYS = (
    SdkKey("fps", "a finite number > 0", _is_rate, _POSITIVE),
    SdkKey("allow_single_frame", "true or false", _is_flag, convert=_flag),
    SdkKey("continue_on_error", "true or false", _is_flag, convert=_flag),
    SdkKey("sampling", '"rate" or "keyframes"', _one_of("rate", "keyframes")),
    SdkKey("resume", "true or false", _is_flag),
    SdkKey("strict", "true or false", _is_flag),
    SdkKey("crash_dir", "the path of a directory, or null", _is_folder, {"minLength": 1}),
    SdkKey("wait_for_file_seconds", "a finite number >= 0", _is_duration, {"minimum": 0}),
    SdkKey("exit_grace_seconds", "a finite number >= 0", _is_duration, {"minimum": 0}),
    SdkKey("max_pixels", "a whole number >= 1", _is_count, {"minimum": 1}),
    SdkKey("max_file_seconds", "a finite number > 0, or null", _is_limit, _POSITIVE),
    SdkKey("file_timeout_seconds", "a finite number > 0, or null", _is_limit, _POSITIVE),
    SdkKey("damage", '"tolerate" or "fail"', _one_of("tolerate", "fail")),
    SdkKey(
        "video_stream",
        "a whole number >= 0, a language, or null",
        _is_stream,
        {"minimum": 0, "minLength": 1},
    ),
    SdkKey(
        "audio_stream",
        "a whole number >= 0, a language, or null",
        _is_stream,
        {"minimum": 0, "minLength": 1},
    ),
    SdkKey("run_gap_seconds", "a finite number >= 0", _is_duration, {"minimum": 0}),
    SdkKey("run_min_seconds", "a finite number >= 0", _is_duration, {"minimum": 0}),
    SdkKey("run_min_confidence", "a number from 0 to 1", _is_ratio, {"minimum": 0, "maximum": 1}),
)
SDK_KEYS = {key.name: key for key in _SDK_KEYS}
"""Name -> key; the names are the fields of `SdkOptions`, in order."""
SECTION_KEYS = tuple(name for name in SDK_KEYS if name not in PUBLISHED_KEYS)
