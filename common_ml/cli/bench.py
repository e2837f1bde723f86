"""`common-ml bench`: profile a tagger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.options import AsJson, MediaFiles, ParamPairs, Params, Python, SdkPairs
from common_ml.cli.texts import clock, plural, printable

if TYPE_CHECKING:
    from common_ml.runtime.bench import Measurement

EPILOG = "Example: [bold]common-ml bench my-tagger films/ -p fps=2[/]"
_BAR_WIDTH = 24
"""Maximum width of a bar, so that the longest line fits 80 columns."""
_MEANINGS = {
    "decode": "frames, pictures and sound",
    "model": "in the model",
    "write": "writing messages",
    "idle": "without a file to tag",
    "other": "checking, gathering tags",
}


def bench(
    main: Annotated[
        str,
        typer.Argument(help="A main.py, a folder with one, or a command; uses common-ml."),
    ],
    files: MediaFiles,
    *,
    params: Params = None,
    pairs: ParamPairs = None,
    sdk_pairs: SdkPairs = None,
    idle_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that the tagger may be silent; 0 for any time.")
    ] = 600,
    python: Python = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Write a page with the stages along the time.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a tagger once over files, and show where its time goes.

    It gets all files at once and profiles itself; its behaviour does not
    change, and its tags are discarded. The figures hold for this machine
    and these files.
    """
    from common_ml.cli.params_options import merge_params
    from common_ml.runtime.advice import advice
    from common_ml.runtime.bench import measure
    from common_ml.runtime.media_files import find_media
    from common_ml.runtime.targets import find_target

    find_target(main, python=python)  # first, to report a misspelt name at once
    merged = merge_params(params, pairs or [], sdk_pairs or [])
    paths = find_media(files)
    with stderr.status(Text(f"tagging {plural(len(paths), 'file')} with {printable(main)}")):
        measured = measure(
            main,
            paths,
            params=merged,
            idle_timeout_seconds=idle_timeout or None,
            python=python,
        )
    hints = advice(measured)
    if page is not None:
        from common_ml.report.plots import write_bench_plots

        write_bench_plots(page, measured.to_json(), advice=hints)
        stderr.print(Text(f"page: {page}"), soft_wrap=True)
    if as_json:
        import orjson

        document = {**measured.to_json(), "advice": hints}
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
        stdout.print(Text(text), soft_wrap=True)
        return
    _print(measured)
    for sentence in hints:
        stdout.print(Text("→ ", style="bold").append(sentence))


def _print(measured: Measurement) -> None:
    size = f", {measured.batch_size} frames a call" if measured.batch_size else ""
    kind = f" ({measured.kind}{size})" if measured.kind else ""
    stdout.print(Text(f"{printable(measured.model)}{kind}", style="bold"))
    stages = Table(box=None, pad_edge=False, show_header=False)
    stages.add_column(no_wrap=True)
    stages.add_column(justify="right", no_wrap=True)
    stages.add_column(justify="right", no_wrap=True)
    stages.add_column(no_wrap=True)
    stages.add_column(style="dim", overflow="fold")
    for stage, seconds in measured.stages.items():
        share = measured.share(stage)
        bar = Text("█" * round(share * _BAR_WIDTH), style="cyan")
        stages.add_row(stage, f"{seconds:.2f} s", f"{share:.0%}", bar, _MEANINGS[stage])
    stdout.print(stages)
    figures = Table(box=None, pad_edge=False, show_header=False)
    figures.add_column(no_wrap=True)
    figures.add_column(overflow="fold")
    for name, text in _figures(measured).items():
        figures.add_row(name, text)
    stdout.print()
    stdout.print(figures)
    stdout.print()


def _figures(measured: Measurement) -> dict[str, str]:
    """Return the figures below the stages, by name."""
    done = plural(measured.num_files, "file") + f", {plural(measured.num_tags, 'tag')}"
    if measured.num_failed:
        done += f", {measured.num_failed:,} failed"
    figures = {"tagged": done}
    if measured.times_real_time is not None:
        media = f"{measured.times_real_time:.1f} times real time ({clock(measured.media_seconds)})"
        figures["speed"] = media
    if measured.frames_per_second is not None:
        a_call = measured.frames_per_call
        calls = "" if a_call is None or a_call == 1 else f", {a_call:.1f} a call"
        frames = f"{measured.frames_per_second:.1f} a second ({measured.num_frames:,}{calls})"
        figures["frames"] = frames
    figures["time"] = (
        f"{measured.total_seconds:.2f} s: {measured.loading_seconds:.2f} to start, "
        f"{measured.tagging_seconds:.2f} to tag"
    )
    figures["CPUs"] = f"{measured.busy_cpus:.1f} of {measured.num_cpus} at work"
    figures["memory"] = f"{_megabytes(measured.peak_memory_bytes)} at most"
    for device, peak in measured.gpu_peak_bytes.items():
        figures[f"memory of {device}"] = f"{_megabytes(peak)} at most"
    return figures


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"
