"""`common-ml predict`: tag files by a prediction service, into one tags file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from common_ml.cli.console import stderr
from common_ml.cli.options import MediaFiles, ParamPairs, Params
from common_ml.cli.run import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from common_ml.service.client import Client, FileInfo, Prediction

EPILOG = "Example: common-ml predict http://127.0.0.1:8000 films/ -m ocr -p fps=2 -o tags.jsonl"
_FAILED = 1


def predict(
    url: Annotated[str, typer.Argument(help="Address of the service.")],
    files: MediaFiles,
    *,
    model: Annotated[
        list[str], typer.Option("-m", "--model", help="A model of the service; may be repeated.")
    ],
    params: Params = None,
    pairs: ParamPairs = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="The tags file; with several models one each: tags.MODEL.jsonl."
        ),
    ] = DEFAULT_OUTPUT,
    token: Annotated[
        str | None,
        typer.Option(envvar="COMMON_ML_TOKEN", help="A bearer token or API key.", metavar="TOKEN"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the tags; 0 for any.")
    ] = 0,
    priority: Annotated[int, typer.Option(help="Higher ones are begun first.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Tag again what is tagged.")] = False,
) -> None:
    """Send files to a service, wait, and write one tags file.

    The tags file has the bytes that `common-ml run` writes for the same
    files. What the service has already is not sent, and what it has tagged
    is not tagged again: running this again continues. The exit status is 1
    if any file was not tagged.
    """
    from common_ml.cli.params_options import merge_params
    from common_ml.runtime.media_files import find_media
    from common_ml.service.client import Client

    merged = merge_params(params, pairs or [])
    paths = find_media(files)
    models = list(dict.fromkeys(model))
    with Client(url, token=token) as client, _bars() as bars:
        sent = _send(client, paths, bars)
        predictions = client.predict(
            [file.sha256 for file in sent], models, params=merged, priority=priority, force=force
        ).predictions
        waiting = bars.add_task("tagging", total=len(predictions) or 1)
        finished = client.wait(
            [prediction.id for prediction in predictions],
            timeout_seconds=timeout or None,
            on_change=lambda found: _show(bars, waiting, found, len(predictions)),
        )
        by_id: dict[str, Prediction] = {}
        try:
            for prediction in finished:
                by_id[prediction.id] = prediction
        except TimeoutError as error:
            stderr.print(Text(f"{error}; hint: run this again to continue"), soft_wrap=True)
            raise typer.Exit(_FAILED) from error
        failed = 0
        for place, name in enumerate(models):
            ids = [p.id for p in predictions[place :: len(models)]]
            target = output if len(models) == 1 else _beside(output, name)
            failed += _write(
                client, [*zip(paths, map(by_id.__getitem__, ids), strict=True)], target
            )
            stderr.print(Text(str(target)), soft_wrap=True)
    if failed:
        raise typer.Exit(_FAILED)


def _beside(output: Path, model: str) -> Path:
    return output.with_name(f"{output.stem}.{model}{output.suffix}")


def _bars() -> Bars:
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("[progress.percentage]{task.percentage:>3.0f}%"),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
        expand=True,
    )


def _send(client: Client, paths: Sequence[str], bars: Bars) -> list[FileInfo]:
    sizes = [os.stat(path).st_size for path in paths]  # noqa: PTH116 - a text, not a path
    task = bars.add_task("sending", total=sum(sizes) or 1)
    sent, before = [], 0
    for path, size in zip(paths, sizes, strict=True):

        def report(done: int, total: int, *, before: int = before) -> None:
            del total
            bars.update(task, completed=before + done)

        sent.append(client.upload(path, on_progress=report))
        before += size
    bars.remove_task(task)
    return sent


def _show(bars: Bars, task: TaskID, found: Sequence[Prediction], total: int) -> None:
    # these are the last ones: all before them are finished
    done = total - len(found)
    parts = sum(1.0 if p.is_finished else p.progress or 0.0 for p in found)
    bars.update(task, completed=max(0.0, done + parts))


def _write(client: Client, tagged: Sequence[tuple[str, Prediction]], output: Path) -> int:
    """Write one tags file, with the local file names; return the number of failures."""
    from common_ml.tagging.messages import Error
    from common_ml.tagging.wire import Writer

    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.{os.getpid()}.partial")
    failed = 0
    try:
        with Writer(beside) as writer:
            for path, prediction in tagged:
                if prediction.state != "done":
                    failed += 1
                    reason = prediction.error or prediction.state
                    writer.write(Error(reason, source_media=path))
                    text = Text.assemble(("error: ", "bold red"), f"{path}: {reason}")
                    stderr.print(text, soft_wrap=True)
                    continue
                for message in client.messages(prediction.id, source_media=path):
                    writer.write(message)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
    return failed
