"""Shell commands that run an image with Apptainer or Singularity, as found at SLURM sites."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common_ml.scale.plan_file import Plan

TAGGER = "/elv/main.py"
"""Path of the program in an image that was built from Containerfile.template."""
IMAGE_SUFFIXES = (".sif", ".sqsh", ".img")
_MAX_FOLDERS = 16
"""Maximum number of folders bound one by one; beyond it their common parents are bound."""


@dataclass(frozen=True)
class ImageOptions:
    """The image of a task, and its binds."""

    image: str
    """A `.sif` file by its path on every node, or `docker://...`; see `image_address`."""
    folders: Sequence[str]
    """Absolute folders, bound at the same paths in the image."""
    tagger: str = TAGGER
    """Path of the tagger's program in the image."""
    parts: str = ""
    """Folder of the parts, created if missing, since binds must exist."""


def image_address(image: str) -> str:
    """Return Apptainer's address of an image: a file, or the URL of a registry.

    Raises:
        ValueError: it is an image that only this machine has, or none.
    """
    if not image:
        raise ValueError("--image is a .sif file or an image of a registry, got ''")
    if "://" in image:
        return image
    if image.endswith(IMAGE_SUFFIXES) or Path(image).exists():
        return os.path.abspath(image)  # noqa: PTH100 - links stay
    if image.startswith("localhost/"):
        raise ValueError(
            f"no node finds the image {image} of this machine; hint: podman save "
            f"--format docker-archive -o image.tar {image}, then apptainer build image.sif "
            "docker-archive:image.tar, and name image.sif"
        )
    return f"docker://{image}"


def folders_of(plan: Plan, plan_file: str, further: Iterable[str] = ()) -> list[str]:
    """Return the folders that a shard reads and writes, without nested ones.

    Args:
        plan: The plan.
        plan_file: Absolute path of the plan.
        further: Additional absolute paths to bind.

    Raises:
        ValueError: a folder cannot be bound.
    """
    found = {os.path.dirname(plan_file), *further}  # noqa: PTH120 - texts, not paths
    if "://" not in plan.parts:
        found.add(plan.parts)
    of_films: set[str] = set()
    for film in plan.films:
        if "://" not in film.path:
            of_films.add(os.path.dirname(film.path))  # noqa: PTH120
            if os.path.islink(film.path):  # noqa: PTH114
                of_films.add(os.path.dirname(os.path.realpath(film.path)))  # noqa: PTH120
    outermost = _outermost(of_films)
    if len(outermost) > _MAX_FOLDERS:
        outermost = _in_common(outermost)
    folders = _outermost({*found, *outermost})
    for folder in folders:
        if folder == "/" or not folder.startswith("/") or set(folder) & {":", ",", "\n"}:
            raise ValueError(
                f"the folder {folder!r} cannot be bound into an image; hint: absolute paths below "
                "/ without colons and commas"
            )
    return folders


def exec_lines(options: ImageOptions, *, needs_gpu: bool) -> tuple[str, str]:
    """Return the preparing lines of a shell script, and the prefix of a command in the image."""
    lines = """# what of this user's Python would be found in the image as well
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1
if ! apptainer=$(command -v apptainer || command -v singularity); then
  echo "neither apptainer nor singularity on $(hostname); hint: 'module load' before sbatch" >&2
  exit 3
fi
"""
    if options.parts:
        lines += f"mkdir -p {shlex.quote(options.parts)} || exit 3\n"
    words = ["exec", *(["--nv"] if needs_gpu else [])]
    for folder in options.folders:
        words += ["--bind", folder]
    return lines, f'"$apptainer" {shlex.join([*words, options.image])}'


def _outermost(folders: Iterable[str]) -> list[str]:
    """Return folders without those that are inside of others, sorted."""
    kept: list[PurePath] = []
    for folder in sorted(map(PurePath, folders)):
        if not kept or not folder.is_relative_to(kept[-1]):
            kept.append(folder)
    return list(map(str, kept))


def _in_common(folders: Iterable[str]) -> list[str]:
    """Return the common parent of the folders below each top-level folder, such as /mnt."""
    below: dict[str, list[str]] = {}
    for folder in folders:
        below.setdefault(PurePath(folder).parts[1], []).append(folder)
    return list(map(os.path.commonpath, below.values()))
