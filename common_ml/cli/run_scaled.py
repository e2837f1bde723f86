"""`common-ml run` with parts: on a cluster, or one shard of a job."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common_ml.cli.console import print_error, stderr
from common_ml.cli.durations import Durations
from common_ml.cli.output_lock import output_lock
from common_ml.cli.scale_checks import refuse_folder
from common_ml.cli.stopping import cleaned_up_on_sigterm, stopped_by_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common_ml.cli.progress import RunProgress
    from common_ml.cli.scale_options import ScaleOptions
    from common_ml.cli.tally import Tally
    from common_ml.parts import PartKey, PartsStore
    from common_ml.scale.film_worker import WorkSpec
    from common_ml.scale.plan import Film
    from common_ml.scale.pool import FilmResult, Outcome

_FAILED = 1
CANNOT_TAG = 3
"""Exit status of a shard that this machine cannot tag: another one may."""
_PROBE_SECONDS = 20.0


@dataclass
class ScaledRun:
    """The state of a run with parts."""

    spec: WorkSpec
    films: list[Film]
    """All films, in the order of the output."""
    mine: list[Film]
    """The films of this shard; all films without shards."""
    scale: ScaleOptions
    jobs: int
    output: Path | None
    """The merged tags file; None for a shard."""
    keeps_parts: bool
    """Whether the parts are kept after a complete merge."""
    logs: list[Path] = field(default_factory=list)
    """A log per local tagger, or one for a cluster; empty if no logs are kept."""
    verbose: bool = False
    warnings: dict[str, None] = field(default_factory=dict)
    outcomes: set[Outcome] = field(default_factory=set)
    """The distinct outcomes of films in this run."""

    def __post_init__(self) -> None:
        from common_ml.cli.run_failures import FailureDetails

        self.details = FailureDetails(self.logs, folder=self.spec.target.cwd)

    def run(self, *, as_json: bool = False) -> None:
        """Tag, merge, print the tables, and exit with the status of the run.

        Raises:
            typer.Exit: a file is not tagged, or a signal came.
        """
        from common_ml.cli.tally import Tally
        from common_ml.parts import open_parts

        parts = open_parts(self.spec.parts)
        names = [film.name for film in self.mine]
        keys = [self.spec.key_of(film) for film in self.mine]
        before = {key.file for key, state in parts.states(keys).items() if state == "done"}
        started = time.monotonic()
        stopped_by = 0
        tally = Tally.of(names)
        is_empty = False
        try:
            stopped_by = self._tag(before)
        except BaseException:
            # no cluster, no capacity or no tagger: nothing to merge, so remove what was created
            is_empty = set(parts.states(keys).values()) == {"missing"}
            raise
        finally:
            if not is_empty:
                self._report(
                    parts,
                    keys,
                    tally,
                    elapsed_seconds=time.monotonic() - started,
                    before=before,
                    as_json=as_json,
                    was_stopped=stopped_by > 0,
                )
            if is_empty or not self.keeps_parts:
                _remove_empty(Path(self.spec.parts))
        if stopped_by:
            raise typer.Exit(128 + stopped_by)
        if tally.num_of("failed", "not tagged"):
            # a tagger that died on every film points to the machine, not the films
            is_shard_lost = self.output is None and self.outcomes == {"died"}
            raise typer.Exit(CANNOT_TAG if is_shard_lost else _FAILED)
        if self.output is not None and not self.keeps_parts:
            shutil.rmtree(self.spec.parts, ignore_errors=True)

    def _report(
        self,
        parts: PartsStore,
        keys: list[PartKey],
        tally: Tally,
        *,
        elapsed_seconds: float,
        before: set[str],
        as_json: bool,
        was_stopped: bool,
    ) -> None:
        """Merge the existing parts, and print the tables."""
        if self.output is not None:
            self._merge(keys, tally)
        else:
            for key in keys:
                _count(parts, key, tally)
        for name in before:
            tally.files[name].state = "done before"
        self._print(
            tally,
            elapsed_seconds=elapsed_seconds,
            before=before,
            as_json=as_json,
            was_stopped=was_stopped,
        )

    def _tag(self, before: set[str]) -> int:
        """Tag the films without a part; return the signal that stopped it, or 0."""
        from common_ml.cli.progress import RunProgress
        from common_ml.cli.tally import Tally
        from common_ml.scale.job import ScaleJob

        to_do = [film for film in self.mine if film.name not in before]
        if not to_do:
            return 0
        live = Tally.of([film.name for film in self.mine])
        for name in before:
            live.files[name].state = "done before"
        from common_ml.cli.run_log import LogStream

        costs = KnownDurations({film.name: film.cost for film in self.mine})
        is_local = self.scale.on in (None, "local")
        with ExitStack() as stack:
            progress = stack.enter_context(RunProgress(live, costs, stderr))
            if self.verbose:
                stack.enter_context(LogStream(self.logs, progress.print_line))
            job = ScaleJob(
                self.spec,
                to_do,
                on=self.scale.on or "local",
                max_taggers=self.jobs if is_local else self.scale.max_taggers,
                num_cpus=self.scale.cpus_per_tagger,
                num_gpus=self.scale.gpus_per_tagger,
                on_move=lambda name, seconds: _move(live, progress, name, seconds),
                on_warning=lambda text: self.warnings.update({text: None}),
                on_log=self._append_log,
                log_of=self.logs.__getitem__ if self.logs else None,
            )
            # before the job: a cluster takes seconds to start, and an interrupted Ray may abort
            stops = stack.enter_context(stopped_by_signals(job, progress.print_line))
            stack.enter_context(job)
            for result in job.results():
                self._show(result, live, progress)
        return stops[0] if stops else 0

    def _append_log(self, text: str) -> None:
        """Append the stderr of a tagger of another machine to the log."""
        for log in self.logs[:1]:
            with log.open("a", encoding="utf-8") as file:
                file.write(text if text.endswith("\n") else f"{text}\n")

    def _show(self, result: FilmResult, live: Tally, progress: RunProgress) -> None:
        """Count the outcome of a film, and show it."""
        from common_ml.tagging.messages import Error, Progress

        live.num_tags += result.num_tags
        self.outcomes.add(result.outcome)
        name = result.film.name
        message = Error(result.error, name) if result.error else Progress(name)
        live.add(message)
        under = self.details.about(message) if isinstance(message, Error) else []
        progress.show(message, under=under)

    def _merge(self, keys: list[PartKey], tally: Any) -> None:
        from common_ml.parts import merge, open_parts

        if self.output is not None:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            merge(open_parts(self.spec.parts), keys, self.output, on_message=tally.add)

    def _print(
        self,
        tally: Tally,
        *,
        elapsed_seconds: float,
        before: set[str],
        as_json: bool,
        was_stopped: bool,
    ) -> None:
        from common_ml.cli.run_log import without_empty
        from common_ml.cli.run_report import RunFacts, print_run, print_run_json
        from common_ml.scale.plan import PICTURE_SECONDS

        media_seconds = sum(
            film.cost
            for film in self.mine
            if film.name not in before
            and film.cost > PICTURE_SECONDS
            and tally.files[film.name].state == "tagged"
        )
        place = self.output if self.output is not None else Path(self.spec.parts)
        facts = RunFacts(place, elapsed_seconds, media_seconds, list(self.warnings))
        facts.logs = without_empty(self.logs)
        facts.was_stopped = was_stopped
        if as_json:
            print_run_json(tally, facts)
        else:
            print_run(tally, facts, self.details)


def _remove_empty(parts: Path) -> None:
    """Remove an empty folder of parts: nothing could be tagged."""
    with suppress(OSError):  # it is a URL, or another process is writing a part
        found = list(parts.iterdir())
        if all(path.is_dir() for path in found):
            for folder in (*found, parts):
                folder.rmdir()


class KnownDurations(Durations):
    """`Durations` of a plan, which are known without probing."""

    def __init__(self, seconds: dict[str, float]) -> None:
        super().__init__(seconds)
        self._seconds = seconds


def _move(live: Any, progress: RunProgress, name: str, seconds: float) -> None:
    """Show the progress of a film."""
    from common_ml.tagging.messages import ProgressRatio

    file = live.files[name]
    if file.state == "not tagged":
        file.last_ms = round(seconds * 1000)
        progress.show(ProgressRatio(0.0))


def _count(parts: Any, key: PartKey, tally: Any) -> None:
    try:
        for message in parts.read(key):
            tally.add(message)
    except FileNotFoundError:
        return


def default_parts(output: Path) -> Path:
    """Return the folder of parts beside an output: `tags.parts`."""
    return output.with_name(f"{output.stem}.parts")


def run_scaled(
    main_or_image: str | None,
    files: list[str],
    *,
    scale: ScaleOptions,
    params: dict[str, Any] | None,
    output: Path,
    jobs: int,
    resume: bool,
    idle_timeout: float,
    python: str | None,
    engine: str | None,
    engine_options: list[str],
    prepare: Callable[[list[str]], None],
    keep_previous: Callable[[], None],
    verbose: bool,
    as_json: bool,
) -> None:
    """Tag files into parts, and merge them unless they are a shard.

    `prepare` is called with the names of the films before anything is written, and `keep_previous`
    where the output of an earlier run cannot be continued.

    Raises:
        typer.Exit: a file is not tagged, a machine cannot tag its shard, or a signal came.
    """
    from common_ml.cli.earlier_parts import take_over
    from common_ml.runtime.revisions import revision_of
    from common_ml.runtime.targets import find_target
    from common_ml.scale.film_worker import WorkSpec
    from common_ml.scale.inputs import find_films
    from common_ml.scale.plan import shard
    from common_ml.scale.plan_file import Plan

    share = scale.share
    refuse_folder(output)
    with cleaned_up_on_sigterm(), ExitStack() as stack:
        if share is not None:
            stack.enter_context(_faults_of_the_machine())
        plan = Plan.read(scale.plan) if scale.plan is not None else None
        if plan is not None:
            scale.check_beside_plan(plan.num_shards, files=files, params=params)
        tagger = main_or_image if main_or_image or plan is None else plan.tagger
        target = find_target(tagger or "", python=python)
        given = scale.parts or (plan.parts if plan is not None else None)
        spec = WorkSpec(
            target,
            parts=_place_of_parts(given, output, resume=resume),
            revision=plan.revision if plan is not None else revision_of(target, engine=engine),
            params=params if plan is None else plan.params,
            idle_timeout_seconds=idle_timeout or None,
            engine=engine,
            engine_options=tuple(engine_options),
            cache_bytes=round(scale.cache_gib * (1 << 30)),
        )
        # all machines must find the same costs, however long it takes: else shards would overlap
        probe_seconds = _PROBE_SECONDS if share is None else None
        films = list(plan.films) if plan is not None else find_films(files, probe_seconds)
        if share is None:
            stack.enter_context(output_lock(output))
            prepare([film.name for film in films])
        logs = _logs(output, scale, num_taggers=min(jobs, len(films)), keeps=resume)
        if resume and share is None:
            take_over(output, spec, films, keep_previous)
        ScaledRun(
            spec,
            films,
            films if share is None else shard(films, *share),
            scale,
            jobs,
            output if share is None else None,
            keeps_parts=given is not None,
            logs=logs,
            verbose=verbose,
        ).run(as_json=as_json)


@contextmanager
def _faults_of_the_machine() -> Iterator[None]:
    """Exit with another status if a machine cannot tag its shard than if films failed."""
    from common_ml.errors import CommonMLError, ParamsError, describe_error

    try:
        yield
    except ParamsError as error:
        print_error(describe_error(error))
        raise typer.Exit(CANNOT_TAG) from error
    except CommonMLError as error:
        print_error(str(error))
        raise typer.Exit(CANNOT_TAG) from error
    except OSError as error:
        print_error(f"{error.strerror}: {error.filename!r}" if error.filename else str(error))
        raise typer.Exit(CANNOT_TAG) from error


def _place_of_parts(given: str | None, output: Path, *, resume: bool) -> str:
    """Return the address of the parts, by default a folder beside the output."""
    from common_ml.errors import OutputError

    beside = default_parts(output)
    if given is None and not resume and beside.is_dir() and any(beside.glob("*.jsonl")):
        raise OutputError(
            f"{beside} holds parts of an earlier run; hint: --resume continues it, or delete it",
            path=beside,
        )
    if given is not None and "://" in given:
        return given
    return os.path.abspath(given or beside)  # noqa: PTH100 - links stay


def _logs(output: Path, scale: ScaleOptions, *, num_taggers: int, keeps: bool) -> list[Path]:
    """Return where logs are kept: beside the output, under another name for a shard.

    Those of an earlier run are moved out of the way, unless it `keeps` them.
    """
    from common_ml.cli.run_log import has_log_beside, keep_previous_log, log_path

    if scale.share is not None:
        number, total = scale.share
        output = output.with_name(f"{output.stem}.shard-{number}-of-{total}{output.suffix}")
    if not has_log_beside(output):
        return []
    output.parent.mkdir(parents=True, exist_ok=True)
    if not keeps:
        keep_previous_log(output)
    is_local = scale.on in (None, "local")
    return [log_path(output, number) for number in range(max(num_taggers, 1) if is_local else 1)]
