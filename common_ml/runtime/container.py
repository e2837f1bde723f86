"""Run a tagger as a container, by the command line of podman or docker."""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.child import Child
from common_ml.runtime.media_folder import MediaFolder
from common_ml.runtime.process import params_arguments
from common_ml.runtime.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.types import StrPath

ENGINES = ("podman", "docker")
_ENGINE_FAILED = 125
"""Exit status of an engine that could not start a container."""
_REMOVED_WITHIN_SECONDS = 60
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}", re.ASCII)


class ContainerTagger(Tagger):
    """A tagger as a container, with the mounts and the working directory of the contract.

    Files reach it through a directory that is mounted read-only: they are hard links where that
    lies on the same file system as they do, else copies. With `media_dir` it lies where you want.
    """

    _REMOVE = ("rm", "--force", "--")

    def __init__(  # noqa: PLR0913 - options, each given by its name
        self,
        image: str,
        *,
        params: Mapping[str, Any] | str | None = None,
        output: StrPath | None = None,
        engine: str | None = None,
        engine_options: Sequence[str] = (),
        network: str = "host",
        media_dir: StrPath | None = None,
        cache_dir: StrPath | None = None,
        idle_timeout_seconds: float | None = 600,
        log: StrPath | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """Initialise; nothing is touched before the start.

        Args:
            image: Its name. It is not fetched: pull or build it first.
            params: The value of `--params`: an object, or a text that is passed unchanged.
                None omits the option.
            output: The tags file, which is appended to; its directory is mounted writable. None for
                a temporary one.
            engine: `podman` or `docker`, with options of its own if it needs any; None for the one
                that is found.
            engine_options: More options of `podman run`, such as `--gpus=all`. A `--network` among
                them wins over `network`.
            network: The container's network; `none` for one without.
            media_dir: The media directory; None for a temporary one.
            cache_dir: Mounted at `/root/.cache`, for weights; None for `common-ml/container` in the
                user's own cache.
            idle_timeout_seconds: Time without a message after which a tagger that has work counts
                as hanging, > 0; None for no limit.
            log: A file that its stderr is appended to; None for a temporary one.
            arguments: More arguments of the program, after the others.

        Raises:
            TaggerError: the name of the image is invalid.
        """
        super().__init__(
            output=output,
            media_dir=media_dir,
            idle_timeout_seconds=idle_timeout_seconds,
            log=log,
        )
        self.image = checked_image(image)
        self.container = f"common-ml-{uuid.uuid4().hex[:12]}"
        """The name of the container, for commands such as `podman exec`."""
        self._params = params
        self._engine = engine
        self._engine_command: list[str] = []
        self._engine_options = list(engine_options)
        self._network = network
        self._cache_dir = Path(os.path.abspath(cache_dir or _default_cache()))
        self._arguments = list(arguments)

    @property
    def name(self) -> str:
        """The image."""
        return self.image

    def send_signal(self, number: int) -> None:
        """Send a signal to the first process of the container; nothing happens once it is gone."""
        name = signal.Signals(number).name
        done = self._run_engine("kill", f"--signal={name}", "--", self.container)
        if done.returncode != 0:  # it has not started, or is gone: the engine passes it on
            self._running().send_signal(number)

    def _launch(self, folder: Path) -> Child:
        self._engine_command = engine_command(self._engine)
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        command = [*self._engine_command, "run", "--rm", "-i", "--pull=never"]
        # SELinux would hide the mounted directories; relabelling them would change the user's files
        command += [f"--name={self.container}", "--workdir=/elv"]
        if not any(option.startswith(("--network", "--net=")) for option in self._engine_options):
            command.append(f"--network={self._network}")
        command += ["--security-opt=label=disable"]
        command += [_mount(self.media_dir, "/elv/media", read_only=True)]
        command += [_mount(self.output.parent, "/elv/output")]
        command += [_mount(self._cache_dir, "/root/.cache")]
        command += ["--env=PYTHONFAULTHANDLER=1"]
        command += [*self._engine_options, "--", self.image]
        command += ["--output-path", f"/elv/output/{self.output.name}"]
        command += [*params_arguments(self._params), *self._arguments]
        if self._wanted_output is None:
            self.output.parent.chmod(0o777)  # the container's user may be another one
        try:
            return Child(
                command,
                folder=folder,
                cwd=None,
                env=None,
                log=self._log,
                cleanup_command=[*self._engine_command, *self._REMOVE, self.container],
            )
        except (OSError, ValueError) as error:
            raise TaggerError(f"cannot start {self.image}: {error}") from error

    def _make_media_folder(self) -> MediaFolder:
        return MediaFolder(self.media_dir, prefix="media/", read_only=True)

    def _kill(self) -> None:
        self._remove()
        self._running().kill()

    def _tidy_up(self) -> None:
        if self._child is not None:
            self._remove()  # a client that is killed does not keep its --rm
        super()._tidy_up()

    def _describe_end(self, status: int | None) -> str:
        if status == _ENGINE_FAILED:
            engine = self._engine_command[0]
            return f"{engine} could not start {self.image}; hint: {missing_image_hint(self.image)}"
        return super()._describe_end(status)

    def _remove(self) -> None:
        self._run_engine(*self._REMOVE, self.container)

    def _run_engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_engine(self._engine_command, *arguments)


def checked_image(name: str) -> str:
    """Return the name of an image.

    Raises:
        TaggerError: it is not one; an engine could take it for an option.
    """
    if not _IMAGE.fullmatch(name):
        raise TaggerError(
            f"invalid image name {name!r}: expected letters, digits and any of ._/:@- after a "
            "letter or digit, as in localhost/my-tagger:1.0"
        )
    return name


def missing_image_hint(name: str) -> str:
    """Return the hint for a missing image, which may be a misspelt folder."""
    programs = [path.parent.name for path in Path.cwd().glob("*/main.py")]
    close = difflib.get_close_matches(name, programs, n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else "build or pull it, or name a main.py"


def has_image(name: str, *, engine: str | None = None) -> bool:
    """Whether there is an image of this name on this machine.

    Raises:
        TaggerError: the name is invalid, or there is no engine.
    """
    command = engine_command(engine)
    return run_engine(command, "image", "inspect", "--", checked_image(name)).returncode == 0


def engine_command(engine: str | None = None) -> list[str]:
    """Return the command line that starts the engine.

    Args:
        engine: Its program, with options of its own if it needs any; None for the first of podman
            and docker that is on the PATH.

    Raises:
        TaggerError: it is not there.
    """
    words = shlex.split(engine) if engine else []
    names = words[:1] or list(ENGINES)
    found = next((name for name in names if shutil.which(name)), None)
    if found is None:
        raise TaggerError(
            f"an image needs {' or '.join(names)}, not found on the PATH; "
            "hint: name a program by its main.py, or the folder with one"
        )
    return words or [found]


def run_engine(command: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the engine to its end and capture its output.

    Raises:
        TaggerError: it does not end.
    """
    whole = [*command, *arguments]
    try:
        return subprocess.run(
            whole,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_REMOVED_WITHIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"{shlex.join(whole)} did not end within {_REMOVED_WITHIN_SECONDS} s"
        raise TaggerError(message) from error


def _mount(source: Path, target: str, *, read_only: bool = False) -> str:
    """An option for a bind mount; engines parse its value as CSV, so any path can be quoted."""
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] * read_only)]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)  # quotes what ends a line, too
    return f"--mount={line.getvalue()[:-1]}"


def _default_cache() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "common-ml" / "container"
