"""`common-ml run`: tag files like a runtime, into one tags file."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from common_ml.cli.console import print_line, stderr
from common_ml.cli.help import missing
from common_ml.cli.options import (
    Engine,
    EngineOption,
    ParamPairs,
    Params,
    Python,
    SdkPairs,
)
from common_ml.cli.scale_options import (
    CacheGib,
    CpusPerTagger,
    GpusPerTagger,
    MaxTaggers,
    On,
    Parts,
    Plan,
    RunFiles,
    RunTagger,
    ScaleOptions,
    Shard,
)
from common_ml.cli.stopping import stopped_by_signals
from common_ml.cli.texts import printable

if TYPE_CHECKING:
    from common_ml.cli.durations import Durations
    from common_ml.cli.progress import RunProgress
    from common_ml.cli.run_failures import FailureDetails
    from common_ml.cli.run_report import RunFacts
    from common_ml.cli.tally import Tally
    from common_ml.runtime import Tagger
    from common_ml.runtime.job import TaggingJob
    from common_ml.tagging.tags_file.resume import ResumeState
    from common_ml.tagging.wire import Writer

EXAMPLE = "common-ml run my-tagger films/ -p fps=2 -o tags.jsonl"
EPILOG = f"Example: [bold]{EXAMPLE}[/]"
DEFAULT_OUTPUT = Path("tags.jsonl")
_FAILED = 1
_STOPPED = ": stopped by SIG"
"""Marker in the last error of a tagger that was asked to stop."""


def run(
    main_or_image: RunTagger = None,
    files: RunFiles = None,
    *,
    params: Params = None,
    pairs: ParamPairs = None,
    sdk_pairs: SdkPairs = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The tags file. An existing one is kept beside it."),
    ] = DEFAULT_OUTPUT,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", min=1, help="Number of taggers that share the files.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run that wrote the output.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show the log of the tagger as it is written.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever the code changes, until Ctrl-C.")
    ] = False,
    idle_timeout: Annotated[
        float,
        typer.Option(min=0, help="Seconds without a message until a tagger hangs; 0 for any."),
    ] = 600,
    python: Python = None,
    engine: Engine = None,
    engine_option: EngineOption = None,
    on: On = None,
    parts: Parts = None,
    shard: Shard = None,
    plan: Plan = None,
    max_taggers: MaxTaggers = None,
    cpus_per_tagger: CpusPerTagger = 1,
    gpus_per_tagger: GpusPerTagger = 0,
    cache_gib: CacheGib = 50,
) -> None:
    """Tag files and print a summary.

    The tagger is started, fed and read as by the runtime. All of its
    messages go to one tags file, with the files as they are named here.
    Ctrl-C stops it, and --resume continues from there. The exit status is 1
    if any file was not tagged.
    """
    from common_ml.cli.params_options import merge_params, misspelt_keys
    from common_ml.cli.run_failures import FailureDetails
    from common_ml.cli.run_log import has_log_beside, keep_previous_log, log_path
    from common_ml.cli.run_report import RunFacts
    from common_ml.cli.tally import Tally
    from common_ml.runtime import tagger_for
    from common_ml.runtime.media_files import find_media
    from common_ml.runtime.targets import find_target
    from common_ml.tagging.tags_file.resume import ResumeState, whole_messages

    merged = merge_params(params, pairs or [], sdk_pairs or [])
    for text in misspelt_keys(merged):
        print_line(Text.assemble(("warning:", "yellow"), f" {printable(text)}"))
    scale = ScaleOptions(
        on, parts, shard, plan, max_taggers, cpus_per_tagger, gpus_per_tagger, cache_gib
    )
    if watch and (scale.are_used or jobs > 1 or resume or as_json):
        raise typer.BadParameter(
            "it runs one tagger on this machine, from the beginning each time; hint: leave out "
            f"{_beside_watch(scale, jobs=jobs, resume=resume)}",
            param_hint="--watch",
        )
    if not files and plan is None:
        name = "MAIN_OR_IMAGE" if main_or_image is None else "FILES"
        raise missing(name, hint=EXAMPLE)

    def prepare(paths: list[str]) -> None:
        _refuse_media(output, paths)
        if not resume:
            _keep_previous(output)

    if scale.are_used:
        from common_ml.cli.run_scaled import run_scaled

        run_scaled(
            main_or_image,
            files or [],
            scale=scale,
            params=merged,
            output=output,
            jobs=jobs,
            resume=resume,
            idle_timeout=idle_timeout,
            python=python,
            engine=engine,
            engine_options=engine_option or [],
            prepare=prepare,
            keep_previous=lambda: _keep_previous(output),
            verbose=verbose,
            as_json=as_json,
        )
        return

    def make_tagger(number: int = 0) -> Tagger:
        return tagger_for(
            main_or_image or "",
            params=merged,
            idle_timeout_seconds=idle_timeout or None,
            log=log_path(output, number) if has_log_beside(output) else None,
            python=python,
            engine=engine,
            engine_options=engine_option or [],
        )

    tagger = make_tagger()  # first, to report a misspelt name at once
    paths = find_media(files or [])
    _refuse_media(output, paths)
    if watch:
        from common_ml.cli.run_watch import WatchedRun

        keep_previous_log(output)
        # a failed file must not end the tagger, which would lose its loaded weights
        merged = {"continue_on_error": True, **(merged or {})}
        WatchedRun(
            make_tagger,
            paths,
            output=output,
            folder=find_target(main_or_image or "", python=python).cwd,
            before_run=lambda: _keep_previous(output, says_so=False),
            verbose=verbose,
        ).run()
        return
    earlier = ResumeState.of(output) if resume else ResumeState()
    to_do = [path for path in paths if path not in earlier.finished]
    tally = Tally.of(paths)
    if resume and output.exists():
        tally.add_earlier(whole_messages(output))
    taggers = [tagger, *(make_tagger(number) for number in range(1, min(jobs, len(to_do))))]
    if not resume:
        _keep_previous(output)
        if has_log_beside(output):
            keep_previous_log(output)
    facts = RunFacts(output, logs=[log_path(output, number) for number in range(len(taggers))])
    facts.continues = (merged or {}).get("continue_on_error") is True
    details = FailureDetails(facts.logs, folder=find_target(main_or_image or "", python=python).cwd)
    run = _Run(taggers, to_do, tally=tally, earlier=earlier, facts=facts, details=details)
    run.tag_and_report(verbose=verbose, as_json=as_json)


@dataclass
class _Run:
    """The state of a run."""

    taggers: list[Tagger]
    paths: list[str]
    tally: Tally
    earlier: ResumeState
    facts: RunFacts
    details: FailureDetails

    def tag_and_report(self, *, verbose: bool, as_json: bool) -> None:
        """Tag the files, print the results, and exit with the status of the run.

        Raises:
            typer.Exit: a file is not tagged, or a signal came.
        """
        from common_ml.cli.run_log import without_empty
        from common_ml.cli.run_report import print_run, print_run_json
        from common_ml.errors import TaggerError

        facts, tally = self.facts, self.tally
        stopped_by = 0
        try:
            if self.paths:
                stopped_by = self.tag(verbose=verbose)
        except TaggerError as error:
            facts.failure = error
        finally:
            facts.logs = without_empty(facts.logs)
            if as_json:
                print_run_json(tally, facts)
            else:
                print_run(tally, facts, self.details)
        if stopped_by:
            raise typer.Exit(128 + stopped_by)
        if facts.failure is not None or tally.num_of("failed", "not tagged"):
            raise typer.Exit(_FAILED)

    def tag(self, *, verbose: bool) -> int:
        """Tag the files; return the signal that stopped it, or 0."""
        from common_ml.cli.durations import Durations
        from common_ml.cli.progress import RunProgress
        from common_ml.cli.run_log import LogStream
        from common_ml.runtime.job import TaggingJob
        from common_ml.tagging.wire import Writer

        facts = self.facts
        facts.output.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        durations = Durations(self.paths)
        try:
            with ExitStack() as stack:
                writer = stack.enter_context(Writer(facts.output))
                stack.enter_context(durations)
                progress = stack.enter_context(RunProgress(self.tally, durations, stderr))
                if verbose:
                    stack.enter_context(LogStream(facts.logs, progress.print_line))
                job = stack.enter_context(TaggingJob(self.taggers, self.paths))
                stops = stack.enter_context(stopped_by_signals(job, progress.print_line))
                self._copy(job, writer, progress)
        finally:
            facts.elapsed_seconds = time.monotonic() - started
            self._note_facts(durations)
        if stops:
            facts.was_stopped = True  # who did it knows
            facts.warnings = [text for text in facts.warnings if _STOPPED not in text]
        return stops[0] if stops else 0

    def _note_facts(self, durations: Durations) -> None:
        """Collect durations, logs and warnings of the taggers; all have ended."""
        from common_ml.cli.run_log import append_stdout

        facts = self.facts
        tagged = [path for path in self.paths if self.tally.files[path].state == "tagged"]
        facts.media_seconds = sum(durations.of(path) or 0.0 for path in tagged)
        warnings: dict[str, None] = {}
        for tagger, log in zip(self.taggers, facts.logs, strict=True):
            if tagger.has_started:
                warnings.update(dict.fromkeys(tagger.warnings))
                facts.printed += append_stdout(tagger, log)
        facts.warnings = list(warnings)

    def _copy(self, job: TaggingJob, writer: Writer, progress: RunProgress) -> None:
        """Write the messages, except those that an earlier run has written."""
        from common_ml.tagging.messages import Error, Progress, Tag

        for message in job.messages():
            if isinstance(message, Tag) and self.earlier.has(message):
                continue
            writer.write(message)
            if isinstance(message, Progress):
                self.earlier.discard(message.source_media)
            self.tally.add(message)
            under = self.details.about(message) if isinstance(message, Error) else []
            progress.show(message, under=under)


def _beside_watch(scale: ScaleOptions, *, jobs: int, resume: bool) -> str:
    """Name the options that --watch cannot be combined with."""
    named = [*scale.names, *(["-j"] if jobs > 1 else []), *(["--resume"] if resume else [])]
    return ", ".join(named) or "--json"


def _refuse_media(output: Path, paths: list[str]) -> None:
    """Refuse an output that is one of the media files."""
    from common_ml.errors import OutputError

    for path in paths:
        if os.path.exists(path) and output.exists() and output.samefile(path):  # noqa: PTH110 - a text, not a path
            message = (
                f"the output {str(output)!r} is one of the media files; hint: name another one"
            )
            raise OutputError(message, path=output)


def _keep_previous(output: Path, *, says_so: bool = True) -> None:
    """Rename the output of an earlier run: `tags.previous.jsonl`.

    A run with errors only is deleted: it would replace one with tags.

    Raises:
        OutputError: one of the two files is not a tags file; nothing is moved.
    """
    if not output.is_file() or not output.stat().st_size:
        return
    previous = output.with_name(f"{output.stem}.previous{output.suffix}")
    for path in (output, previous):
        _refuse_other_files(path)
    if _holds_errors_only(output):
        output.unlink()
        return
    output.replace(previous)
    if says_so:
        stderr.print(Text(f"kept the earlier run as {previous}"), soft_wrap=True)


def _refuse_other_files(path: Path) -> None:
    """Raise where a run would overwrite a file that no run has written."""
    from common_ml.errors import OutputError
    from common_ml.tagging.tags_file.resume import looks_like_tags_file

    if path.is_file() and not looks_like_tags_file(path):
        raise OutputError(
            f"{str(path)!r} is not a tags file, and would be overwritten; "
            "hint: name another output",
            path=path,
        )


def _holds_errors_only(output: Path) -> bool:
    """Whether it contains errors only; False for what is not a tags file."""
    from common_ml.errors import WireError
    from common_ml.tagging.messages import Error
    from common_ml.tagging.wire import read_messages

    with read_messages(output) as messages:
        try:
            return all(isinstance(message, Error) for message in messages)
        except WireError:
            return False
