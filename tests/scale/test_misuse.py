"""What cannot work ends in one line, and leaves nothing behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli.output_lock import output_lock
from common_ml.cli.run_scaled import CANNOT_TAG
from common_ml.errors import TaggerError
from tests.cli.running import common_ml
from tests.python_program import run_python
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    films_in(tmp_path / "films", 3)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    return tmp_path


def error_of(folder: Path, *arguments: str) -> str:
    """Run, expect an error of one line and no new file; return the line."""
    return refusal_of(folder, "run", "tagger", "films", "-o", "tags.jsonl", *arguments)


def refusal_of(folder: Path, *arguments: str, status: int = 1) -> str:
    """The same for any command."""
    before = names_in(folder)
    done = common_ml(*arguments, cwd=folder, columns=1000)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert names_in(folder) == before
    return line


def names_in(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_two_runs_into_one_output_are_refused(folder: Path) -> None:
    """The second would merge what is not complete, or remove the parts of the first."""
    with output_lock(folder / "tags.jsonl"):
        line = error_of(folder, "--parts", "parts")
    assert line == (
        "error: another run is writing tags.jsonl; hint: wait for its end, or choose another "
        "output with -o"
    )
    done = common_ml(
        "run", "tagger", "films", "-o", "tags.jsonl", "--parts", "parts", cwd=folder, columns=1000
    )
    assert "3 files" in done.stderr
    assert not (folder / ".tags.jsonl.lock").exists()


@pytest.mark.cluster
@pytest.mark.parametrize("address", ["ray:127.0.0.1:1", "ray://127.0.0.1:1", "ray://auto"])
def test_no_cluster_at_an_address(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor at the one that this machine belonged to."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    line = error_of(folder, "--on", address, "--parts", "parts")
    assert line.startswith(f"error: no Ray cluster at {address}: Connection refused; hint: ray:")


@pytest.mark.cluster
def test_no_machine_has_so_many_gpus(folder: Path) -> None:
    pytest.importorskip("ray")
    line = error_of(folder, "--on", "ray", "--gpus-per-tagger", "1000")
    assert line.startswith("error: no machine of the cluster has 1 CPU and 1000 GPU for a tagger, ")
    assert line.endswith("; hint: smaller --cpus-per-tagger or --gpus-per-tagger")


def test_a_cluster_of_another_version_says_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of Ray, which takes several lines for them."""
    ray = pytest.importorskip("ray")
    from common_ml.runtime.ray_cluster import RayCluster

    def init(**_: Any) -> None:
        raise RuntimeError(
            "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
            "This process on node 127.0.0.2 was started with:\n    Ray: 2.41.0\n"
        )

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr("common_ml.runtime.ray_cluster.require_listener", lambda _: None)
    with pytest.raises(TaggerError) as caught, RayCluster("ray://auto"):
        pass
    assert str(caught.value) == (
        "the Ray cluster at ray://auto has other versions than this program: Version mismatch: The "
        "cluster was started with: Ray: 2.60.0 Python: 3.11.7 This process on node 127.0.0.2 was "
        "started with: Ray: 2.41.0; hint: install the cluster's versions of Python and Ray here"
    )


@pytest.mark.parametrize(
    "changed", [["other", "films"], ["tagger", "films", "-p", "fps=3"]], ids=["tagger", "params"]
)
def test_resume_takes_nothing_from_another_tagger_or_other_params(
    folder: Path, changed: list[str]
) -> None:
    """It tags again and says so; the earlier tags are kept, and the parts of both."""
    tagger_in(folder / "other", f"{MANY_TAGS}# of another revision\n")
    options = ["--parts", "parts", "-o", "tags.jsonl"]
    common_ml("run", "tagger", "films", *options, cwd=folder)
    earlier = (folder / "tags.jsonl").read_bytes()
    first = set((folder / "parts").glob("*.jsonl"))

    done = common_ml("run", *changed, *options, "--resume", cwd=folder, columns=1000)

    warning, kept, *_ = done.stderr.splitlines()
    assert warning == (
        f"warning: nothing is resumed for 3 films: the parts in {folder / 'parts'} are of another "
        "tagger, of other params or of other films"
    )
    assert kept == "kept the earlier run as tags.previous.jsonl"
    assert "3 files tagged, " in done.stderr
    assert (folder / "tags.previous.jsonl").read_bytes() == earlier
    assert first < set((folder / "parts").glob("*.jsonl"))
    # the first one has lost nothing
    again = common_ml("run", "tagger", "films", *options, "--resume", cwd=folder, columns=1000)
    assert "warning" not in again.stderr
    assert "0 files tagged, 3 done before" in again.stderr


