"""Resolve a tagger from what a user names: a program, its folder, a command, or an image."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import TaggerError
from common_ml.runtime.container import ContainerTagger, checked_image
from common_ml.runtime.process import ProcessTagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.runtime.tagger import Tagger
    from common_ml.types import StrPath

_HINT = "name a main.py, a folder with one, a command, or an image"


@dataclass(frozen=True)
class Target:
    """How a tagger is started: as a process, or as a container."""

    kind: Literal["process", "image"]
    command: tuple[str, ...] = ()
    """The program and its arguments; empty for an image."""
    cwd: Path | None = None
    """Working directory of the process, the counterpart of `/elv` in a container."""
    image: str = ""
    """The name of the image; "" for a process."""

    @property
    def name(self) -> str:
        """Its command, or its image, for messages."""
        return self.image or shlex.join(self.command)


def find_target(main_or_image: str, *, python: str | None = None) -> Target:
    """Find a tagger.

    Args:
        main_or_image: `main.py` or any other program; a folder with a `main.py`; a command such as
            `python main.py --cpu`; or the name of an image.
        python: The interpreter of a `.py` program; None for the one that runs this.

    Raises:
        TaggerError: it looks like a path, but there is no program; or it is not a valid image name.
    """
    if not main_or_image.strip():
        raise TaggerError(f"no tagger given; hint: {_HINT}")
    path = Path(main_or_image).expanduser()
    if path.is_dir():
        if not (path / "main.py").is_file():
            raise TaggerError(
                f"no main.py in the folder {main_or_image}; hint: name the program, or the image"
            )
        path = path / "main.py"
    if path.is_file():
        return Target("process", command=_command_of(path, python), cwd=path.absolute().parent)
    words = _words(main_or_image)
    if len(words) > 1:
        return Target("process", command=tuple(words), cwd=Path.cwd())
    if main_or_image.endswith(".py") or _is_path(main_or_image):
        raise TaggerError(f"no such file: {main_or_image}; hint: {_HINT}")
    return Target("image", image=checked_image(main_or_image))


def tagger_for(  # noqa: PLR0913 - options, each given by its name
    main_or_image: str,
    *,
    params: Mapping[str, Any] | str | None = None,
    output: StrPath | None = None,
    media_dir: StrPath | None = None,
    idle_timeout_seconds: float | None = 600,
    log: StrPath | None = None,
    python: str | None = None,
    engine: str | None = None,
    engine_options: Sequence[str] = (),
) -> Tagger:
    """Return the tagger that is named; see `find_target`, `ProcessTagger`, `ContainerTagger`.

    Args:
        main_or_image: `main.py`, its folder, a command, or an image.
        params: The value of `--params`; None leaves it out.
        output: The tags file; None for a temporary one.
        media_dir: The media directory; None for a temporary one.
        idle_timeout_seconds: Time without a message after which a tagger counts as hanging.
        log: A file that its stderr is appended to; None for a temporary one.
        python: The interpreter of a `.py` program; None for the one that runs this.
        engine: `podman` or `docker`, for an image; None for the one that is found.
        engine_options: More options of `podman run`, for an image.

    Raises:
        TaggerError: it looks like a path, but there is no program; or it is not a valid image name.
    """
    target = find_target(main_or_image, python=python)
    if target.kind == "image":
        return ContainerTagger(
            target.image,
            params=params,
            output=output,
            media_dir=media_dir,
            idle_timeout_seconds=idle_timeout_seconds,
            log=log,
            engine=engine,
            engine_options=engine_options,
        )
    return ProcessTagger(
        target.command,
        params=params,
        output=output,
        cwd=target.cwd,
        media_dir=media_dir,
        idle_timeout_seconds=idle_timeout_seconds,
        log=log,
    )


_MEDIA = {"image": "a picture", "video": "a video", "audio": "a sound file"}


def _command_of(program: Path, python: str | None) -> tuple[str, ...]:
    """How to start a file."""
    from common_ml.media.kinds import kind_by_name

    if program.suffix == ".py":
        # -u, as in the image: its output is seen at once, also when it crashes
        return (python or sys.executable, "-u", program.name)
    kind = kind_by_name(program)
    if kind != "unknown":
        hint = "the tagger comes first, the files follow, as in my-tagger clip.mp4"
        raise TaggerError(f"{program} is {_MEDIA[kind]}, not a tagger; hint: {hint}")
    if os.access(program, os.X_OK):
        return (str(program.absolute()),)
    raise TaggerError(f"{program} is not executable; hint: make it executable, or name a main.py")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise TaggerError(f"cannot read the command {command!r}: {error}") from error


def _is_path(name: str) -> bool:
    # an image name starts with a letter or digit
    return name.startswith(("/", ".", "~"))
