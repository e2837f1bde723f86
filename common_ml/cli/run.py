"""`common-ml run`: files through a tagger, as the runtime sends them, into one tags file."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_ml.cli.console import stderr, stdout
from common_ml.cli.options import Engine, EngineOption, MainOrImage, MediaFiles, Params, Python  # noqa: TC001 - typer reads them

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from common_ml.cli.progress import RunProgress
    from common_ml.cli.tally import Tally
    from common_ml.runtime import Tagger
    from common_ml.runtime.job import Job
    from common_ml.tagging.resume import Past
    from common_ml.tagging.wire import Writer

EPILOG = "Example: [bold]common-ml run my-tagger films/ -p fps=2 -o tags.jsonl[/]"
DEFAULT_OUTPUT = Path("tags.jsonl")
_FAILED = 1


def run(  # noqa: PLR0913 - the options of a command
    main_or_image: MainOrImage,
    files: MediaFiles,
    *,
    params: Params = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            metavar="KEY=VALUE",
            help="One of the params, over those of --params; a value is JSON where it can be. The "
            "SDK's own: fps, sampling, allow_single_frame, continue_on_error, strict, crash_dir, "
            "wait_for_file_seconds, max_pixels, max_file_seconds, file_timeout_seconds.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The tags file. One that is there is kept beside it."),
    ] = DEFAULT_OUTPUT,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", min=1, help="That many taggers share the files.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run that wrote the output ended.")
    ] = False,
    idle_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that a tagger may be silent; 0 for any time.")
    ] = 600,
    python: Python = None,
    engine: Engine = None,
    engine_option: EngineOption = None,
) -> None:
    """Tag files, and tell what was found.

    The tagger is started, fed and read as the runtime does it. All its
    messages go to one tags file, with the files as they are named here.
    Ctrl-C stops it, and --resume goes on from there. The exit status is 1
    if any file was not tagged.
    """
    from common_ml.cli.media_files import find_media  # noqa: PLC0415 - heavy, as all of these
    from common_ml.cli.params_options import merge_params  # noqa: PLC0415
    from common_ml.cli.summary import print_summary  # noqa: PLC0415
    from common_ml.cli.tally import Tally  # noqa: PLC0415
    from common_ml.runtime import tagger_for  # noqa: PLC0415
    from common_ml.tagging.resume import Past, whole_messages  # noqa: PLC0415

    merged = merge_params(params, pairs or [])

    def make_tagger() -> Tagger:
        return tagger_for(
            main_or_image,
            params=merged,
            idle_timeout_seconds=idle_timeout or None,
            python=python,
            engine=engine,
            engine_options=engine_option or [],
        )

    tagger = make_tagger()  # first, since a slip of the pen is found here
    paths = find_media(files)
    _refuse_media(output, paths)
    past = Past.of(output) if resume else Past()
    to_do = [path for path in paths if path not in past.finished]
    tally = Tally.of(paths)
    if resume and output.exists():
        tally.add_earlier(whole_messages(output))
    taggers = [tagger, *(make_tagger() for _ in range(min(jobs, len(to_do)) - 1))]
    if not resume:
        _keep_previous(output)
    stopped_by = 0
    try:
        if to_do:
            stopped_by = _tag(taggers, to_do, tally=tally, past=past, output=output)
    finally:
        if tally.has_begun:  # else there is the error alone to be told
            print_summary(tally, stdout)
    if stopped_by:
        raise typer.Exit(128 + stopped_by)
    if tally.num_of("failed", "not tagged"):
        raise typer.Exit(_FAILED)


def _tag(taggers: list[Tagger], paths: list[str], *, tally: Tally, past: Past, output: Path) -> int:
    """Tag the files; the signal that stopped it, or 0."""
    from common_ml.cli.durations import Durations  # noqa: PLC0415 - heavy, as all of these
    from common_ml.cli.progress import RunProgress  # noqa: PLC0415
    from common_ml.errors import TaggerError  # noqa: PLC0415
    from common_ml.runtime.job import Job  # noqa: PLC0415
    from common_ml.tagging.wire import Writer  # noqa: PLC0415

    output.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ExitStack() as stack:
        writer = stack.enter_context(Writer(output))
        durations = stack.enter_context(Durations(paths))
        progress = stack.enter_context(RunProgress(tally, durations, stderr))
        job = stack.enter_context(Job(taggers, paths))
        stops = stack.enter_context(_stopping(job, progress))
        try:
            _copy(job, writer, tally=tally, past=past, progress=progress)
        except TaggerError as error:
            error.args = (_with_way_out(str(error), tally),)
            raise
        finally:
            elapsed = time.monotonic() - started
            media_seconds = sum(durations.of(path) or 0.0 for path in _tagged(tally, paths))
    _tell(tally, output, elapsed_seconds=elapsed, media_seconds=media_seconds)
    return stops[0] if stops else 0


def _copy(job: Job, writer: Writer, *, tally: Tally, past: Past, progress: RunProgress) -> None:
    """Write the messages, all but those that an earlier run has written."""
    from common_ml.tagging.messages import Progress, Tag  # noqa: PLC0415 - heavy

    for message in job.messages():
        if isinstance(message, Tag) and past.has(message):
            continue
        writer.write(message)
        if isinstance(message, Progress):
            past.forget(message.source_media)
        tally.add(message)
        progress.show(message)


@contextmanager
def _stopping(job: Job, progress: RunProgress) -> Iterator[list[int]]:
    """The first Ctrl-C or SIGTERM stops the taggers, the second one ends everything."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        if received:
            raise KeyboardInterrupt
        received.append(number)
        job.stop()
        progress.say("stopping: once more to stop at once")

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _refuse_media(output: Path, paths: list[str]) -> None:
    """Nobody wants a film to be moved away, and tags in its place."""
    from common_ml.errors import OutputError  # noqa: PLC0415 - with the others

    for path in paths:
        if os.path.exists(path) and output.exists() and output.samefile(path):  # noqa: PTH110 - a text, not a path
            told = f"the output {str(output)!r} is one of the files to be tagged: name another one"
            raise OutputError(told, path=output)


