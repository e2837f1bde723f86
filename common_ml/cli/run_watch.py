"""`common-ml run --watch`: run again when the author's code changes."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.text import Text

from common_ml.cli.code_changes import CodeChanges
from common_ml.cli.console import print_error, print_line, stderr
from common_ml.cli.durations import Durations
from common_ml.cli.progress import RunProgress
from common_ml.cli.run_failures import FailureDetails
from common_ml.cli.run_log import LogStream, log_path
from common_ml.cli.run_report import RunFacts, print_run, print_tagger_error
from common_ml.cli.tally import Tally
from common_ml.cli.texts import printable
from common_ml.errors import ParamsError, TaggerError
from common_ml.runtime.keeper import TaggerKeeper
from common_ml.runtime.log_lines import warnings_in
from common_ml.tagging.daemon.reloading import NOT_RELOADED, RELOADED, VARIABLE
from common_ml.tagging.messages import Error, Message
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common_ml.runtime import Tagger

_RELOAD_SECONDS = 300.0
"""Time limit in seconds for a reload; then the tagger is restarted."""


class WatchedRun:
    """Repeats a run on the same files after each change of the code, until Ctrl-C.

    The tagger stays alive between runs. A model with a `reload` method is reloaded with the changed
    code and keeps its weights; any other tagger is restarted.
    """

    def __init__(
        self,
        make_tagger: Callable[[], Tagger],
        paths: list[str],
        *,
        output: Path,
        folder: Path | None,
        before_run: Callable[[], None],
        verbose: bool,
    ) -> None:
        """Initialise.

        Args:
            make_tagger: Returns a tagger that has not started, with its log beside the output.
            paths: The media.
            output: The tags file, rewritten by each run.
            folder: The folder with the author's code; None for an image.
            before_run: Called before each run, to keep the previous output.
            verbose: Whether the log is shown.

        Raises:
            ParamsError: it is an image: its code does not change.
        """
        if folder is None:
            raise ParamsError(["--watch needs a program; hint: name a main.py or its folder"])
        self._make_tagger = make_tagger
        self._paths = paths
        self._output = output
        self._folder = folder
        self._before_run = before_run
        self._verbose = verbose
        self._tagger: Tagger | None = None
        self._details: FailureDetails | None = None

    def run(self) -> None:
        """Run, wait for a change, and repeat; return on Ctrl-C."""
        os.environ[VARIABLE] = "1"  # the tagger inherits it
        keeper = TaggerKeeper(self._made_tagger, max_tries=1)
        try:
            with CodeChanges(self._folder) as changes:
                while True:
                    try:
                        self._run_once(keeper)
                    except TaggerError as error:
                        print_tagger_error(
                            error, Tally.of(self._paths), self._details, continues=True
                        )
                        keeper.close()
                        keeper = TaggerKeeper(self._made_tagger, max_tries=1)
                    self._wait_for_code(changes)
        except KeyboardInterrupt:
            return
        finally:
            keeper.close()

    def _wait_for_code(self, changes: CodeChanges) -> None:
        """Wait until the code has changed, and the tagger has reloaded it or has ended."""
        takes_over = False
        while not takes_over:
            print_line(Text(f"watching {self._folder} for changes; Ctrl-C ends", style="dim"))
            changed = changes.wait()
            names = ", ".join(os.path.relpath(path, self._folder) for path in changed[:3])
            print_line(Text(f"changed: {printable(names)}", style="bold cyan"))
            takes_over = self._take_over()

    def _made_tagger(self) -> Tagger:
        self._tagger = self._make_tagger()
        return self._tagger

    def _run_once(self, keeper: TaggerKeeper) -> None:
        self._before_run()
        log = log_path(self._output)
        offset = log.stat().st_size if log.exists() else 0
        tally = Tally.of(self._paths)
        facts = RunFacts(self._output, logs=[log])
        details = self._details = FailureDetails(facts.logs, folder=self._folder)
        self._output.parent.mkdir(parents=True, exist_ok=True)
        durations = Durations(self._paths)
        started = time.monotonic()
        try:
            with ExitStack() as stack:
                writer = stack.enter_context(Writer(self._output))
                stack.enter_context(durations)
                progress = stack.enter_context(RunProgress(tally, durations, stderr))
                if self._verbose:
                    stack.enter_context(LogStream(facts.logs, progress.print_line))
                for event in keeper.tag_all(self._paths):
                    if isinstance(event, Message):
                        writer.write(event)
                        tally.add(event)
                        under = details.about(event) if isinstance(event, Error) else []
                        progress.show(event, under=under)
        except TaggerError as error:
            facts.failure = error
            raise
        finally:
            facts.elapsed_seconds = time.monotonic() - started
            tagged = [path for path in self._paths if tally.files[path].state == "tagged"]
            facts.media_seconds = sum(durations.of(path) or 0.0 for path in tagged)
            facts.warnings = self._warnings(log, offset)
            if facts.failure is None:
                print_run(tally, facts, details)

    def _warnings(self, log: Path, offset: int) -> list[str]:
        if not log.exists() or self._tagger is None or not self._tagger.has_started:
            return []
        text = log.read_bytes()[offset:].decode(errors="replace")
        return [self._tagger.media.with_paths(found, about=None) for found in warnings_in(text)]

    def _take_over(self) -> bool:
        """Reload the tagger with the changed code, or end it; False if the code is broken."""
        tagger = self._tagger
        if tagger is None or not tagger.has_started or tagger.exit_status is not None:
            return True
        done = threading.Event()
        answers: list[tuple[str, str]] = []

        def look(line: str) -> None:
            for answer in (NOT_RELOADED, RELOADED):
                if f"] {answer}: " in line:
                    answers.append((answer, line.partition(f"] {answer}: ")[2]))
                    done.set()
                    return

        def wait_for_end() -> None:
            tagger.wait(_RELOAD_SECONDS)
            done.set()

        with LogStream([log_path(self._output)], look):
            threading.Thread(target=wait_for_end, daemon=True).start()
            tagger.send_signal(signal.SIGHUP)
            done.wait(_RELOAD_SECONDS)
        if not answers:
            tagger.stop()
            print_line(Text("the tagger starts again; a reload method keeps weights", style="dim"))
            return True
        answer, text = answers[0]
        if answer == NOT_RELOADED:
            print_error(f"the changed code cannot be loaded: {text}")
            details = FailureDetails([], folder=self._folder)
            for line in details.of_log(tagger.stderr):
                print_line(line)
            return False
        print_line(Text(f"{answer}: {printable(text)}", style="dim"))
        return True
