"""Array jobs inside an image: the generated script with a stand-in for Apptainer, and the guide."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import common_ml
from tests.scale.made_plan import plan_of
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

REPOSITORY = Path(__file__).resolve().parents[2]
APPTAINER = f"""#!{sys.executable}
import json, os, sys

def fail(text):
    print("FATAL:", text, file=sys.stderr)
    sys.exit(255)

verb, *words = sys.argv[1:]
bound, has_gpu = [], False
while words and words[0].startswith("--"):
    option = words.pop(0)
    if option == "--nv":
        has_gpu = True
    elif option == "--bind":
        bound.append(words.pop(0))
    else:
        fail(f"unknown flag {{option}}")
image, *command = words
if verb != "exec":
    fail(f"unknown command {{verb}}")
if not os.path.isfile(image):
    fail(f"could not open image {{image}}")
for folder in bound:
    if not os.path.isdir(folder):
        fail(f"mount source {{folder}} doesn't exist")

def is_seen(path):
    return any(path == folder or path.startswith(folder + "/") for folder in bound)

if command[0] == "bare-python":
    os.execvp("bare-python", command)
if command[1] == "-c":
    os.execv({sys.executable!r}, [{sys.executable!r}, *command[1:]])
plan = command[command.index("--plan") + 1]
document = json.load(open(plan))
for path in (plan, document["parts"], os.getcwd(), *(film["path"] for film in document["films"])):
    if not is_seen(path):
        fail(f"{{path}} is not in the image")
for name in ("PYTHONPATH", "PYTHONHOME"):
    if name in os.environ:
        fail(f"{{name}} of the host is in the image")
