"""A tagger as a container: podman or docker, by its command line."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.media_folder import MediaFolder
from common_ml.runtime.pipes import Child
from common_ml.runtime.process import params_arguments
from common_ml.runtime.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENGINES = ("podman", "docker")
_ENGINE_FAILED = 125
"""Exit status of the engine itself, where it could not start a container."""
_REMOVED_WITHIN_SECONDS = 60


class ContainerTagger(Tagger):
    """A tagger as a container, with the mounts and the working directory of the contract.

    Files reach it through a directory that is mounted read-only: they are hard links where that
    lies on the same file system as they do, else copies. With `media_dir` it lies where you want.
    """

    def __init__(  # noqa: PLR0913 - options, each given by its name
        self,
        image: str,
        *,
        params: Mapping[str, Any] | str | None = None,
        output: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        engine_options: Sequence[str] = (),
        network: str = "host",
        media_dir: str | os.PathLike[str] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        idle_timeout_seconds: float | None = 600,
        arguments: Sequence[str] = (),
    ) -> None:
        """Prepare; nothing is touched before the start.

        Args:
            image: Its name. It is not fetched: pull or build it before.
            params: The value of `--params`: an object, or a text that is passed as it is, good or
                bad. None leaves the option out.
            output: The tags file; its directory is mounted writable. None for one that goes with
                the tagger.
            engine: `podman` or `docker`, with options of its own if it needs any; None for the one
                that is found.
            engine_options: More options of `podman run`, such as `--gpus=all`. A `--network` among
                them wins over `network`.
            network: The container's network; `none` for one without.
            media_dir: The media directory; None for one that goes with the tagger.
            cache_dir: Mounted at `/root/.cache`, for weights; None for `common-ml/container` in the
                user's own cache.
            idle_timeout_seconds: How long a tagger that has work may go without a message, > 0;
                None for any time.
            arguments: More arguments of the program, behind the others.
        """
        super().__init__(
            output=output, media_dir=media_dir, idle_timeout_seconds=idle_timeout_seconds
        )
        self.image = image
        self.container = f"common-ml-{uuid.uuid4().hex[:12]}"
        """The name of the container, for commands such as `podman exec`."""
        self._params = params
        self._engine = engine
        self._engine_command: list[str] = []
        self._engine_options = list(engine_options)
        self._network = network
        self._cache_dir = Path(os.path.abspath(cache_dir or _default_cache()))  # noqa: PTH100 - as given
        self._arguments = list(arguments)

    @property
    def name(self) -> str:
        """The image."""
        return self.image

    def send_signal(self, number: int) -> None:
        """Send a signal to the first process of the container; nothing happens once it is gone."""
        name = signal.Signals(number).name
        done = self._run_engine("kill", f"--signal={name}", self.container)
        if done.returncode != 0:  # it is not there yet, or no longer: the engine will pass it on
            self._running().send_signal(number)

    def _launch(self, folder: Path) -> Child:
        self._engine_command = engine_command(self._engine)
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        command = [*self._engine_command, "run", "--rm", "-i", "--pull=never"]
        # SELinux would hide the mounted directories; to relabel them would change what is not ours
        command += [f"--name={self.container}", "--workdir=/elv"]
        if not any(option.startswith(("--network", "--net=")) for option in self._engine_options):
            command.append(f"--network={self._network}")
        command += ["--security-opt=label=disable"]
        command += ["-v", f"{self.media_dir}:/elv/media:ro"]
        command += ["-v", f"{self.output.parent}:/elv/output"]
        command += ["-v", f"{self._cache_dir}:/root/.cache"]
        command += [*self._engine_options, self.image]
        command += ["--output-path", f"/elv/output/{self.output.name}"]
        command += [*params_arguments(self._params), *self._arguments]
        if self._wanted_output is None:
            self.output.parent.chmod(0o777)  # the container's user may be another one
        try:
            return Child(command, folder=folder, cwd=None, env=None)
        except (OSError, ValueError) as error:
            raise TaggerError(f"cannot start {self.image}: {error}") from error

    def _make_media_folder(self) -> MediaFolder:
        return MediaFolder(self.media_dir, prefix="media/", symlinks=False)

    def _kill(self) -> None:
        self._remove()
        self._running().kill()

    def _tidy_up(self) -> None:
        if self._child is not None:
            self._remove()  # --rm is the client's promise, and clients are killed
        super()._tidy_up()

    def _death(self, status: int | None) -> str:
        if status == _ENGINE_FAILED:
            engine = self._engine_command[0]
            way_out = "which must be built or pulled before; a program is named as its main.py"
            return f"{engine} could not start {self.image}, {way_out}"
        return super()._death(status)

    def _remove(self) -> None:
        self._run_engine("rm", "--force", self.container)

    def _run_engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_engine(self._engine_command, *arguments)


def engine_command(engine: str | None = None) -> list[str]:
    """Returns the words that start the engine.

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
            f"to run an image takes {' or '.join(names)}, not found on the PATH; "
            "a program is named as its main.py, or the folder with one"
        )
    return words or [found]


def run_engine(command: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the engine to its end, its output kept.

    Raises:
        TaggerError: it does not end.
    """
    whole = [*command, *arguments]
    try:
        return subprocess.run(  # noqa: S603 - the engine that the user has
            whole,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_REMOVED_WITHIN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        told = f"{shlex.join(whole)} did not end within {_REMOVED_WITHIN_SECONDS} s"
        raise TaggerError(told) from error


def _default_cache() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "common-ml" / "container"