def _keep_previous(output: Path) -> None:
    """Move what an earlier run wrote out of the way: `tags.previous.jsonl`.

    A run that came to nothing goes: it would take the place of one that did.
    """
    if not output.is_file() or not output.stat().st_size:
        return
    if _came_to_nothing(output):
        output.unlink()
        return
    previous = output.with_name(f"{output.stem}.previous{output.suffix}")
    output.replace(previous)
    stderr.print(f"kept the earlier run as {previous}", soft_wrap=True, markup=False)


def _came_to_nothing(output: Path) -> bool:
    """Whether it holds errors only; what is no tags file at all is not ours to judge."""
    from common_ml.errors import WireError  # noqa: PLC0415 - with the others
    from common_ml.tagging.messages import Error  # noqa: PLC0415
    from common_ml.tagging.wire import read_messages  # noqa: PLC0415

    with read_messages(output) as messages:
        try:
            return all(isinstance(message, Error) for message in messages)
        except WireError:
            return False


def _tagged(tally: Tally, paths: list[str]) -> list[str]:
    return [path for path in paths if tally.files[path].outcome == "tagged"]


def _with_way_out(message: str, tally: Tally) -> str:
    """What became of the others, in the first line: a tagger's stderr stands behind it."""
    left = tally.num_of("not tagged")
    first, newline, tail = message.partition("\n")
    for error in (tally.error, *(file.error for file in tally.files.values())):
        if error:  # it stands above already
            first = first.removesuffix(f": {error}")
    if not left or len(tally.files) == 1:
        return f"{first}{newline}{tail}"
    way_out = "-p continue_on_error=true goes on after a file that fails, --resume does the rest"
    return f"{first}; {left} of {len(tally.files)} files are not tagged: {way_out}{newline}{tail}"


def _tell(tally: Tally, output: Path, *, elapsed_seconds: float, media_seconds: float) -> None:
    from common_ml.cli.texts import clock, plural  # noqa: PLC0415 - with the others

    parts = [f"{plural(tally.num_of('tagged'), 'file')} tagged"]
    for outcome in ("failed", "not tagged", "done before"):
        number = tally.num_of(outcome)
        parts += [f"{number:,} {outcome}"] if number else []
    parts.append(plural(tally.num_tags, "tag"))
    speed = f", {media_seconds / elapsed_seconds:.1f}x real time" if media_seconds else ""
    stderr.print(
        f"{', '.join(parts)} in {clock(elapsed_seconds)}{speed}: {output}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
