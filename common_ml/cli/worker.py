"""`common-ml worker`: process the queue of a prediction service, on any machine."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common_ml.cli.scale_options import (
    CpusPerTagger,
    GpusPerTagger,
    MaxTaggers,
    On,
)

if TYPE_CHECKING:
    from types import FrameType

    from common_ml.service.core import Core
    from common_ml.service.models.model import ModelSpec

_MAX_TAGGERS = 100
EPILOG = (
    "Example: [bold]common-ml worker my-tagger --database postgresql://db/tags "
    "--store s3://bucket/tags[/]"
)


def worker(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Models: a main.py, its folder, a command, an image; name=target."),
    ] = None,
    *,
    models_file: Annotated[
        Path | None, typer.Option("--models-file", help="models.toml with more of them.")
    ] = None,
    models: Annotated[
        str, typer.Option(help="Only these names, separated by commas; by default all.")
    ] = "",
    data: Annotated[
        Path, typer.Option(help="The data folder, as of the server; else a scratch folder.")
    ] = Path("service"),
    database: Annotated[
        str,
        typer.Option(
            envvar="COMMON_ML_DATABASE", help="postgresql://...; by default SQLite under --data."
        ),
    ] = "",
    store: Annotated[
        str,
        typer.Option(
            envvar="COMMON_ML_STORE", help="s3://... or a folder; by default under --data."
        ),
    ] = "",
    slots: Annotated[
        int | None, typer.Option(min=1, help="Taggers at once of each model; else as in the file.")
    ] = None,
    keep_idle: Annotated[
        float, typer.Option(min=0, help="Seconds without work until a tagger stops; 0 for never.")
    ] = 600,
    grace: Annotated[
        float, typer.Option(min=0, help="Grace period for open files after SIGTERM, in seconds.")
    ] = 10,
    lease: Annotated[
        float | None,
        typer.Option(
            min=1, help="Seconds of silence until its files go to another worker; by default 60."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="NAME=NUMBER, such as max_attempts=5. Repeatable.")
    ] = None,
    on: On = None,
    max_taggers: MaxTaggers = None,
    cpus_per_tagger: CpusPerTagger = 1,
    gpus_per_tagger: GpusPerTagger = 0,
    until_closed: Annotated[
        bool, typer.Option("--until-stdin-closes", hidden=True, help="Stop when stdin ends.")
    ] = False,
) -> None:
    """Tag what is queued in a prediction service.

    As many workers as one likes, on as many machines, share the queue of one
    database. SIGTERM and Ctrl-C shut it down gracefully: open files get the
    grace period, others are released; a second signal stops at once.
    """
    from dataclasses import replace

    from common_ml.errors import InvalidRequestError
    from common_ml.service.core import open_core
    from common_ml.service.limits import limits_of
    from common_ml.service.logs import log_as_json
    from common_ml.service.models.describing import spec_of
    from common_ml.service.models.offers import offers_of
    from common_ml.service.settings import Settings
    from common_ml.service.worker.worker import Worker

    wanted = [name.strip() for name in models.split(",") if name.strip()]
    offers = [
        offer
        for offer in offers_of(targets or [], models_file)
        if not wanted or offer.name in wanted
    ]
    missing = sorted(set(wanted) - {offer.name for offer in offers})
    if missing or not offers:
        what = f"no model {missing[0]!r}" if missing else "no model"
        raise InvalidRequestError(f"{what}; hint: name a tagger, or --models-file models.toml")
    if slots is not None:
        offers = [replace(offer, slots=slots) for offer in offers]
    log_as_json()
    specs = [spec_of(offer) for offer in offers]
    limits = limits_of(limit or [], lease_seconds=lease)
    settings = Settings(data, database=database, store=store, limits=limits)
    with open_core(settings, durable=False) as core:
        stop = _stop_on_signals()
        if until_closed:
            _stop_at_end_of_stdin(stop)
        if on is not None:
            pool = {
                "max_workers": max_taggers or _MAX_TAGGERS,
                "num_cpus": cpus_per_tagger,
                "num_gpus": gpus_per_tagger,
                "keep_idle_seconds": keep_idle or None,
                "grace_seconds": grace,
            }
            _run_on_ray(on, core, specs, pool, stop)
            return
        Worker(core, specs, keep_idle_seconds=keep_idle or None, grace_seconds=grace).run(stop)


def _run_on_ray(
    on: str, core: Core, specs: list[ModelSpec], pool: dict[str, Any], stop: threading.Event
) -> None:
    """Run worker actors on a cluster until stopped."""
    from common_ml.errors import InvalidRequestError
    from common_ml.runtime.ray_cluster import RayCluster
    from common_ml.service.worker.ray_workers import PoolOptions, RayWorkers

    settings = core.settings
    is_alone = on == "ray"
    if not is_alone and settings.database_url.startswith("sqlite"):
        raise InvalidRequestError(
            f"the machines of {on} cannot share SQLite; hint: --database postgresql://..., and a "
            "--store that all of them reach"
        )
    with RayCluster(on):
        RayWorkers(core, specs, PoolOptions(**pool, has_own_folders=not is_alone)).run(stop)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set():
            os._exit(128 + number)  # taggers end with their runtime
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop


def _stop_at_end_of_stdin(stop: threading.Event) -> None:
    """Stop when the server that started this worker ends, detected by end-of-file on stdin."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        stop.set()

    threading.Thread(target=wait, name="stdin", daemon=True).start()
