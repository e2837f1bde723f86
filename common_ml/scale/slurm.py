"""Generate the SLURM batch script of a sharded job: an array job."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.scale.apptainer import exec_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.scale.apptainer import ImageOptions


@dataclass(frozen=True)
class SlurmOptions:
    """Resources of a task of the array."""

    cpus_per_tagger: int = 1
    gpus_per_tagger: int = 0
    memory: str = ""
    """Such as `8G`; "" for the default of the partition."""
    time_limit: str = ""
    """Such as `12:00:00`; "" for the default of the partition."""
    partition: str = ""
    max_running: int = 0
    """Maximum concurrent tasks; 0 for no limit."""
    extra: Sequence[str] = ()
    """Additional options of sbatch, such as `--account=vision`."""


def slurm_script(
    plan: str,
    num_shards: int,
    options: SlurmOptions,
    *,
    python: str = "python3",
    name: str = "",
    image: ImageOptions | None = None,
) -> str:
    """Return the text of a batch script.

    A task tags one shard; one whose node fails is requeued, and skips what has a part. Submitting
    the script again resumes the job. A task of the array does not end with an error because a film
    failed: `common-ml scale status` names those.

    Args:
        plan: Path of the plan, as every node finds it.
        num_shards: Tasks of the array.
        options: Resources of a task.
        python: The interpreter with common-ml, as every node finds it, or as it is in the image.
        name: Of the job.
        image: The image of the tasks; None to run on the nodes directly.

    Raises:
        ValueError: an option or the path of the plan has several lines.
    """
    running = f"%{options.max_running}" if options.max_running else ""
    head = [f"--job-name={name or 'common-ml'}", f"--array=1-{num_shards}{running}"]
    head += ["--ntasks=1", f"--cpus-per-task={options.cpus_per_tagger}"]
    head += [f"--gpus-per-task={options.gpus_per_tagger}"] if options.gpus_per_tagger else []
    head += [f"--mem={options.memory}"] if options.memory else []
    head += [f"--time={options.time_limit}"] if options.time_limit else []
    head += [f"--partition={options.partition}"] if options.partition else []
    head += ["--requeue", "--open-mode=append", "--signal=B:TERM@60", *options.extra]
    for text in (*head, plan):
        if len(f"{text}.".splitlines()) > 1:  # a line feed at the end, too
            raise ValueError(f"a line of a batch script cannot hold {text!r}")
    lines = "\n".join(f"#SBATCH {option}" for option in head)
    quoted = shlex.quote(plan)
    interpreter, before, tagger = shlex.quote(python), "", ""
    if image is not None:
        before, inside = exec_lines(image, needs_gpu=options.gpus_per_tagger > 0)
        # the log is written to the current folder, which must be bound
        before += f"cd {shlex.quote(os.path.dirname(plan))} || exit 3\n"  # noqa: PTH120
        interpreter = f"{inside} {interpreter}"
        tagger = f" {shlex.quote(image.tagger)}"
    return f"""#!/bin/bash
{lines}
# Shards of {plan}. Submit it again to resume: films that have a part are skipped.
set -u
{before}if ! {interpreter} -c "import common_ml.cli.app"; then
  echo "no common-ml with its command line on $(hostname); hint: common-ml[cli]" >&2
  exit 3
fi
{interpreter} -m common_ml run{tagger} --plan {quoted} --shard "$SLURM_ARRAY_TASK_ID/{num_shards}" &
tagging=$!
trap 'kill -TERM $tagging' TERM
wait $tagging
status=$?
[ $status -gt 128 ] && {{ wait $tagging; status=$?; }} # its own end, after the signal
# 1: a film failed, which another attempt does not change; anything else is the node's fault
[ $status -le 1 ]
"""
