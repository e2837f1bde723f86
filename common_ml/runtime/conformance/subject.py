"""The tagger under test, started for each trial as a process or a container."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.container import (
    ContainerTagger,
    engine_command,
    has_image,
    missing_image_hint,
    run_engine,
)
from common_ml.runtime.describing import describe_target
from common_ml.runtime.process import ProcessTagger
from common_ml.runtime.targets import Target, find_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.conformance.start_options import StartOptions
    from common_ml.runtime.tagger import Tagger


class Subject(ABC):
    """The tagger under test; each trial starts a new instance."""

    name: str
    """Its command, or its image, for messages."""
    is_image: bool
    """Whether it runs in a container."""

    @abstractmethod
    def tagger(self, setting: StartOptions, folder: Path) -> Tagger:
        """A tagger that has not started.

        Args:
            setting: How it is started.
            folder: Holds `media/`, `output/` and `cache/`.
        """

    @abstractmethod
    def prefix(self, setting: StartOptions, folder: Path) -> str:
        """The folder prefix of base names in its input lines."""

    @abstractmethod
    def first_process(self, tagger: Tagger) -> str:
        """The command line of process 1 of a running container; "" if there is none."""

    @abstractmethod
    def description(self, *, timeout_seconds: float) -> dict[str, Any] | None:
        """Its description; None where it has none, as a tagger without the SDK.

        Args:
            timeout_seconds: Time limit.
        """


class Program(Subject):
    """A command, such as `python main.py`."""

    is_image = False

    def __init__(self, target: Target, *, name: str = "") -> None:
        """Take a command.

        Args:
            target: A process.
            name: Its name in messages; by default its command.
        """
        self._folder = target.cwd or Path.cwd()
        self._command = [_absolute(part, self._folder) for part in target.command]
        self.name = name or target.name

    def tagger(self, setting: StartOptions, folder: Path) -> Tagger:
        """The command, in the trial's folder or in the program's own one."""
        return ProcessTagger(
            self._command,
            params=setting.params,
            output=_output(folder),
            cwd=self._working_directory(setting, folder),
            # the runtime does not ask Python to write unbuffered; "" is as good as not set
            env={"PYTHONUNBUFFERED": ""},
            media_dir=folder / "media",
            idle_timeout_seconds=None,
            arguments=setting.arguments,
        )

    def prefix(self, setting: StartOptions, folder: Path) -> str:
        """`media/`, or the way to it from the program's folder."""
        return os.path.relpath(folder / "media", self._working_directory(setting, folder)) + "/"

    def first_process(self, tagger: Tagger) -> str:
        """None: there is no container."""
        del tagger
        return ""

    def description(self, *, timeout_seconds: float) -> dict[str, Any] | None:
        """Its answer to `--describe`."""
        target = Target("process", command=tuple(self._command), cwd=self._folder)
        with suppress(TaggerError):
            return describe_target(target, timeout_seconds=timeout_seconds)
        return None

    def _working_directory(self, setting: StartOptions, folder: Path) -> Path:
        return self._folder if setting.own_directory else folder


class Image(Subject):
    """The image of a tagger."""

    is_image = True

    def __init__(
        self, image: str, *, engine: str | None = None, engine_options: Sequence[str] = ()
    ) -> None:
        self.name = image
        self._engine, self._engine_options = engine, tuple(engine_options)

    def tagger(self, setting: StartOptions, folder: Path) -> Tagger:
        """A container with the mounts of the contract."""
        return ContainerTagger(
            self.name,
            params=setting.params,
            output=_output(folder),
            engine=self._engine,
            engine_options=self._engine_options,
            network="host" if setting.network else "none",
            media_dir=folder / "media",
            idle_timeout_seconds=None,
            arguments=setting.arguments,
        )

    def prefix(self, setting: StartOptions, folder: Path) -> str:
        """`media/`, whatever the folder is called on this side."""
        del setting, folder
        return "media/"

    def first_process(self, tagger: Tagger) -> str:
        """The command line of process 1; "" where it is not visible, as in a virtual machine."""
        if not isinstance(tagger, ContainerTagger):
            return ""
        engine = engine_command(self._engine)
        done = run_engine(engine, "inspect", "--format={{.State.Pid}}", "--", tagger.container)
        command_line = Path("/proc") / done.stdout.strip() / "cmdline"
        if done.returncode != 0 or not command_line.is_file():
            return ""
        return command_line.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()

    def description(self, *, timeout_seconds: float) -> dict[str, Any] | None:
        """Its label, or else the answer of the program in it."""
        target = Target("image", image=self.name)
        for start in (False, True):
            with suppress(TaggerError):
                return describe_target(
                    target,
                    start=start,
                    engine=self._engine,
                    engine_options=self._engine_options,
                    timeout_seconds=timeout_seconds,
                )
        return None


def subject_of(
    target: str | Sequence[str] | Target,
    *,
    python: str | None = None,
    engine: str | None = None,
    engine_options: Sequence[str] = (),
) -> Subject:
    """Return the tagger that a target names.

    Args:
        target: `main.py`, its folder, a command as a text or as a list, or an image.
        python: The interpreter of a `.py` program; None for the one that runs this.
        engine: `podman` or `docker`, for an image; None for the one that is found.
        engine_options: More options of `podman run`, for an image.

    Raises:
        TaggerError: there is no such program, command or image.
    """
    name = target if isinstance(target, str) else ""
    if isinstance(target, str):
        target = find_target(target, python=python)
    elif not isinstance(target, Target):
        target = Target("process", command=tuple(target), cwd=Path.cwd())
    if target.kind == "image":
        if not has_image(target.image, engine=engine):
            raise TaggerError(
                f"no such image: {target.image}; hint: {missing_image_hint(target.image)}"
            )
        return Image(target.image, engine=engine, engine_options=engine_options)
    program = target.command[0]
    if not shutil.which(program) and not (Path(target.cwd or ".") / program).is_file():
        raise TaggerError(
            f"no such program: {program}; hint: name a main.py, or a command that is installed"
        )
    return Program(target, name=name)


def _output(folder: Path) -> Path:
    return folder / "output" / "tags.jsonl"


def _absolute(part: str, folder: Path) -> str:
    """Make an argument that names a file independent of the working directory."""
    if os.path.isabs(part) or not (folder / part).is_file():
        return part
    return str(folder / part)
