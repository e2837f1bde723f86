"""One run of the tagger under test: start, feed, watch, stop."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from common_ml.runtime.conformance.output import OutputWatch, parsed
from common_ml.runtime.conformance.trial_record import TrialRecord, same_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from common_ml.runtime.conformance.material import Material
    from common_ml.runtime.conformance.start_options import StartOptions
    from common_ml.runtime.conformance.subject import Subject

EARLIER_LINE = b'{"type":"progress","data":{"source_media":"media/of_an_earlier_run.mp4"}}\n'
"""What an output file may hold before the tagger starts."""


class Trial:
    """A run of the tagger; a context manager that leaves no process behind."""

    def __init__(
        self, subject: Subject, material: Material, setting: StartOptions, folder: Path
    ) -> None:
        """Create the folders.

        Args:
            subject: The tagger.
            material: The files that it may be sent.
            setting: How it is started.
            folder: An empty one; gets `media/`, `output/` and `cache/`.
        """
        self._subject, self._material = subject, material
        self._media = folder / "media"
        for place in (self._media, folder / "output", folder / "cache"):
            place.mkdir(parents=True)
            place.chmod(0o777)  # a container's user may be another one
        self._output = folder / "output" / "tags.jsonl"
        if setting.existing:
            self._output.write_bytes(setting.existing)
            self._output.chmod(0o666)
        self._watch = OutputWatch(self._output, existing=setting.existing)
        self._existing = setting.existing
        self._sent: list[str] = []
        self._placed: dict[str, tuple[int, int]] = {}
        self._late: list[str] = []
        self._num_lines_at_close: int | None = None
        self._killed = False
        self._first_process = ""
        self._tagger = subject.tagger(setting, folder)
        self._prefix = subject.prefix(setting, folder)

    def __enter__(self) -> Trial:
        self._tagger.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tagger.stop(grace_seconds=0)
        self._tagger.__exit__(kind, error, traceback)

    def send(self, *names: str) -> list[str]:
        """Put files into the media directory, and their lines on stdin in one write.

        Args:
            names: Base names; the material's `missing` one gets its line alone.

        Returns:
            The lines.
        """
        for name in names:
            if name != self._material.missing:
                self._material.place(name, self._media)
                self._placed[name] = self._state(name)
        lines = [self._prefix + name for name in names]
        self._sent += lines
        self._tagger.send_raw("".join(f"{line}\n" for line in lines))
        return lines

    def wait_for(self, is_there: Callable[[], bool], *, quiet_seconds: float) -> bool:
        """Wait until the output satisfies a condition.

        Args:
            is_there: The condition; evaluated after each poll.
            quiet_seconds: Maximum time without new output.

        Returns:
            Whether it was met before the tagger ended or fell silent.
        """
        return self._watch_until(is_there, quiet_seconds) and is_there()

    def wait_for_answer(self, line: str, *, quiet_seconds: float) -> bool:
        """Wait for a file's `progress` or `error`."""
        if self.wait_for(lambda: self._is_answered(line), quiet_seconds=quiet_seconds):
            return True
        if self.is_running():
            self._late.append(line)
        return False

    def close_input(self) -> None:
        """Close the input, if the tagger still runs."""
        if self._tagger.exit_status is None:
            self._watch.look()
            self._num_lines_at_close = len(self._watch.lines)
        self._tagger.close_input()

    def wait_for_end(self, *, quiet_seconds: float) -> bool:
        """Wait for the end of the process; kill it if it falls silent."""
        self._watch_until(lambda: False, quiet_seconds)
        if self._tagger.exit_status is not None:
            return True
        self._kill()
        return False

    def stop(self, *, within_seconds: float) -> bool:
        """Send SIGTERM, then SIGKILL; return whether SIGTERM sufficed."""
        deadline = time.monotonic() + within_seconds
        self._tagger.send_signal(signal.SIGTERM)
        while self._tagger.exit_status is None and time.monotonic() < deadline:
            self._watch.look()
            self._watch.pause()
        if self._tagger.exit_status is not None:
            return True
        self._kill()
        return False

    def has_failed(self, line: str) -> bool:
        """Whether there is an `error` about a file."""
        return any(
            written.kind == "error" and same_file(written.media, line)
            for written in self._watch.lines
        )

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._tagger.exit_status is None

    def num_lines(self) -> int:
        """How many lines it has written so far."""
        self._watch.look()
        return len(self._watch.lines)

    def note_first_process(self) -> None:
        """Record which process is number 1 in the container, while it runs."""
        self._first_process = self._subject.first_process(self._tagger)

    def record(self) -> TrialRecord:
        """Return the record of the trial; call after the end of the tagger."""
        while self._watch.look():
            pass
        content, lines = self._watch.content(), self._watch.lines
        if not content.startswith(self._existing):  # rewritten, so watched only from its middle
            lines = [parsed(raw) for raw in content.split(b"\n")[:-1]]
        return TrialRecord(
            sent=tuple(self._sent),
            lines=tuple(lines),
            content=content,
            torn=tuple(self._watch.torn),
            exit_status=None if self._killed else self._tagger.exit_status,
            num_lines_at_close=self._num_lines_at_close,
            late=tuple(self._late),
            strange_files=tuple(self._strange_files()),
            stdout=self._tagger.stdout,
            stderr_tail=self._tagger.stderr_tail,
            warnings=tuple(self._tagger.warnings),
            first_process=self._first_process,
        )

    def _watch_until(self, is_there: Callable[[], bool], quiet_seconds: float) -> bool:
        """Poll the output until a condition is met; False if the tagger ends or falls silent."""
        start = time.monotonic()
        while True:
            ended = self._tagger.exit_status is not None  # asked before the look
            self._watch.look()
            if is_there():
                return True
            if ended:
                return False
            if time.monotonic() - max(start, self._watch.last_news) > quiet_seconds:
                return False
            self._watch.pause()

    def _is_answered(self, sent: str) -> bool:
        return any(
            line.kind in ("progress", "error") and same_file(line.media, sent)
            for line in self._watch.lines
        )

    def _kill(self) -> None:
        self._killed = True
        self._tagger.stop(grace_seconds=0)

    def _strange_files(self) -> list[str]:
        """Return the names of files added, removed or changed in the media directory."""
        found = {str(path.relative_to(self._media)) for path in self._media.rglob("*")}
        expected = set(self._placed)
        changed = {name for name in found & expected if self._state(name) != self._placed[name]}
        return sorted((found ^ expected) | changed)

    def _state(self, name: str) -> tuple[int, int]:
        state = (self._media / name).stat()
        return state.st_size, state.st_mtime_ns