if command[0] != "python3":
    fail(f"no such program: {{command[0]}}")
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps({{"image": image, "gpu": has_gpu, "command": command}}) + "\\n")
os.execv({sys.executable!r}, [{sys.executable!r}, *command[1:]])
"""
"""As strict as Apptainer about what is bound; the command runs here, with this Python."""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with films, a tagger that no node finds, a plan of two shards, and an image."""
    films_in(tmp_path / "films", 4, step=1)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "apptainer").write_text(APPTAINER)
    (tmp_path / "bin" / "apptainer").chmod(0o755)
    (tmp_path / "a plan").mkdir()
    (tmp_path / "my tagger.sif").touch()
    done = common_ml(
        *("scale", "plan", "tagger", "films", "--shards", "2"),
        *("--parts", "a run/parts", "-o", "a plan/plan.json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=tmp_path)
    (tmp_path / "tagger").rename(tmp_path / "image")
    return tmp_path


def write_script(job: Path, *options: str) -> str:
    """Write the array job for the image; return its text."""
    done = common_ml(
        *("scale", "slurm", "a plan/plan.json", "--image", "my tagger.sif", "-o", "job.sh"),
        *("--tagger", str(job / "image" / "main.py"), *options),
        cwd=job,
        columns=1000,
    )
    assert done.returncode == 0, done.stderr
    return (job / "job.sh").read_text()


def run_task(
    job: Path, number: int, *, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one task of the array job, as SLURM would on a node."""
    return subprocess.run(
        ["/bin/bash", str(job / "job.sh")],
        env={
            "SLURM_ARRAY_TASK_ID": str(number),
            "PATH": path or f"{job / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": "/home/me/of/another/python",
            "CALLS": str(job / "calls"),
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,  # compared by the tests
    )


def test_the_tasks_run_inside_the_image(job: Path) -> None:
    """They see what they need, and write the bytes of a plain run."""
    write_script(job, "--gpus-per-tagger", "1")
    for number in (1, 2):
        done = run_task(job, number)
        assert done.returncode == 0, done.stderr

    calls = [json.loads(line) for line in (job / "calls").read_text().splitlines()]
    assert [call["image"] for call in calls] == [str(job / "my tagger.sif")] * 2
    assert [call["gpu"] for call in calls] == [True, True]
    assert [call["command"][-1] for call in calls] == ["1/2", "2/2"]
    merged = common_ml("scale", "merge", "a plan/plan.json", cwd=job)
    assert "4 parts" in merged.stderr
    assert (job / "tags.jsonl").read_bytes() == (job / "plain.jsonl").read_bytes()


def test_without_gpus_none_are_asked_for(job: Path) -> None:
    assert "--nv" not in write_script(job)


def test_a_node_that_cannot_start_the_image_fails_its_task(job: Path) -> None:
    """No Apptainer, or no such image: SLURM shall show it as failed."""
    write_script(job)
    (job / "bin" / "tools").mkdir()
    for name in ("hostname", "mkdir"):
        (job / "bin" / "tools" / name).symlink_to(f"/bin/{name}")
    done = run_task(job, 1, path=str(job / "bin" / "tools"))
    assert done.returncode == 3
    assert "neither apptainer nor singularity on " in done.stderr
    (job / "my tagger.sif").unlink()
    done = run_task(job, 1)
    assert done.returncode == 3
    assert "could not open image" in done.stderr


def test_an_interpreter_without_common_ml_fails_its_task(job: Path) -> None:
    """Python's own status for that is the one of films that failed."""
    bare = job / "bin" / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    for options in ([], ["--image", "my tagger.sif"]):
        plan = ["scale", "slurm", "a plan/plan.json", "-o", "job.sh", "--python", "bare-python"]
        assert common_ml(*plan, *options, cwd=job).returncode == 0
        done = run_task(job, 1)
        assert done.returncode == 3
        assert "No module named 'common_ml'" in done.stderr
        assert "no common-ml with its command line on " in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--tagger", "main.py"], "--tagger and --bind are about an image; hint: name it with"),
        (["--bind", "/w"], "--tagger and --bind are about an image; hint: name it with --image"),
        (["--image", "localhost/t"], "no node finds the image localhost/t of this machine; hint: "),
        (
            ["--image", "t.sif", "--tagger", "main.py"],
            "--tagger is an absolute path in the image, ",
        ),
        (["--image", "t.sif", "--bind", "/a:b"], "the folder '/a:b' cannot be bound into an image"),
        (["--image", "t.sif", "--bind", "/"], "the folder '/' cannot be bound into an image; hint"),
    ],
)
def test_options_that_make_no_sense_are_named(
    tmp_path: Path, options: list[str], expected: str
) -> None:
    plan_of(["/films/a.mp4"]).write(tmp_path / "plan.json")
    done = common_ml("scale", "slurm", "plan.json", *options, cwd=tmp_path, columns=1000)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: ParamsError: {expected}")


def blocks(language: str) -> list[str]:
    """The blocks of a language in the section about the image."""
    text = (REPOSITORY / "docs" / "scale.md").read_text()
    section = text.partition("## An image for the cluster\n")[2].partition("\n## ")[0]
    found = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found
    return found


def test_the_containerfile_of_the_guide_installs_the_command_line(tmp_path: Path) -> None:
    """Its shell runs, with a stand-in for Python; `cli` is an extra of this package."""
    (text,) = blocks("dockerfile")
    instructions = [line.split(" ", 1) for line in text.replace("\\\n", "").splitlines()]
    assert [name for name, _ in instructions] == ["ARG", "FROM", "COPY", "RUN"]
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "common_ml-1.0-py3-none-any.whl").touch()
    command = instructions[-1][1].replace(
        instructions[2][1].split()[1][:-1], str(tmp_path / "wheels")
    )
    calls = with_stand_ins(tmp_path, command, "python3")
    ((_, *arguments),) = calls
    wheel = tmp_path / "wheels" / "common_ml-1.0-py3-none-any.whl[cli]"
    assert arguments == ["-m", "pip", "install", "--no-cache-dir", str(wheel)]
    assert not (tmp_path / "wheels").exists()
    assert re.search(r"^cli = \[", (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    template = (REPOSITORY / "Containerfile.template").read_text()
    assert "\nWORKDIR /elv\n" in template
    assert '"/elv/main.py"]' in template  # what --tagger is by default


def test_the_commands_of_the_guide_fit_together(tmp_path: Path) -> None:
    """Each takes what the one before has made; those of common-ml work as they stand."""
    plan_of(["/data/films/a.mp4"]).write(tmp_path / "plan.json")
    text = "".join(blocks("sh")).replace("/data/plan", "./plan").replace("/shared/plan", "./plan")
    calls = with_stand_ins(tmp_path, f"set -e\n{text}", "podman", "apptainer", "common-ml")

    podman = [call[1:] for call in calls if call[0] == "podman"]
    assert [call[0] for call in podman] == ["build", "build", "push", "save"]
    (_, _, tagger, _), (_, _, cluster, _, file, _), (_, pushed, remote), save = podman
    assert f"localhost/{tagger}\n" in blocks("dockerfile")[0]
    assert f"`{file}`" in (REPOSITORY / "docs" / "scale.md").read_text()
    assert pushed == cluster == save[-1]
    ((_, _, sif, archive),) = (call for call in calls if call[0] == "apptainer")
    assert archive == f"docker-archive:{save[save.index('-o') + 1]}"
    kubernetes, slurm = (call[1:] for call in calls if call[0] == "common-ml")
    assert kubernetes[kubernetes.index("--image") + 1] == remote
    assert slurm[slurm.index("--image") + 1] == sif
    for arguments in (kubernetes, slurm):
        done = common_ml(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    manifest: dict[str, Any] = json.loads((tmp_path / "job.json").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["image"] == remote
    assert (
        f" {shlex.quote(sif)} python3 -m common_ml run /elv/main.py --plan "
        in (tmp_path / "job.sh").read_text()
    )


def with_stand_ins(folder: Path, script: str, *programs: str) -> list[list[str]]:
    """Run a script of a shell; return how it called programs, which do nothing."""
    tools = folder / "tools"
    tools.mkdir()
    record = tools / "calls"
    for name in programs:
        (tools / name).write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"line = json.dumps([{name!r}, *sys.argv[1:]])\n"
            f"open({str(record)!r}, 'a').write(line + '\\n')\n"
        )
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in record.read_text().splitlines()]