def test_resume_takes_over_a_run_without_parts(folder: Path) -> None:
    common_ml("run", "tagger", "films", "-o", "tags.jsonl", cwd=folder)
    done = common_ml(
        "run", "tagger", "films", "-o", "tags.jsonl", "--parts", "parts", "--resume", cwd=folder
    )
    assert "warning" not in done.stderr
    assert "0 files tagged, 3 done before" in done.stderr


def test_a_folder_without_films(folder: Path) -> None:
    (folder / "none").mkdir()
    expected = "error: no media in none: expected files with extensions of pictures, videos or "
    for verb in (["run", "-o", "t.jsonl"], ["scale", "plan", "--shards", "2"]):
        line = refusal_of(folder, *verb, "tagger", "none", "--parts", "parts")
        assert line.startswith(expected)


def planned(folder: Path, *, shards: int = 3) -> None:
    """Write a plan of all films."""
    number = str(shards)
    done = common_ml(
        "scale", "plan", "tagger", "films", "--shards", number, "--parts", "parts", cwd=folder
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shard", ["0/3", "4/3"])
def test_a_shard_that_there_is_not(folder: Path, shard: str) -> None:
    planned(folder)
    line = refusal_of(folder, "run", "--plan", "plan.json", "--shard", shard)
    assert line == f"error: ParamsError: --shard is I/N with 1 <= I <= N, got {shard!r}"


def test_a_shard_of_another_division(folder: Path) -> None:
    """Some films would be in no shard, and others in two."""
    planned(folder)
    line = refusal_of(folder, "run", "--plan", "plan.json", "--shard", "1/2", status=CANNOT_TAG)
    assert line == (
        "error: ParamsError: --shard is 1/3 to 3/3 of plan.json, got '1/2'; hint: `common-ml scale "
        "plan --shards 2` makes a new plan"
    )


def test_films_that_vanished_after_planning_fail_one_by_one(folder: Path) -> None:
    """Without a start of the tagger for each; the others are tagged, and a later attempt works."""
    (folder / "films" / "003.mp4").write_bytes(b"xxx")
    planned(folder, shards=1)
    for name in ("000.mp4", "001.mp4", "002.mp4"):
        (folder / "films" / name).rename(folder / name)
    run = ["run", "--plan", "plan.json", "--shard", "1/1"]

    done = common_ml(*run, cwd=folder, columns=1000)

    assert done.returncode == 1
    assert "1 file tagged, 3 failed, " in done.stderr
    place = folder / "films" / "001.mp4"
    assert f"FileNotFoundError: [Errno 2] No such file or directory: '{place}'" in done.stderr
    assert "restarting the tagger" not in done.stderr
    for name in ("001.mp4", "002.mp4"):
        (folder / name).rename(folder / "films" / name)
    assert "2 files tagged, 1 failed, 1 done before" in common_ml(*run, cwd=folder).stderr


def test_a_node_without_the_tagger(folder: Path) -> None:
    """Another status than films that failed: the job shall not count the shard as tried."""
    planned(folder)
    (folder / "tagger").rename(folder / "elsewhere")
    line = refusal_of(folder, "run", "--plan", "plan.json", "--shard", "1/3", status=CANNOT_TAG)
    assert line.startswith(f"error: no such file: {folder / 'tagger'}; hint: name a main.py, ")
    line = refusal_of(folder, "run", "--plan", "gone.json", "--shard", "1/3", status=CANNOT_TAG)
    assert line == "error: No such file or directory: 'gone.json'"


@pytest.mark.parametrize("shards", [1, 3])
def test_a_node_on_which_the_tagger_cannot_start(folder: Path, shards: int) -> None:
    """Whether its shard has several films or one."""
    planned(folder, shards=shards)
    (folder / "tagger" / "main.py").write_text("import no_such_module\n")
    shard = f"1/{shards}"
    done = common_ml("run", "--plan", "plan.json", "--shard", shard, cwd=folder, columns=1000)
    assert done.returncode == CANNOT_TAG
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr


def test_parts_that_cannot_be_written(folder: Path) -> None:
    (folder / "file").write_text("mine")
    for place in ("file", "file/parts"):
        line = error_of(folder, "--parts", place)
        assert line == (
            f"error: the folder of parts {folder / place} cannot be created: Not a directory"
        )
    plan = ["scale", "plan", "tagger", "films", "--shards", "2"]
    line = refusal_of(folder, *plan, "--parts", "file")
    assert line == "error: --parts is a folder or URL, got the file file"
    assert (folder / "file").read_text() == "mine"


def test_status_and_merge_before_a_shard_has_begun(folder: Path) -> None:
    """They create nothing, and say what may be wrong."""
    planned(folder)
    (folder / "tags.jsonl").write_bytes(b"")
    before = names_in(folder)
    done = common_ml("scale", "status", "plan.json", cwd=folder, columns=1000)
    assert done.returncode == 1
    assert "0 of 3 films done" in done.stdout
    reason = f"{folder / 'parts'} does not exist: no shard has begun, or the folder is not mounted "
    assert done.stderr.startswith(reason)
    assert names_in(folder) == before
    for options in ([], ["--partial"]):
        line = refusal_of(folder, "scale", "merge", "plan.json", *options)
        assert line.startswith(f"error: nothing to merge: {reason}")


def test_merging_before_all_parts_are_there(folder: Path) -> None:
    planned(folder)
    common_ml("run", "--plan", "plan.json", "--shard", "2/3", cwd=folder)
    line = refusal_of(folder, "scale", "merge", "plan.json")
    assert line.startswith("error: 2 films of 3 have no part yet; hint: `common-ml scale status`")
    done = common_ml("scale", "merge", "plan.json", "--partial", "-o", "new/t.jsonl", cwd=folder)
    assert done.returncode == 1
    assert "2 missing: new/t.jsonl" in done.stderr


def test_nothing_of_another_kind_is_overwritten(folder: Path) -> None:
    planned(folder, shards=1)
    common_ml("run", "--plan", "plan.json", "--shard", "1/1", cwd=folder)
    before = (folder / "plan.json").read_bytes()
    film = folder / "films" / "001.mp4"
    content = film.read_bytes()
    plan = ["scale", "plan", "tagger", "films", "--shards", "2", "--parts", "parts"]
    for arguments, expected in (
        ([*plan, "-o", "films/001.mp4"], "'films/001.mp4' is not a plan, and would be overwritten"),
        (
            ["scale", "merge", "plan.json", "-o", "plan.json"],
            "'plan.json' is not a tags file, and ",
        ),
        (["scale", "slurm", "plan.json", "-o", "plan.json"], "plan.json is the plan; hint: "),
        (
            ["scale", "kubernetes", "plan.json", "--image", "i", "-o", "plan.json"],
            "plan.json is the plan; hint: ",
        ),
    ):
        assert refusal_of(folder, *arguments).startswith(f"error: {expected}")
    assert (folder / "plan.json").read_bytes() == before
    assert film.read_bytes() == content


MERGING = """
import os, sys
from common_ml.cli.app import main
from common_ml.parts import merging

class InterruptedWriter(merging.Writer):
    num_written = 0

    def write(self, message):
        super().write(message)
        self.num_written += 1
        if self.num_written == 2:
            os.kill(os.getpid(), %d)

merging.Writer = InterruptedWriter
main(sys.argv[1:])
"""
"""The command, with a signal in the middle of the merge."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "again"])
def test_a_signal_during_a_merge(folder: Path, number: signal.Signals, *, is_first: bool) -> None:
    """The output is the old one or complete; the status is that of the signal."""
    (folder / "films" / "000.mp4").unlink()
    planned(folder, shards=1)
    old = b""
    if not is_first:
        common_ml("run", "--plan", "plan.json", "--shard", "1/1", cwd=folder)
        common_ml("scale", "merge", "plan.json", cwd=folder)
        old = (folder / "tags.jsonl").read_bytes()
    before = names_in(folder) | {str(folder / "parts"), str(folder / "tags.log")}
    verbs = [["run", "--plan", "plan.json", "--resume"]]
    verbs += [] if is_first else [["scale", "merge", "plan.json"]]
    for verb in verbs:
        done = run_python("-c", MERGING % number, *verb, cwd=folder)

        assert done.returncode == 128 + number, done.stderr
        assert "Traceback" not in done.stderr
        assert {name for name in names_in(folder) if "/parts/" not in name} <= before
        output = folder / "tags.jsonl"
        assert (output.read_bytes() if output.exists() else b"") == old
    assert common_ml("run", "--plan", "plan.json", "--resume", cwd=folder).returncode in (0, 1)
    assert (folder / "tags.jsonl").read_bytes().count(b'"progress"') == 2


@pytest.mark.parametrize("place", ["", "ftp://host/parts", "s3:/bucket/parts"])
def test_a_place_for_parts_that_is_none(folder: Path, place: str) -> None:
    """It would become a folder of that name on this machine."""
    planned(folder)
    expected = "error: ParamsError: --parts is a folder or a URL that begins with one of s3://, "
    for verb in (
        ["run", "tagger", "films", "-o", "tags.jsonl"],
        ["run", "--plan", "plan.json", "--shard", "1/3"],
        ["scale", "plan", "tagger", "films", "--shards", "2", "-o", "new.json"],
    ):
        line = refusal_of(folder, *verb, "--parts", place)
        assert line.startswith(expected)
        assert line.endswith(f"got {place!r}")


def test_films_and_params_beside_a_plan(folder: Path) -> None:
    """They would be ignored."""
    planned(folder)
    shard = ["--plan", "plan.json", "--shard", "1/3"]
    for arguments, named in (
        (["tagger", "films"], "FILES"),
        (["-p", "fps=3"], "params"),
        (["tagger", "films", "-p", "fps=3"], "FILES and params"),
    ):
        line = refusal_of(folder, "run", *arguments, *shard, status=CANNOT_TAG)
        assert line.startswith(f"error: ParamsError: --plan has its own {named}; hint: leave them")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["slurm", "plan.json", "--memory", "8G\nrm -rf x"],
            "a line of a batch script cannot hold",
        ),
        (["slurm", "plan.json", "--image", ""], "--image is a .sif file or an image of a registry"),
        (["kubernetes", "plan.json", "--image", ""], "the image has no name; hint: --image reg"),
        (
            ["kubernetes", "plan.json", "--image", "i", "--memory", "lots"],
            "invalid memory 'lots': ",
        ),
    ],
)
def test_options_that_a_scheduler_would_refuse(
    folder: Path, arguments: list[str], expected: str
) -> None:
    planned(folder)
    line = refusal_of(folder, "scale", *arguments, "-o", "job")
    assert line.startswith(f"error: ParamsError: {expected}")


def test_pods_that_do_not_see_the_films(folder: Path) -> None:
    """A warning: the image may have them."""
    planned(folder)
    job = ["scale", "kubernetes", "plan.json", "--image", "i", "-o", "job.json"]
    for options, expected in (
        (
            [],
            f"{folder / 'plan.json'} and 4 more: not mounted (--claim), so that pods find it only",
        ),
        (
            ["--claim", "films"],
            f"{folder / 'plan.json'} and 4 more: not below /data (--mount-path)",
        ),
        (
            ["--claim", "films", "--mount-path", str(folder), "--plan-path", "/other/plan.json"],
            f"/other/plan.json: not below {folder} (--mount-path), so that pods find it only in",
        ),
    ):
        done = common_ml(*job, *options, cwd=folder, columns=1000)
        assert done.returncode == 0
        assert done.stderr.startswith(f"warning: {expected}")
    done = common_ml(*job, "--claim", "films", "--mount-path", str(folder), cwd=folder)
    assert done.stderr == ""
