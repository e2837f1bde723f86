"""Run a tagger as a child process."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.child import Child
from common_ml.runtime.media_folder import MediaFolder
from common_ml.runtime.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.types import StrPath


class ProcessTagger(Tagger):
    """A tagger as a child process: `ProcessTagger(["python", "main.py"])`.

    It runs in `cwd`, and gets its media by paths into `media_dir`, relative if that is below `cwd`.
    """

    def __init__(  # noqa: PLR0913 - options, each given by its name
        self,
        command: Sequence[str],
        *,
        params: Mapping[str, Any] | str | None = None,
        output: StrPath | None = None,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        media_dir: StrPath | None = None,
        idle_timeout_seconds: float | None = 600,
        log: StrPath | None = None,
        arguments: Sequence[str] = (),
        output_path: str | None = None,
    ) -> None:
        """Initialise; nothing is touched before the start.

        Args:
            command: The program and its first arguments, without `--output-path` and `--params`.
            params: The value of `--params`: an object, or a text that is passed unchanged.
                None omits the option.
            output: The tags file, which is appended to; None for a temporary one.
            cwd: The working directory; None for that of this process.
            env: Variables in addition to the environment of this process.
            media_dir: The media directory; None for a temporary one.
            idle_timeout_seconds: Time without a message after which a tagger that has work counts
                as hanging, > 0; None for no limit.
            log: A file that its stderr is appended to; None for a temporary one.
            arguments: More arguments, after the others.
            output_path: The value of `--output-path`, where it is not to be the absolute path of
                the tags file, but another name of it.
        """
        super().__init__(
            output=output,
            media_dir=media_dir,
            idle_timeout_seconds=idle_timeout_seconds,
            log=log,
        )
        self._command = [os.fspath(part) for part in command]
        self._params = params
        self._cwd = Path(os.path.abspath(cwd or "."))
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
        # a crash in native code names its Python frame, also in a program without the SDK
        env = {"PYTHONFAULTHANDLER": "1", **os.environ, **self._env}
        try:
            return Child(command, folder=folder, cwd=self._cwd, env=env, log=self._log)
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise TaggerError(f"cannot start {self.name} in {self._cwd}: {error}") from error

    def _make_media_folder(self) -> MediaFolder:
        below = self.media_dir.is_relative_to(self._cwd)
        place = self.media_dir.relative_to(self._cwd) if below else self.media_dir
        return MediaFolder(self.media_dir, prefix=os.path.join(place, ""), read_only=False)

    def _kill(self) -> None:
        self._running().kill()


def params_arguments(params: Mapping[str, Any] | str | None) -> list[str]:
    """`--params` and its value; none without params."""
    if params is None:
        return []
    text = params if isinstance(params, str) else json.dumps(params, ensure_ascii=False)
    return ["--params", text]
