"""How a task calls Apptainer: its image, and the folders that it binds."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from common_ml.scale.apptainer import ImageOptions, exec_lines, folders_of, image_address
from tests.scale.made_plan import plan_of

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.scale.plan_file import Plan


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("/shared/t.sif", "/shared/t.sif"),
        ("docker://registry.example/t:1", "docker://registry.example/t:1"),
        ("oras://registry.example/t:1", "oras://registry.example/t:1"),
        ("registry.example/t:1", "docker://registry.example/t:1"),
    ],
)
def test_images_are_named_as_apptainer_does(image: str, address: str) -> None:
    assert image_address(image) == address


def test_a_file_is_an_image_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links stay; a name without a known ending is a file if there is one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tagger").touch()
    (tmp_path / "link.sif").symlink_to("tagger")
    assert image_address("link.sif") == str(tmp_path / "link.sif")
    assert image_address("tagger") == str(tmp_path / "tagger")
    assert image_address("other.sqsh") == str(tmp_path / "other.sqsh")
    assert image_address("other") == "docker://other"


def test_images_that_no_node_finds_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"--image is a \.sif file or an image of a registry, got ''"
    ):
        image_address("")
    with pytest.raises(
        ValueError, match=r"localhost/t:1 of this machine; hint: podman save .*t:1,"
    ):
        image_address("localhost/t:1")


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (plan_of(["/films/a.mp4", "/films/b/c.mp4"]), ["/films", "/runs/7", "/shared"]),
        (plan_of(["/shared/x/a.mp4"], parts="s3://b/p"), ["/shared"]),
        (plan_of(["s3://b/a.mp4", "/a/b/f.mp4", "/a/b-c/f.mp4"], parts="/a/b/p"),
         ["/a/b", "/a/b-c", "/shared"]),
        (plan_of([f"/mnt/films/{n}/a.mp4" for n in range(99)]),
         ["/mnt/films", "/runs/7", "/shared"]),
    ],
)  # fmt: skip
def test_the_folders_that_an_image_sees(plan: Plan, expected: list[str]) -> None:
    assert folders_of(plan, "/shared/plan.json") == expected


def test_an_image_sees_where_links_lead(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.mp4").touch()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mp4").symlink_to(tmp_path / "store" / "a.mp4")
    found = folders_of(plan_of([str(tmp_path / "films" / "a.mp4")]), "/shared/plan.json")
    assert str(tmp_path / "store") in found


def test_further_folders_are_bound_unless_they_are_inside_of_others() -> None:
    plan = plan_of(["/films/a.mp4"])
    found = folders_of(plan, "/shared/plan.json", ["/models", "/films/more", "/shared"])
    assert found == ["/films", "/models", "/runs/7", "/shared"]


@pytest.mark.parametrize("number", [16, 17])
def test_beyond_sixteen_folders_their_parents_are_bound(number: int) -> None:
    paths = [f"/mnt/films/{place:02}/a.mp4" for place in range(number)]
    found = folders_of(plan_of(paths, parts="s3://b/p"), "/mnt/plans/plan.json")
    assert found == (
        ["/mnt/films", "/mnt/plans"]
        if number > 16
        else [*(f"/mnt/films/{place:02}" for place in range(16)), "/mnt/plans"]
    )


@pytest.mark.parametrize("folder", ["/", "/a:b", "/a,b", "relative", "/a\nb"])
def test_folders_that_cannot_be_bound_are_named(folder: str) -> None:
    with pytest.raises(ValueError, match="cannot be bound into an image; hint: absolute") as caught:
        folders_of(plan_of(["/films/a.mp4"]), "/shared/plan.json", [folder])
    assert repr(folder) in str(caught.value)


@pytest.mark.parametrize("needs_gpu", [True, False])
def test_words_of_a_command_in_an_image(*, needs_gpu: bool) -> None:
    options = ImageOptions("/i/it's.sif", ["/a b", "/c"], parts="/runs/$7")
    lines, prefix = exec_lines(options, needs_gpu=needs_gpu)
    assert shlex.split(prefix) == [
        "$apptainer", "exec", *["--nv"] * needs_gpu, "--bind", "/a b", "--bind", "/c", "/i/it's.sif"
    ]  # fmt: skip
    assert "mkdir -p '/runs/$7' || exit 3\n" in lines
    assert "mkdir" not in exec_lines(ImageOptions("/i.sif", []), needs_gpu=False)[0]
    done = subprocess.run(["bash", "-n"], input=f"{lines}{prefix} true\n", text=True, check=False)
    assert done.returncode == 0
