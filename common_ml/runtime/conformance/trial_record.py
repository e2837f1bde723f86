"""Record of a trial: output, exit status and changes of the media directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.conformance.output import Line


@dataclass(frozen=True)
class TrialRecord:
    """The record of a trial."""

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
    warnings: tuple[str, ...]
    """The warnings of its log."""
    first_process: str
    """Of a container: the command line of its process 1; "" if unknown."""

    def kind(self, kind: str) -> list[Line]:
        """The messages of a type."""
        return [line for line in self.lines if line.kind == kind]

    def tags_of(self, sent: str) -> list[Line]:
        """Return the tags of a file by its base name; folders are covered by another check."""
        return [line for line in self.kind("tag") if same_file(line.media, sent)]

    def has_progress(self, sent: str) -> bool:
        """Whether the file has its `progress`."""
        return any(same_file(line.media, sent) for line in self.kind("progress"))

    def errors_of(self, sent: str) -> list[Line]:
        """The `error` lines that name the file."""
        name = os.path.basename(sent)
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
    def summary(self) -> str:
        """What happened, in one sentence."""
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


def same_file(media: str | None, sent: str) -> bool:
    """Whether a message is about a file, by base names, as the runtime maps them."""
    # not Path: that would change the strings
    return media is not None and os.path.basename(media) == os.path.basename(sent)


def abbreviated(items: Sequence[str], most: int = 3) -> str:
    """Return the first few of them, and the number of the others."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
