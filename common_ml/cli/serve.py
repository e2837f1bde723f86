"""`common-ml serve`: the prediction service, with its page and workers."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common_ml.cli.console import stderr
from common_ml.cli.scale_options import (
    CpusPerTagger,
    GpusPerTagger,
    MaxTaggers,
    On,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import uvicorn

    from common_ml.service.settings import Settings

EPILOG = "Example: common-ml serve my-tagger examples/ocr some/image:tag --data service"
PASSWORD_VARIABLE = "COMMON_ML_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Taggers: folders with a main.py, programs, commands or images; NAME=TAGGER "
            "gives a name."
        ),
    ] = None,
    *,
    models_file: Annotated[
        Path | None,
        typer.Option(help="models.toml: name, target, type, tags, slots, params, gpu."),
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Folder of the database, contents and uploads.")
    ] = Path("service"),
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 for other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8000,
    database: Annotated[
        str,
        typer.Option(
            envvar="COMMON_ML_DATABASE", help="postgresql://...; by default SQLite in --data."
        ),
    ] = "",
    store: Annotated[
        str,
        typer.Option(
            envvar="COMMON_ML_STORE",
            help="Folder or s3://bucket of contents; by default in --data.",
        ),
    ] = "",
    workers: Annotated[
        int, typer.Option(min=0, help="Workers of this machine; 0 where others do the work.")
    ] = 1,
    keep_idle: Annotated[
        float,
        typer.Option(min=0, help="Seconds after which an idle tagger is stopped; 0 for never."),
    ] = 600,
    on: On = None,
    max_taggers: MaxTaggers = None,
    cpus_per_tagger: CpusPerTagger = 1,
    gpus_per_tagger: GpusPerTagger = 0,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="NAME=NUMBER, such as max_tus_bytes=10GiB; see the guide. Repeatable."),
    ] = None,
    allow_private_webhooks: Annotated[
        bool,
        typer.Option("--allow-private-webhooks", help="Webhooks may reach private networks."),
    ] = False,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of another site's page that may send tokens; by default any."),
    ] = None,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy serves this over HTTPS: secure cookies.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve taggers: files in, tags out, over HTTP and on a page.

    Everything is kept below --data. After a stop or a crash a restart
    continues. Without a password in COMMON_ML_ADMIN_PASSWORD the
    first start prints a link that logs an administrator in, once.
    """
    from common_ml.service.limits import limits_of
    from common_ml.service.origins import origins_of
    from common_ml.service.settings import Settings

    limits = limits_of(limit or [])
    origins = origins_of(cors_origin or ["*"])
    if workers and not models and models_file is None:
        raise typer.BadParameter(
            "name a tagger or --models-file, or leave the work to others: --workers 0",
            param_hint="MODELS",
        )
    from common_ml.service.models.offers import offers_of

    if on is not None:
        # one process supervises the actors of all machines
        workers = min(workers, 1)
        pool = ["--on", on, "--cpus-per-tagger", f"{cpus_per_tagger:g}"]
        pool += ["--gpus-per-tagger", f"{gpus_per_tagger:g}"]
        pool += ["--max-taggers", str(max_taggers)] if max_taggers else []
        if on != "ray" and not database.startswith("postgres"):
            raise typer.BadParameter(
                "machines cannot share SQLite: name --database postgresql://... and a --store "
                "that all of them reach",
                param_hint="--on",
            )
    else:
        pool = []
    starting = {offer.name for offer in offers_of(models or [], models_file)} if workers else set()
    settings = Settings(
        data=data,
        database=database,
        store=store,
        limits=limits,
        allow_private_webhooks=allow_private_webhooks,
    )
    arguments = [
        *pool,
        *(part for one in limit or [] for part in ("--limit", one)),
        *_worker_arguments(settings, models or [], models_file, keep_idle=keep_idle),
    ]
    _run(
        settings,
        arguments,
        num_workers=workers,
        host=host,
        port=port,
        options={
            "cors_origins": origins,
            "secure_cookies": https,
            "starting": starting,
        },
        log_level=log_level,
    )


def _worker_arguments(
    settings: Settings, models: list[str], models_file: Path | None, *, keep_idle: float
) -> list[str]:
    arguments = ["--data", str(settings.data)]
    for option, value in (
        ("--database", settings.database),
        ("--store", settings.store),
        ("--models-file", "" if models_file is None else str(models_file)),
    ):
        arguments += [option, value] if value else []
    return [*arguments, "--keep-idle", f"{keep_idle:g}", "--", *models]


def _run(
    settings: Settings,
    arguments: list[str],
    *,
    num_workers: int,
    host: str,
    port: int,
    options: dict[str, Any],
    log_level: str,
) -> None:
    from common_ml.service.api.logins import prepare_admin
    from common_ml.service.api.server_state import Server
    from common_ml.service.core import open_core
    from common_ml.service.logs import log_as_json
    from common_ml.service.server import address_of, listen, make_server
    from common_ml.service.webhooks import WebhookSender
    from common_ml.service.worker.processes import WorkerProcesses

    level = _level(log_level)
    listener = listen(host, port)  # first, to report a port that is taken at once
    log_as_json(level=level)
    with open_core(settings) as core:
        server = Server(core, **options)
        try:
            token = prepare_admin(server, password=os.environ.get(PASSWORD_VARIABLE) or None)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=PASSWORD_VARIABLE) from error
        url = address_of(listener, host=host)
        runner = make_server(server)
        with _stopping(runner):
            _greet(url, token)  # the reader may stop the server at once
            with WebhookSender(core), WorkerProcesses(arguments, number=num_workers):
                runner.run(sockets=[listener])


@contextmanager
def _stopping(runner: uvicorn.Server) -> Iterator[None]:
    """Shut down gracefully on SIGINT and SIGTERM, also before and after uvicorn handles them.

    Uvicorn raises the signal again after its shutdown, when the workers still have to be stopped.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        runner.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _greet(url: str, token: str | None) -> None:
    """Print the URL of the page to stdout, where programs read it."""
    typer.echo(f"serving at {url}/")
    if token is not None:
        typer.echo(f"log in once, as administrator: {url}/#setup={token}")
    sys.stdout.flush()
    if "127.0.0.1" not in url and "localhost" not in url and "[::1]" not in url:
        stderr.print("others can reach this server: put HTTPS before it", style="yellow")


def _level(name: str) -> int:
    import logging

    levels = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
    levels["error"] = logging.ERROR
    if name not in levels:
        raise typer.BadParameter(
            f"expected one of {', '.join(levels)}, got {name!r}", param_hint="--log-level"
        )
    return levels[name]
