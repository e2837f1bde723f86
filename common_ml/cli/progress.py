"""Progress bar of a run on a terminal; prints errors as they occur."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from common_ml.cli.texts import printable
from common_ml.tagging.messages import Error, Message
from common_ml.tagging.messages import Progress as FileDone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from typing_extensions import Self

    from common_ml.cli.durations import Durations
    from common_ml.cli.tally import Tally

_REFRESH_SECONDS = 0.1
_ROOM = 3
"""Columns right of the bar."""
_PICTURE_SECONDS = 1.0
"""Weight of a file without a duration, in seconds."""


class RunProgress:
    """Shows a run on a terminal; elsewhere only its errors are printed."""

    def __init__(self, tally: Tally, durations: Durations, console: Console) -> None:
        self._tally = tally
        self._durations = durations
        self._console = console
        self._before = set(_finished(tally))  # by an earlier run
        self._tags_before = tally.num_tags
        self._started = self._shown = time.monotonic()
        self._bar = _Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("[progress.percentage]{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rates]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            expand=True,
        )
        self._task = self._bar.add_task(self._num_files(), total=1.0, rates="starting")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, message: Message, *, under: Iterable[Text] = ()) -> None:
        """Update the bar after a message; print an error with its detail lines."""
        if isinstance(message, Error):
            about = "" if message.source_media is None else f"{printable(message.source_media)}: "
            text = Text.assemble(("error: ", "bold red"), f"{about}{printable(message.message)}")
            for line in (text, *under):
                self._bar.console.print(line, soft_wrap=not self._console.is_terminal)
        now = time.monotonic()
        if isinstance(message, (Error, FileDone)) or now - self._shown > _REFRESH_SECONDS:
            self._shown = now
            self._update(now - self._started)

    def print_line(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(Text(printable(text)), soft_wrap=True)

    def _update(self, elapsed_seconds: float) -> None:
        if self._bar.disable:
            return
        done, total, media_seconds = self._work()
        num_tags = self._tally.num_tags - self._tags_before
        rates = [f"{num_tags / max(elapsed_seconds, 1e-3):,.0f} tags/s"]
        if media_seconds:
            rates.append(f"{media_seconds / max(elapsed_seconds, 1e-3):.1f}x real time")
        if done > 0 and self._durations.are_known:
            left = elapsed_seconds * (total - done) / done
            rates.append(f"{int(left // 3600)}:{int(left // 60 % 60):02}:{int(left % 60):02} left")
        self._bar.update(
            self._task,
            completed=done,
            total=total or 1.0,
            description=self._num_files(),
            rates=", ".join(rates),
        )

    def _work(self) -> tuple[float, float, float]:
        """Return completed work, total work, and completed media, each in seconds."""
        done = total = media_seconds = 0.0
        for path, file in self._tally.files.items():
            if path in self._before:
                continue
            duration = self._durations.of(path) or 0.0
            weight = duration or _PICTURE_SECONDS
            total += weight
            if file.state != "not tagged":
                done += weight
                media_seconds += duration
            else:
                tagged = min(file.last_ms / 1000, duration)
                done += tagged
                media_seconds += tagged
        return done, total, media_seconds

    def _num_files(self) -> str:
        finished = self._tally.num_of("tagged", "failed", "done before")
        return f"{finished}/{len(self._tally.files)} files"


class _Bar(Progress):
    """A bar with a margin for the `^C` that a terminal echoes, which would wrap the line."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bar, somewhat narrower than the terminal."""
        yield _Narrower(self.make_tasks_table(self.tasks))


class _Narrower:
    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(
            self._shown, options.update_width(max(1, options.max_width - _ROOM))
        )


def _finished(tally: Tally) -> list[str]:
    return [path for path, file in tally.files.items() if file.state != "not tagged"]
