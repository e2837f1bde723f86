"""A tagger as a child process."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.media_folder import MediaFolder
from common_ml.runtime.pipes import Child
from common_ml.runtime.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ProcessTagger(Tagger):
    """A tagger as a child process: `ProcessTagger(["python", "main.py"])`.

    It runs in `cwd` as a container runs in the folder of its program, and gets its media by paths
    into `media_dir`, relative where that lies below `cwd`.
    """

    def __init__(  # noqa: PLR0913 - options, each given by its name
        self,
        command: Sequence[str],
        *,
        params: Mapping[str, Any] | str | None = None,
        output: str | os.PathLike[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        media_dir: str | os.PathLike[str] | None = None,
        idle_timeout_seconds: float | None = 600,
        arguments: Sequence[str] = (),
        output_path: str | None = None,
    ) -> None:
        """Prepare; nothing is touched before the start.

        Args:
            command: The program and its first arguments, without `--output-path` and `--params`.
            params: The value of `--params`: an object, or a text that is passed as it is, good or
                bad. None leaves the option out.
            output: The tags file; what it holds stays. None for one that goes with the tagger.
            cwd: The working directory; None for ours.
            env: Variables beside those of our own environment.
            media_dir: The media directory; None for one that goes with the tagger.
            idle_timeout_seconds: How long a tagger that has work may go without a message, > 0;
                None for any time.
            arguments: More arguments, behind the others.
            output_path: The value of `--output-path`, where it is not to be the absolute path of
                the tags file, but another name of it.
        """
        super().__init__(
            output=output, media_dir=media_dir, idle_timeout_seconds=idle_timeout_seconds
        )
        self._command = [os.fspath(part) for part in command]
        self._params = params
        self._cwd = Path(os.path.abspath(cwd or "."))  # noqa: PTH100 - as given, links and all
        self._env = dict(env or {})
        self._arguments = list(arguments)
        self._output_path = output_path

    @property
    def name(self) -> str:
        """The command, as a shell would take it."""
        return shlex.join("python" if word == sys.executable else word for word in self._command)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process itself; nothing happens once it has ended."""
        self._running().send_signal(number)

    def _launch(self, folder: Path) -> Child:
        command = [*self._command, "--output-path", self._output_path or str(self.output)]
        command += [*params_arguments(self._params), *self._arguments]
        env = {**os.environ, **self._env} if self._env else None
        try:
            return Child(command, folder=folder, cwd=self._cwd, env=env)
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise TaggerError(f"cannot start {self.name} in {self._cwd}: {error}") from error

    def _make_media_folder(self) -> MediaFolder:
        below = self.media_dir.is_relative_to(self._cwd)
        place = self.media_dir.relative_to(self._cwd) if below else self.media_dir
        return MediaFolder(self.media_dir, prefix=os.path.join(place, ""), symlinks=True)  # noqa: PTH118 - it ends in a slash

    def _kill(self) -> None:
        self._running().kill()


def params_arguments(params: Mapping[str, Any] | str | None) -> list[str]:
    """`--params` and its value; none without params."""
    if params is None:
        return []
    text = params if isinstance(params, str) else json.dumps(params, ensure_ascii=False)
    return ["--params", text]
