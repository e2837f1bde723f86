"""A tagger as a child process, read as it writes: every wait is for an event, none for time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

MESSAGE_TIMEOUT_MS = 60_000  # only to end a test that would hang


@dataclass
class Outcome:
    """What is left when a tagger has ended."""

    status: int
    messages: list[dict[str, Any]]
    """All that were not taken by `next_message`."""
    stderr: str


@dataclass
class Child:
    """Starts `python main.py --output-path FIFO ...`; the output is a FIFO, so reads block."""

    main: Path
    arguments: list[str] = field(default_factory=list)
    params: str | None = None
    cwd: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    launcher: list[str] = field(default_factory=list)
    """What starts Python, if it is not started directly."""

    def __enter__(self) -> Child:
        self._folder = tempfile.TemporaryDirectory()
        fifo = Path(self._folder.name) / "tags.jsonl"
        os.mkfifo(fifo)
        self._output = os.open(fifo, os.O_RDWR)  # both ways: no end of file between two writers
        self._rest = b""
        self._stderr: IO[bytes] = tempfile.TemporaryFile()
        self._announced, announce = os.pipe()
        command = [*self.launcher, sys.executable, "-u", str(self.main), "--output-path", str(fifo)]
        if self.params is not None:
            command += ["--params", self.params]
        self.process = subprocess.Popen(
            [*command, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=self.cwd or self.main.parent,
            env={**os.environ, **self.environment, "ANNOUNCE": str(announce)},
            pass_fds=[announce],
        )
        os.close(announce)
        self._ended = os.pidfd_open(self.process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        for stream in (self._stdin, self.process.stdout, self._stderr):
            stream.close()
        os.close(self._output)
        os.close(self._ended)
        os.close(self._announced)
        self._folder.cleanup()

    def send(self, *paths: str | bytes, end: bytes = b"\n") -> None:
        """Put the paths on stdin in one write."""
        lines = [os.fsencode(path) + end for path in paths]
        self._stdin.write(b"".join(lines))
        self._stdin.flush()

    def next_message(self) -> dict[str, Any]:
        """The next line, as soon as it is there."""
        line = self._next_line()
        assert line is not None, f"the tagger has ended: {self._stderr_text()}"
        return self._parsed(line)

    def announcement(self) -> bytes:
        """What the program writes to the descriptor in the environment's `ANNOUNCE`, once."""
        text = os.read(self._announced, 100)
        assert text, f"the tagger has ended: {self._stderr_text()}"
        return text

    def finish(self) -> Outcome:
        """Close stdin, wait for the end, collect what was still written."""
        self._stdin.close()
        return self.wait()

    def wait(self) -> Outcome:
        """Wait for the end, stdin open or not, and collect what was still written."""
        messages = []
        while (line := self._next_line()) is not None:
            messages.append(self._parsed(line))
        status = self.process.wait()
        assert self.process.stdout is not None
        assert self.process.stdout.read() == b"", "something was written to stdout"
        return Outcome(status, messages, self._stderr_text())

    @property
    def _stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def _next_line(self) -> bytes | None:
        """A line with its newline, or None when the tagger has ended and all is read."""
        while b"\n" not in self._rest:
            poller = select.poll()
            poller.register(self._output, select.POLLIN)
            poller.register(self._ended, select.POLLIN)
            ready = {descriptor for descriptor, _ in poller.poll(MESSAGE_TIMEOUT_MS)}
            assert ready, f"no message within a minute: {self._stderr_text()}"
            if self._output in ready:
                self._rest += os.read(self._output, 1 << 16)
            else:
                assert self._rest == b"", f"a torn line: {self._rest!r}"
                return None
        line, newline, self._rest = self._rest.partition(b"\n")
        return line + newline

    def _parsed(self, line: bytes) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(line)
        return message

    def _stderr_text(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode()


def source_media_of(messages: list[dict[str, Any]], kind: str) -> list[str]:
    """The `source_media` of all messages of a type, in order."""
    return [message["data"]["source_media"] for message in messages if message["type"] == kind]
