"""Explain failed files by the author's stack frames from the tagger's log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.text import Text

from common_ml.cli.texts import printable
from common_ml.runtime.tracebacks import failures_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common_ml.runtime.tracebacks import Failure, StackFrame
    from common_ml.tagging.messages import Error

MAX_SHOWN = 3
"""Maximum number of distinct failures shown with their frames."""
_MAX_FRAMES = 4
"""Maximum number of the author's frames per failure."""
_LOG_BYTES = 1 << 18
_OF_THE_USER = "ParamsError: "
"""Prefix of errors that the author's code does not explain."""


class FailureDetails:
    """Finds failures in the logs of the taggers; each cause is shown once."""

    def __init__(self, logs: Sequence[Path], *, folder: Path | None) -> None:
        """Initialise.

        Args:
            logs: The logs of the taggers.
            folder: The author's folder, to which paths are relative; None if unknown.
        """
        self._logs = {log: log.stat().st_size if log.exists() else 0 for log in logs}
        self._folder = folder
        self._shown: set[tuple[str, tuple[StackFrame, ...]]] = set()

    def about(self, error: Error) -> list[Text]:
        """Return the detail lines of a file's error."""
        if error.message.startswith(_OF_THE_USER):
            return []
        failure = self._find(error)
        return [] if failure is None else self._described(failure)

    def of_log(self, log: str) -> list[Text]:
        """Return the detail lines of the last traceback of a log, including its error."""
        failure = next(reversed(failures_in(log)), None)
        if failure is None or not failure.frames:
            return []
        return [Text(f"  {printable(failure.error)}"), *self._described(failure)]

    def _find(self, error: Error) -> Failure | None:
        """Return the failure that matches a message's error and file."""
        name = os.path.basename(error.source_media or "")  # noqa: PTH119 - a text, not a path
        found = [failure for log in self._logs for failure in failures_in(self._end_of(log))]
        for failure in reversed(found):
            # `module.Error: text` in a traceback, `Error: text` in the message
            is_same = error.message.partition("\\n")[0].endswith(_unqualified(failure.error))
            if is_same and (not failure.file or not name or _is_about(failure.file, name)):
                return failure
        return None

    def _end_of(self, log: Path) -> str:
        if not log.exists():
            return ""
        with log.open("rb") as file:
            start = max(self._logs[log], file.seek(0, os.SEEK_END) - _LOG_BYTES)
            file.seek(start)
            return file.read().decode(errors="replace")

    def _described(self, failure: Failure) -> list[Text]:
        frames = failure.authors_frames
        key = (failure.error, frames)
        is_said = failure.call in failure.error  # as in what a model returns wrongly
        lines = [] if is_said else [Text(f"  in {printable(failure.call)}")]
        if not frames:
            return lines
        if key in self._shown or len(self._shown) >= MAX_SHOWN:
            return lines
        self._shown.add(key)
        for frame in frames[:_MAX_FRAMES]:
            lines += self._frame(frame)
        if len(frames) > _MAX_FRAMES:
            lines.append(Text(f"  and {len(frames) - _MAX_FRAMES} more frames", style="dim"))
        innermost = failure.frames[-1]
        if not innermost.is_authors:
            where = f"{innermost.path}:{innermost.line} in {innermost.function}"
            lines.append(Text(f"  raised in {printable(where)}", style="dim"))
        return lines

    def _frame(self, frame: StackFrame) -> list[Text]:
        path = frame.path
        if self._folder is not None and path.startswith(f"{self._folder}{os.sep}"):
            path = path[len(str(self._folder)) + 1 :]
        place = Text(f"  {printable(path)}:{frame.line} in {printable(frame.function)}")
        code = [Text(f"    {printable(frame.code)}", style="bold")] if frame.code else []
        return [place, *code]


def _unqualified(error: str) -> str:
    name, colon, text = error.partition("\n")[0].partition(":")
    return f"{name.rpartition('.')[2]}{colon}{text}"


def _is_about(failed: str, name: str) -> bool:
    """Whether the files that failed, as the log names them, include one of this base name."""
    stem = os.path.splitext(name)[0]  # noqa: PTH122 - a media folder may number it: `clip_2.mp4`
    return any(os.path.basename(file).startswith(stem) for file in failed.split(", "))  # noqa: PTH119 - a text
