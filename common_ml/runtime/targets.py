"""What a user calls a tagger: a program, its folder, a command, or an image."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import TaggerError
from common_ml.runtime.container import ContainerTagger
from common_ml.runtime.process import ProcessTagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.runtime.tagger import Tagger

_WAY_OUT = "name a main.py, a folder with one, a command, or an image"


@dataclass(frozen=True)
class Target:
    """A tagger, as it is started."""

    kind: Literal["process", "image"]
    command: tuple[str, ...] = ()
    """Of a process: the program and its arguments."""
    cwd: Path | None = None
    """Of a process: its working directory, as `/elv` is in a container."""
    image: str = ""
    """Of an image: its name."""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.image or shlex.join(self.command)


def find_target(main_or_image: str, *, python: str | None = None) -> Target:
    """Tell what is meant.

    Args:
        main_or_image: `main.py` or any other program; a folder with a `main.py`; a command such as
            `python main.py --cpu`; or the name of an image.
        python: The interpreter of a `.py` program; None for the one that runs this.

    Raises:
        TaggerError: it looks like a path, but there is nothing, or no program.
    """
    if not main_or_image.strip():
        raise TaggerError(f"no tagger is named: {_WAY_OUT}")
    path = Path(main_or_image).expanduser()
    if path.is_dir():
        if not (path / "main.py").is_file():
            raise TaggerError(
                f"{main_or_image} is a folder without a main.py: name the program, or the image"
            )
        path = path / "main.py"
    if path.is_file():
        return Target("process", command=_command_of(path, python), cwd=path.absolute().parent)
    words = _words(main_or_image)
    if len(words) > 1:
        return Target("process", command=tuple(words), cwd=Path.cwd())
    if main_or_image.endswith(".py") or _is_path(main_or_image):
        raise TaggerError(f"there is no {main_or_image}: {_WAY_OUT}")
    return Target("image", image=main_or_image)


def tagger_for(
    main_or_image: str,
    *,
    params: Mapping[str, Any] | str | None = None,
    output: str | os.PathLike[str] | None = None,
    media_dir: str | os.PathLike[str] | None = None,
    idle_timeout_seconds: float | None = 600,
    python: str | None = None,
    engine: str | None = None,
    engine_options: Sequence[str] = (),
) -> Tagger:
    """Return the tagger that is meant; see `find_target`, `ProcessTagger`, `ContainerTagger`.

    Args:
        main_or_image: `main.py`, its folder, a command, or an image.
        params: The value of `--params`; None leaves it out.
        output: The tags file; None for one that goes with the tagger.
        media_dir: The media directory; None for one that goes with the tagger.
        idle_timeout_seconds: How long a tagger that has work may go without a message.
        python: The interpreter of a `.py` program; None for the one that runs this.
        engine: `podman` or `docker`, for an image; None for the one that is found.
        engine_options: More options of `podman run`, for an image.

    Raises:
        TaggerError: it looks like a path, but there is nothing, or no program.
    """
    target = find_target(main_or_image, python=python)
    if target.kind == "image":
        return ContainerTagger(
            target.image,
            params=params,
            output=output,
            media_dir=media_dir,
            idle_timeout_seconds=idle_timeout_seconds,
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
    )


def _command_of(program: Path, python: str | None) -> tuple[str, ...]:
    """How to start a file."""
    if program.suffix == ".py":
        # -u, as in the image: what it says is seen at once, also when it dies
        return (python or sys.executable, "-u", program.name)
    if os.access(program, os.X_OK):
        return (str(program.absolute()),)
    raise TaggerError(f"{program} is no program: make it executable, or name a main.py")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise TaggerError(f"cannot read the command {command!r}: {error}") from error


def _is_path(name: str) -> bool:
    # an image may have slashes in it, but starts with none, nor with a dot
    return name.startswith(("/", ".", "~"))
