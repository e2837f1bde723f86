"""`common-ml scale`: plan sharded jobs, generate their scripts, show their status, merge parts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.options import (
    AsJson,
    Engine,
    MainOrImage,
    ParamPairs,
    Params,
    SdkPairs,
)
from common_ml.cli.scale_checks import (
    image_of_tasks,
    no_part_in,
    refuse_other_file,
    warn_of_unseen,
)
from common_ml.cli.stopping import cleaned_up_on_sigterm

if TYPE_CHECKING:
    from common_ml.scale.plan_file import Plan
    from common_ml.scale.status import ShardStatus

scale = typer.Typer(
    name="scale",
    no_args_is_help=True,
    help="Tag many films on many machines without an engine: plan, submit, watch, merge.",
)
PLAN_EPILOG = (
    "Example: [bold]common-ml scale plan my-tagger /films --shards 50 --parts /shared/run-7[/]"
)
_MAX_ROWS = 40
_PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan of `scale plan`.")]
_Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Where to write; by default stdout.")
]


@scale.command(epilog=PLAN_EPILOG)
def plan(
    main_or_image: MainOrImage,
    files: Annotated[list[str], typer.Argument(help="Media, as every machine finds them; URLs.")],
    *,
    num_shards: Annotated[int, typer.Option("--shards", min=1, help="Number of shares.")],
    parts: Annotated[str, typer.Option(help="Folder or URL that every machine can write to.")],
    params: Params = None,
    pairs: ParamPairs = None,
    sdk_pairs: SdkPairs = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The plan, as every machine finds it.")
    ] = Path("plan.json"),
    engine: Engine = None,
) -> None:
    """Probe films and share them out by duration.

    The plan is what all shards agree on: the tagger and its state, the
    params, the films, and where the parts go.
    """
    from common_ml.cli.params_options import merge_params
    from common_ml.cli.texts import clock, plural
    from common_ml.errors import OutputError, ParamsError
    from common_ml.parts import problem_of_parts
    from common_ml.runtime.revisions import revision_of
    from common_ml.runtime.targets import find_target
    from common_ml.scale.inputs import find_films
    from common_ml.scale.plan_file import Plan

    refuse_other_file(output, "plan")
    if problem := problem_of_parts(parts):
        raise ParamsError([f"--{problem}"])
    if "://" not in parts and Path(parts).exists() and not Path(parts).is_dir():
        raise OutputError(f"--parts is a folder or URL, got the file {parts}", path=parts)
    target = find_target(main_or_image)
    is_file = Path(main_or_image).exists()
    films = find_films(files)
    made = Plan(
        tagger=os.path.abspath(main_or_image) if is_file else main_or_image,  # noqa: PTH100 - links stay
        revision=revision_of(target, engine=engine),
        params=merge_params(params, pairs or [], sdk_pairs or []),
        parts=parts if "://" in parts else os.path.abspath(parts),  # noqa: PTH100 - the same
        num_shards=min(num_shards, len(films)),
        films=tuple(films),
    )
    made.write(output)
    total = sum(film.cost for film in films)
    largest = max(sum(film.cost for film in share) for share in made.shards)
    stderr.print(
        Text(
            f"{plural(len(films), 'film')}, {clock(total)} in {plural(made.num_shards, 'shard')}; "
            f"the longest has {clock(largest)}, {made.balance:.2f} times the best possible: "
            f"{output}"
        ),
        soft_wrap=True,
    )


@scale.command()
def slurm(
    plan_file: _PlanFile,
    *,
    output: _Output = None,
    cpus_per_tagger: Annotated[int, typer.Option(min=1, help="CPUs of a task.")] = 1,
    gpus_per_tagger: Annotated[int, typer.Option(min=0, help="GPUs of a task.")] = 0,
    memory: Annotated[str, typer.Option(help="Memory of a task, such as 8G.")] = "",
    time_limit: Annotated[str, typer.Option("--time", help="Such as 12:00:00.")] = "",
    partition: Annotated[str, typer.Option(help="The partition.")] = "",
    max_running: Annotated[int, typer.Option(min=0, help="Tasks at a time; 0 for any.")] = 0,
    sbatch: Annotated[
        list[str] | None, typer.Option(help="Another option of sbatch; may be repeated.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            help="The interpreter with common-ml, as every node finds it; by default this one, "
            "with --image python3."
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="Run in an image with Apptainer: a .sif file as every node finds it, or one of a "
            "registry (docker://...). With the tagger and common-ml."
        ),
    ] = None,
    tagger: Annotated[
        str | None,
        typer.Option(help="With --image, the tagger's program in it; by default /elv/main.py."),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            help="With --image, another folder that it sees, beside those of the films, the plan "
            "and the parts; may be repeated."
        ),
    ] = None,
) -> None:
    """Write an array job for SLURM: `sbatch` submits it.

    Each task tags one shard, with --image inside of an image. Submitting it
    again resumes the job.
    """
    from common_ml.errors import ParamsError
    from common_ml.scale.plan_file import Plan
    from common_ml.scale.slurm import SlurmOptions, slurm_script

    options = SlurmOptions(
        cpus_per_tagger,
        gpus_per_tagger,
        memory,
        time_limit,
        partition,
        max_running,
        tuple(sbatch or ()),
    )
    place = os.path.abspath(plan_file)  # noqa: PTH100 - links stay
    made = Plan.read(plan_file)
    try:
        within = image_of_tasks(made, place, image, tagger, bind or [])
        python = python or ("python3" if within else sys.executable)
        script = slurm_script(place, made.num_shards, options, python=python, image=within)
    except ValueError as error:
        raise ParamsError([str(error)]) from error
    _write(script, output, plan_file)


@scale.command()
def kubernetes(
    plan_file: _PlanFile,
    *,
    image: Annotated[str, typer.Option(help="The image of the tagger, with common-ml.")],
    output: _Output = None,
    name: Annotated[str, typer.Option(help="Name of the job.")] = "common-ml",
    namespace: Annotated[str, typer.Option(help="The namespace.")] = "",
    tagger: Annotated[str, typer.Option(help="The program of the tagger in the image.")] = (
        "main.py"
    ),
    mounted_plan: Annotated[
        str, typer.Option("--plan-path", help="The plan's path in a pod; by default as here.")
    ] = "",
    claim: Annotated[
        str, typer.Option(help="PersistentVolumeClaim with films, plan and parts.")
    ] = "",
    mount_path: Annotated[str, typer.Option(help="Where the claim is mounted.")] = "/data",
    secret: Annotated[
        list[str] | None, typer.Option(help="Secret with variables; may be repeated.")
    ] = None,
    parallelism: Annotated[int, typer.Option(min=1, help="Pods at a time.")] = 10,
    cpus_per_tagger: Annotated[float, typer.Option(min=0.1, help="CPUs of a pod.")] = 1,
    gpus_per_tagger: Annotated[int, typer.Option(min=0, help="GPUs of a pod.")] = 0,
    memory: Annotated[str, typer.Option(help="Memory of a pod.")] = "4Gi",
) -> None:
    """Write an Indexed Job for Kubernetes: `kubectl apply -f` creates it.

    Each index tags one shard. Creating it again resumes the job.
    """
    from common_ml.errors import ParamsError
    from common_ml.scale.kubernetes import KubernetesOptions, kubernetes_manifest, manifest_text
    from common_ml.scale.plan_file import Plan

    options = KubernetesOptions(
        image,
        tagger=tagger,
        name=name,
        namespace=namespace,
        parallelism=parallelism,
        cpus_per_tagger=cpus_per_tagger,
        gpus_per_tagger=gpus_per_tagger,
        memory=memory,
        volume_claim=claim,
        mount_path=mount_path,
        environment_from=tuple(secret or ()),
    )
    place = mounted_plan or os.path.abspath(plan_file)  # noqa: PTH100 - links stay
    made = Plan.read(plan_file)
    try:
        manifest = kubernetes_manifest(place, made.num_shards, options)
    except ValueError as error:
        raise ParamsError([str(error)]) from error
    _write(manifest_text(manifest), output, plan_file)
    warn_of_unseen(made, place, mount_path if claim else "")


@scale.command()
def status(plan_file: _PlanFile, *, as_json: AsJson = False) -> None:
    """Show how far each shard is, by its parts.

    The exit status is 1 while films are missing or failed.
    """
    import json
    from dataclasses import asdict

    from common_ml.scale.plan_file import Plan
    from common_ml.scale.status import status_of

    made = Plan.read(plan_file)
    statuses = status_of(made)
    if as_json:
        typer.echo(json.dumps([asdict(found) for found in statuses]))
    else:
        _print_status(made, statuses)
    if any(found.num_missing or found.num_failed for found in statuses):
        raise typer.Exit(1)


@scale.command()
def merge(
    plan_file: _PlanFile,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="The tags file.")] = Path(
        "tags.jsonl"
    ),
    partial: Annotated[
        bool, typer.Option("--partial", help="Merge although films are missing.")
    ] = False,
) -> None:
    """Merge the parts into the tags file of a plain run.

    The exit status is 1 if films failed or are missing.
    """
    from collections import Counter

    from common_ml.cli.texts import plural
    from common_ml.errors import OutputError
    from common_ml.parts import merge as merge_parts
    from common_ml.parts import open_parts
    from common_ml.scale.plan_file import Plan
    from common_ml.scale.status import states_of

    made = Plan.read(plan_file)
    found = Counter(states_of(made).values())
    if found["missing"] == len(made.films):
        raise OutputError(f"nothing to merge: {no_part_in(made)}", path=made.parts)
    if found["missing"] and not partial:
        raise OutputError(
            f"{plural(found['missing'], 'film')} of {len(made.films)} have no part yet; hint: "
            "`common-ml scale status` shows the shards, --partial merges what is there",
            path=output,
        )
    refuse_other_file(output, "tags file")
    with cleaned_up_on_sigterm():
        output.parent.mkdir(parents=True, exist_ok=True)
        merged = merge_parts(open_parts(made.parts), made.keys, output)
    pieces = [f"{plural(merged.num_parts, 'part')}, {plural(merged.num_tags, 'tag')}"]
    pieces += [f"{found['failed']} failed"] if found["failed"] else []
    pieces += [f"{len(merged.missing)} missing"] if merged.missing else []
    stderr.print(Text(f"{', '.join(pieces)}: {output}"), soft_wrap=True)
    if found["failed"] or merged.missing:
        raise typer.Exit(1)


def _write(text: str, output: Path | None, plan_file: Path) -> None:
    from common_ml.errors import OutputError
    from common_ml.utils.whole_file import write_whole

    if output is None:
        typer.echo(text, nl=False)
        return
    if output.exists() and output.samefile(plan_file):
        raise OutputError(f"{output} is the plan; hint: name another output", path=output)
    write_whole(output, text.encode())


def _print_status(plan: Plan, statuses: list[ShardStatus]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, expand=True)
    for title in ("shard", "done", "failed", "missing", "of its work"):
        table.add_column(title, justify="right")
    # incomplete ones first where there are more than fit
    shown = sorted(statuses, key=lambda found: found.is_complete)[:_MAX_ROWS]
    for found in sorted(shown, key=lambda found: found.number):
        table.add_row(
            f"{found.number}/{plan.num_shards}",
            f"{found.num_done:,}",
            Text(f"{found.num_failed:,}", style="red" if found.num_failed else ""),
            f"{found.num_missing:,}",
            f"{found.done_share:.0%}",
        )
    stdout.print(table)
    if len(statuses) > len(shown):
        stdout.print(Text(f"and {len(statuses) - len(shown)} more shards", style="dim"))
    done, failed, missing = (
        sum(getattr(found, f"num_{state}") for found in statuses)
        for state in ("done", "failed", "missing")
    )
    if not done + failed:
        stderr.print(Text(no_part_in(plan)), soft_wrap=True)
    stdout.print(Text(f"{done:,} of {done + failed + missing:,} films done, {failed:,} failed"))
