"""One life of a tagger under test: started, fed, watched, ended, and what it left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.runtime.conformance.output import Line, OutputWatch, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from common_ml.runtime.conformance.material import Material
    from common_ml.runtime.conformance.subject import Subject

EARLIER_LINE = b'{"type":"progress","data":{"source_media":"media/of_an_earlier_run.mp4"}}\n'
"""What an output file may hold before the tagger starts."""


@dataclass(frozen=True)
class Setting:
    """How a tagger is started for a trial."""

    params: str | None = None
    """The value of `--params`; None leaves it out."""
    arguments: tuple[str, ...] = ()
    """More arguments."""
    existing: bytes = b""
    """What the output file holds already."""
    own_directory: bool = False
    """Whether it starts in the folder of its program, and not in one of the runtime's."""
    network: bool = True
    """Whether a container has one."""


@dataclass(frozen=True)
class Outcome:
    """What a tagger left behind."""

    sent: tuple[str, ...]
    """The lines of its input, in order."""
    lines: tuple[Line, ...]
    """The lines that it wrote, behind those that stood there before."""
    content: bytes
    """The whole output file."""
    torn: tuple[bytes, ...]
    """Ends of the output without a newline that a reader saw."""
    exit_status: int | None
    """None where it had to be killed."""
    num_lines_at_close: int | None
    """How many of the lines were there when the input ended; None if it ended before that."""
    late: tuple[str, ...]
    """Lines of the input that had no answer within the time allowed, while the input was open."""
    strange_files: tuple[str, ...]
    """What the tagger changed in the media directory."""
    stdout: str
    stderr_tail: str
    first_process: str
    """Of a container: the command line of its process 1; "" if unknown."""

    def kind(self, kind: str) -> list[Line]:
        """The messages of a type."""
        return [line for line in self.lines if line.kind == kind]

    def tags_of(self, sent: str) -> list[Line]:
        """The tags of a file, by its base name: a wrong folder is another check's matter."""
        return [line for line in self.kind("tag") if same_file(line.media, sent)]

    def has_progress(self, sent: str) -> bool:
        """Whether the file has its `progress`."""
        return any(same_file(line.media, sent) for line in self.kind("progress"))

    def errors_of(self, sent: str) -> list[Line]:
        """The `error` lines that name the file."""
        name = os.path.basename(sent)  # noqa: PTH119 - a Path would change the string
        return [
            line
            for line in self.kind("error")
            if same_file(line.media, sent) or name in str(line.data.get("message"))
        ]

    @property
    def finished(self) -> list[str]:
        """The files with their `progress`."""
        return [sent for sent in self.sent if self.has_progress(sent)]

    @property
    def ended_well(self) -> bool:
        """Whether every file has its `progress`, and the exit status is 0."""
        return self.exit_status == 0 and len(self.finished) == len(self.sent)

    @property
    def story(self) -> str:
        """What happened, in a sentence, for somebody to read."""
        status = (
            "it had to be killed" if self.exit_status is None else f"exit status {self.exit_status}"
        )
        parts = [status, f"progress for {len(self.finished)} of {len(self.sent)} files"]
        errors = self.kind("error")
        if errors:
            parts.append(f"its last error line says: {errors[-1].data.get('message')}")
        elif self.stderr_tail:
            parts.append(f"its stderr ends: {self.stderr_tail.splitlines()[-1]}")
        return "; ".join(parts)


class Trial:
    """A tagger that runs; a context manager, which leaves no process behind."""

    def __init__(
        self, subject: Subject, material: Material, setting: Setting, folder: Path
    ) -> None:
        """Prepare the folders.

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
        """Wait for something in the output.

        Args:
            is_there: Whether it has come; asked after each look.
            quiet_seconds: How long nothing new may come.

        Returns:
            Whether it came before the tagger ended or fell silent.
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
        """End the input, if the tagger is there to see it."""
        if self._tagger.exit_status is None:
            self._watch.look()
            self._num_lines_at_close = len(self._watch.lines)
        self._tagger.close_input()

    def wait_for_end(self, *, quiet_seconds: float) -> bool:
        """Wait for the end of the process; kill it when it falls silent."""
        self._watch_until(lambda: False, quiet_seconds)
        if self._tagger.exit_status is not None:
            return True
        self._kill()
        return False

    def stop(self, *, within_seconds: float) -> bool:
        """Send SIGTERM, and SIGKILL later: whether the former was enough."""
        deadline = time.monotonic() + within_seconds
        self._tagger.send_signal(signal.SIGTERM)
        while self._tagger.exit_status is None and time.monotonic() < deadline:
            self._watch.look()
            self._watch.rest()
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
        """Look which process is number 1 in the container, as long as it runs."""
        self._first_process = self._subject.first_process(self._tagger)

    def outcome(self) -> Outcome:
        """What it left behind; to be asked after its end."""
        while self._watch.look():
            pass
        content, lines = self._watch.content(), self._watch.lines
        if not content.startswith(self._existing):  # written anew, and so watched from the middle
            lines = [parsed(raw) for raw in content.split(b"\n")[:-1]]
        return Outcome(
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
            first_process=self._first_process,
        )

    def _watch_until(self, is_there: Callable[[], bool], quiet_seconds: float) -> bool:
        """Look at the output until something is there; False if the tagger ends or falls silent."""
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
            self._watch.rest()

    def _is_answered(self, sent: str) -> bool:
        return any(
            line.kind in ("progress", "error") and same_file(line.media, sent)
            for line in self._watch.lines
        )

    def _kill(self) -> None:
        self._killed = True
        self._tagger.stop(grace_seconds=0)

    def _strange_files(self) -> list[str]:
        """Names of what was added, taken away or changed in the media directory."""
        found = {str(path.relative_to(self._media)) for path in self._media.rglob("*")}
        expected = set(self._placed)
        changed = {name for name in found & expected if self._state(name) != self._placed[name]}
        return sorted((found ^ expected) | changed)

    def _state(self, name: str) -> tuple[int, int]:
        state = (self._media / name).stat()
        return state.st_size, state.st_mtime_ns


def messages_in(text: str) -> list[Line]:
    """The lines of a text that look like messages."""
    lines = (parsed(line.encode(errors="replace")) for line in text.splitlines())
    return [line for line in lines if line.kind]


def same_file(media: str | None, sent: str) -> bool:
    """Whether a message is about a file, by base names, as the runtime maps them."""
    # not Path: that would change the strings
    return media is not None and os.path.basename(media) == os.path.basename(sent)  # noqa: PTH119


def params_text(base: Mapping[str, object] | None, **more: object) -> str | None:
    """`--params` of the user's, with more keys; None if there are none at all."""
    merged = {**(base or {}), **more}
    return json.dumps(merged) if merged or base is not None else None


def first_words(items: Sequence[str], most: int = 3) -> str:
    """A few of them, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
