"""Batch scripts of array jobs: their options, and that a shell takes them."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.scale.apptainer import ImageOptions
from common_ml.scale.slurm import SlurmOptions, slurm_script

ONE_LINE = st.text(st.sampled_from("'\"$`\\ ;&|<>()*?#~!{}\ta\u00e9/"), min_size=1, max_size=12)
"""What a shell would take otherwise."""


def test_the_array_job_names_what_was_asked_for() -> None:
    options = SlurmOptions(4, 1, "8G", "12:00:00", "gpu", 20, ("--account=vision",))
    script = slurm_script("/shared/a plan.json", 50, options, python="/opt/python")

    for line in (
        "--array=1-50%20", "--cpus-per-task=4", "--gpus-per-task=1", "--mem=8G",
        "--time=12:00:00", "--partition=gpu", "--account=vision", "--requeue",
    ):  # fmt: skip
        assert f"#SBATCH {line}\n" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_without_options_the_partition_decides() -> None:
    script = slurm_script("/shared/plan.json", 3, SlurmOptions())
    head = [line for line in script.splitlines() if line.startswith("#SBATCH ")]
    assert head == [
        "#SBATCH --job-name=common-ml",
        "#SBATCH --array=1-3",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=1",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        "#SBATCH --signal=B:TERM@60",
    ]


def test_options_stand_before_the_first_command() -> None:
    """Where sbatch stops reading them."""
    options = SlurmOptions(extra=("--account=vision", "--qos=high"))
    lines = slurm_script("/p.json", 1, options, name="films").splitlines()
    assert lines[0] == "#!/bin/bash"
    num_options = sum(line.startswith("#SBATCH") for line in lines)
    assert all(line.startswith("#SBATCH ") for line in lines[1 : num_options + 1])
    assert "#SBATCH --job-name=films" in lines
    assert lines[num_options - 1 : num_options + 1] == [
        "#SBATCH --account=vision",
        "#SBATCH --qos=high",
    ]


def words_of(script: str) -> list[str]:
    """The words of the command that tags, as a shell splits them."""
    (line,) = (line for line in script.split("\n") if line.endswith(" &"))
    return shlex.split(line)


@given(plan=ONE_LINE, python=ONE_LINE)
def test_any_path_is_one_word_of_the_command(plan: str, python: str) -> None:
    script = slurm_script(plan, 7, SlurmOptions(), python=python)
    assert words_of(script) == [
        python, "-m", "common_ml", "run", "--plan", plan, "--shard", "$SLURM_ARRAY_TASK_ID/7", "&",
    ]  # fmt: skip


@pytest.mark.parametrize("image", [None, ImageOptions("/i/t 1.sif", ["/a b", "/c"], parts="/p q")])
@pytest.mark.parametrize("plan", ["/s/plan.json", '/s/it\'s $HOME `x` "a" ; exit.json'])
def test_a_shell_takes_the_script(plan: str, image: ImageOptions | None) -> None:
    script = slurm_script(plan, 2, SlurmOptions(gpus_per_tagger=1), image=image)
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_in_an_image_the_command_has_its_folders_and_its_program() -> None:
    image = ImageOptions("/images/t.sif", ["/films", "/runs"], tagger="/elv/main.py")
    script = slurm_script("/runs/a b/p.json", 2, SlurmOptions(gpus_per_tagger=1), image=image)
    assert words_of(script) == [
        "$apptainer", "exec", "--nv", "--bind", "/films", "--bind", "/runs", "/images/t.sif",
        "python3", "-m", "common_ml", "run", "/elv/main.py", "--plan", "/runs/a b/p.json",
        "--shard", "$SLURM_ARRAY_TASK_ID/2", "&",
    ]  # fmt: skip
    assert "\ncd '/runs/a b' || exit 3\n" in script


@pytest.mark.parametrize("text", ["a\nrm -rf x", "a\n", "\n", "a\r\nb", "a\u2028b"])
@pytest.mark.parametrize("place", ["plan", "name", "partition", "memory", "time_limit", "extra"])
def test_what_has_several_lines_is_refused(place: str, text: str) -> None:
    """Also at its end: what follows on the line would be a command."""
    plan, name = ("/p.json", text) if place == "name" else ("/p.json", "")
    options: dict[str, Any] = {}
    if place == "plan":
        plan = text
    elif place == "extra":
        options["extra"] = (text,)
    elif place != "name":
        options[place] = text
    with pytest.raises(ValueError, match="a line of a batch script cannot hold '") as caught:
        slurm_script(plan, 1, SlurmOptions(**options), name=name)
    assert repr(text)[1:-1] in str(caught.value)
