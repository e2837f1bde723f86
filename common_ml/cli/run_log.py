"""Logs of a run: the stderr of its taggers, kept beside the output, and shown with -v."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from common_ml.tagging.tags_file.changes import FileChanges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.runtime import Tagger

_POLL_SECONDS = 0.05
"""Poll interval in seconds where the system reports no file changes."""
_MAX_LINE = 10_000
"""Maximum bytes of a line that is shown; the log has the whole line."""


def log_path(output: Path, number: int = 0) -> Path:
    """Return where the log of a tagger is kept: `tags.log`, `tags-2.log` beside `tags.jsonl`.

    Args:
        output: The tags file.
        number: The tagger's, from 0.
    """
    stem = output.stem if output.suffix != ".log" else output.name
    return output.with_name(f"{stem}-{number + 1}.log" if number else f"{stem}.log")


def has_log_beside(output: Path) -> bool:
    """Return whether a log is kept beside an output: not beside devices and FIFOs."""
    return output.is_file() or not output.exists()


def keep_previous_log(output: Path) -> None:
    """Rename the logs of an earlier run: `tags.previous.log`."""
    number = 0
    while (log := log_path(output, number)).is_file():
        if number == 0 and log.stat().st_size:
            log.replace(log.with_name(f"{log.stem}.previous.log"))
        else:
            log.unlink()
        number += 1


def append_stdout(tagger: Tagger, log: Path) -> list[str]:
    """Append a tagger's stdout to its log; return the lines."""
    printed = tagger.stdout
    lines = [line for line in printed.splitlines() if line.strip()]
    if lines and log.exists():
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"---- stdout ----\n{printed.rstrip()}\n")
    return lines


def without_empty(logs: Sequence[Path]) -> list[Path]:
    """Remove empty logs; return the others."""
    kept = []
    for log in logs:
        if log.is_file() and log.stat().st_size:
            kept.append(log)
        else:
            log.unlink(missing_ok=True)
    return kept


class LogStream:
    """Shows log lines as they are written (like `tail -f`); a context manager."""

    def __init__(self, logs: Sequence[Path], show: Callable[[str], None]) -> None:
        """Start at the current end of the logs.

        Args:
            logs: Files that may not exist yet.
            show: Called with each line, from other threads.
        """
        self._show = show
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._follow, args=[log, log.stat().st_size if log.exists() else 0]
            )
            for log in logs
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _follow(self, log: Path, offset: int) -> None:
        changes = FileChanges(str(log), poll_seconds=_POLL_SECONDS, wake_event=self._ended)
        with ExitStack() as stack:
            stack.callback(changes.close)
            file = None
            rest = b""
            while True:
                is_over = self._ended.is_set()  # before reading: nothing is written after it
                if file is None:
                    with suppress(FileNotFoundError):
                        file = stack.enter_context(log.open("rb"))
                        file.seek(offset)
                data = b"" if file is None else file.read()
                if data:
                    changes.found()
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self._show(line[:_MAX_LINE].decode(errors="replace"))
                elif is_over:
                    break
                else:
                    changes.wait(-1 if file is None else file.fileno())
            if rest:
                self._show(rest[:_MAX_LINE].decode(errors="replace"))
