"""`tag_files`: tag files from Python, and return their tags."""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from common_ml.runtime.in_process import tag_in_process
from common_ml.runtime.media_files import find_media
from common_ml.runtime.tagger import Tagger, messages_of
from common_ml.runtime.targets import tagger_for
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SDK_KEYS, SECTION, SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.tag_list import Tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

    Files: TypeAlias = StrPath | Iterable[StrPath]

_MODELS = (FrameModel, BatchFrameModel, AVModel, TagMessageProducer)
_OF_THE_DAEMON = {
    "resume": "there is no tags file to continue",
    "wait_for_file_seconds": "name files that exist",
    "exit_grace_seconds": "this process does not end",
}
"""Keys without meaning in this process -> the reason."""
_EXAMPLE = 'tag_files(MyModel(), "clips/*.mp4", fps=2)'


def tag_files(
    model: Any,
    files: Files | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    **sdk_keys: Any,
) -> Tags:
    """Tag files and return their tags; for a REPL, a notebook, a script or a test.

        tags = tag_files(MyModel(), "clips/*.mp4", fps=2)
        tags = tag_files("my-tagger", ["a.mp4", "b.mp4"], params={"threshold": 0.5})

    A model runs in this process, which stays as it is: no signal handlers, no logging, no stdin.
    It may be called where an event loop runs, as in a notebook. A tagger, or the name of one, runs
    as a process or container of its own, as with `common-ml run`.

    Args:
        model: A model of any kind; a `Tagger` that has not started; or what `common-ml run` takes:
            a `main.py`, its folder, a command, an image.
        files: A file, a folder (recursively), a glob, or several of them.
        params: The author's params. A model was made with its own: it sees these as the `params` of
            its context.
        sdk_keys: The SDK's own keys, such as `fps` or `max_pixels`: see
            `common_ml.tagging.params.sdk_options.SdkOptions`.

    Returns:
        The tags, with the paths as they are given here; with `continue_on_error=True` what failed
        is in its `errors`.

    Raises:
        MediaError: a file cannot be used, or nothing matches.
        ModelOutputError: the model returned something other than tags.
        ParamsError: an SDK key has an invalid value.
        TaggerError: a tagger failed; see `Tagger.messages`.
        TypeError: the arguments are of other types, or a keyword is unknown.
        Exception: whatever a model raises, with its own traceback. What was found before, as also
            before a KeyboardInterrupt, is in its `tags`.
    """
    _check_model(model, files)
    if files is None:
        raise TypeError(f"tag_files needs files to tag; hint: {_EXAMPLE}")
    _check_keywords(sdk_keys)
    paths = find_media(_listed(files), must_exist=False)
    if isinstance(model, Tagger):
        if params is not None or sdk_keys:
            raise TypeError(
                f"{type(model).__name__} has its params already; hint: give them to it, as in "
                'tagger_for("my-tagger", params={"fps": 2}), or name the tagger here'
            )
        return Tags(messages_of(model, paths))
    if not isinstance(model, _MODELS):
        given = _as_params(params or {}, sdk_keys)
        return Tags(messages_of(tagger_for(os.fspath(model), params=given), paths))
    given = _as_params(params or {}, sdk_keys) or {}
    found: list[Message] = []
    try:
        tag_in_process(model, paths, _options(model, sdk_keys), params=given, messages=found)
    except BaseException as error:
        with suppress(Exception):  # one with __slots__ or a __setattr__ of its own
            error.tags = Tags(found)  # type: ignore[attr-defined] # any other takes an attribute
        raise
    return Tags(found)


def _check_model(model: Any, files: Any) -> None:
    if isinstance(files, (*_MODELS, Tagger)):
        raise TypeError(f"tag_files takes the model first; hint: {_EXAMPLE}")
    if isinstance(model, type) and issubclass(model, _MODELS):
        hint = f"make an instance of it: tag_files({model.__name__}(), ...)"
        raise TypeError(f"tag_files takes a model, got the class {model.__name__}; hint: {hint}")
    if isinstance(model, (*_MODELS, Tagger, str, os.PathLike)):
        return
    expected = "a model, a tagger, or the name of one"
    likely = next(
        (base for method, base in _BASES.items() if callable(getattr(model, method, None))), ""
    )
    hint = f"extend {likely}: class {type(model).__name__}({likely})" if likely else _EXAMPLE
    raise TypeError(f"tag_files takes {expected}, got {type(model).__name__}; hint: {hint}")


_BASES = {
    "tag_frame": "FrameModel",
    "tag_frames": "BatchFrameModel",
    "tag_clip": "ClipModel",
    "tag_audio": "AudioModel",
    "tag": "AVModel",
    "produce": "TagMessageProducer",
}
"""Method -> the class that a model with it extends."""


def _check_keywords(sdk_keys: Iterable[str]) -> None:
    for name in sdk_keys:
        if name not in SDK_KEYS:
            close = difflib.get_close_matches(name, SDK_KEYS, n=1)
            hint = f"did you mean {close[0]}?" if close else "the model's own are params={...}"
            raise TypeError(f"tag_files knows no key {name!r}; hint: {hint}")


def _listed(files: Files) -> list[str]:
    if isinstance(files, (str, os.PathLike)):
        return [os.fspath(files)]
    try:
        return [os.fspath(file) for file in files]
    except TypeError:
        raise TypeError(
            f"files must be a path, a glob or a list of them, got {files!r:.80}; hint: {_EXAMPLE}"
        ) from None


def _options(model: Any, sdk_keys: Mapping[str, Any]) -> SdkOptions:
    for name, reason in _OF_THE_DAEMON.items():
        if name in sdk_keys:
            raise TypeError(f"{name} is for a tagger that runs by itself: {reason}")
    samples_frames = isinstance(model, (FrameModel, BatchFrameModel))
    return SdkOptions.from_params(_as_params({}, sdk_keys) or {}, samples_frames=samples_frames)


def _as_params(params: Mapping[str, Any], sdk_keys: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the author's params with the SDK's keys where they belong; None without any."""
    merged = dict(params)
    later = {name: value for name, value in sdk_keys.items() if name not in PUBLISHED_KEYS}
    merged |= {name: value for name, value in sdk_keys.items() if name in PUBLISHED_KEYS}
    if later:
        merged[SECTION] = {**merged.get(SECTION, {}), **later}
    return merged or None
