"""Scaffold a model repo from templates."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from importlib.resources import files as resources_of
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from common_ml import __version__
from common_ml.errors import NewRepoError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from common_ml.types import StrPath

Kind = Literal["frame", "batch", "clip", "av", "audio"]


@dataclass(frozen=True)
class ModelTemplate:
    """The small working model of a kind."""

    name: str
    """Name of the class; that of its params has `Params` for `Model`."""
    description: str
    """Description, as a sentence."""
    summary: str
    """Completes the phrase `a tagger of`."""
    media: Literal["clip", "sound"]
    """The kind of media in the repo's tests."""


MODELS: dict[Kind, ModelTemplate] = {
    "frame": ModelTemplate(
        "LightModel",
        "Tags pictures and videos as dark or bright, and by their colour.",
        "light and colour",
        "clip",
    ),
    "batch": ModelTemplate(
        "SharpnessModel",
        "Tags pictures and videos as sharp or blurred.",
        "sharpness",
        "clip",
    ),
    "clip": ModelTemplate(
        "PaceModel",
        "Tells lively clips of videos from calm ones.",
        "pace",
        "clip",
    ),
    "av": ModelTemplate(
        "MotionModel",
        "Finds where videos move and where they stand still.",
        "motion",
        "clip",
    ),
    "audio": ModelTemplate(
        "LoudnessModel",
        "Finds silence and loud stretches in sound, also that of videos.",
        "loudness",
        "sound",
    ),
}
KINDS: tuple[Kind, ...] = tuple(MODELS)

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_MAX_NAME = 60
_OTHERS = frozenset({"common-ml", "numpy", "mypy", "pytest", "ruff"})
"""Dependencies of the new repo; a repo of that name would depend on itself."""
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_SUFFIX = ".in"
_DOTTED = {"gitignore": ".gitignore", "containerignore": ".containerignore"}
"""Templates whose final names would take effect in this repository."""
_PART = "about.md.in"
"""Section of the README about the kind."""


@dataclass(frozen=True)
class NewRepo:
    """A new model repo."""

    folder: Path
    name: str
    kind: Kind
    files: tuple[str, ...]
    """Paths in the folder, sorted."""
    wheel: Path | None
    """The wheel of common-ml that was copied to `wheels/`; None if there was none."""


def make_repo(folder: StrPath, *, kind: Kind = "frame", wheel: Path | None = None) -> NewRepo:
    """Create a complete model repo.

    Args:
        folder: The new folder; its last part is the repo's name. It may exist if it is empty
            except for `.git`.
        kind: The model to start with, a key of MODELS.
        wheel: The wheel of common-ml for the image; None for the one that this common-ml was
            installed from, if that is still there.

    Raises:
        NewRepoError: the name is invalid, the folder is not empty, or the wheel is not one.
        OSError: it cannot be written.
    """
    target = Path(folder).expanduser().absolute()
    name = _checked_name(Path(os.path.normpath(target)).name)
    _check_free(target)
    if wheel is not None and not (wheel.is_file() and wheel.suffix == ".whl"):
        raise NewRepoError(
            f"{wheel} is not a wheel; hint: `make wheel` in a clone of common-ml builds one"
        )
    wheel = wheel or installed_wheel()
    contents = _contents(name, kind)
    for place, text in contents.items():
        path = target / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (target / "wheels").mkdir()
    written = sorted(contents)
    if wheel is not None:
        shutil.copy(wheel, target / "wheels")
        written.append(f"wheels/{wheel.name}")
    return NewRepo(target, name, kind, tuple(written), wheel)


def installed_wheel() -> Path | None:
    """Return the wheel file that this common-ml was installed from, if pip recorded it."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        noted = distribution("common-ml").read_text("direct_url.json")
        url = urlsplit(json.loads(noted or "{}").get("url", ""))
    except (PackageNotFoundError, ValueError):  # run from a clone, or recorded by another installer
        return None
    path = Path(unquote(url.path))
    is_wheel = url.scheme == "file" and path.suffix == ".whl" and path.is_file()
    return path if is_wheel else None


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_MAX_NAME].strip("-")
        better = f"; hint: use {near}" if near and near not in _OTHERS else ""
        raise NewRepoError(
            f"invalid name {name!r}: expected lower-case letters and digits, with single '-', '_' "
            f"or '.' between them, at most {_MAX_NAME} characters, as the image has it, too{better}"
        )
    if re.sub(r"[._-]+", "-", name) in _OTHERS:
        raise NewRepoError(f"{name} is a library that the repo needs; hint: choose another name")
    return name


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NewRepoError(f"{folder} is a file; hint: choose another name, or move it")
    found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    found = [entry for entry in found if entry != ".git"]
    if found:
        few = ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")
        raise NewRepoError(f"{folder} is not empty ({few}); hint: choose another name, or empty it")


def _contents(name: str, kind: Kind) -> dict[str, str]:
    """Return path in the repo -> text."""
    model = MODELS[kind]
    templates = resources_of("common_ml.cli") / "templates"
    values = {
        "about": (templates / kind / _PART).read_text(encoding="utf-8"),
        "description": model.description,
        "make": f"make_{model.media}",
        "maker": f"Make{model.media.capitalize()}",
        "model": model.name,
        "name": name,
        "params": model.name.replace("Model", "Params"),
        "suffix": ".wav" if model.media == "sound" else ".mp4",
        "summary": f"a tagger of {model.summary}",
        "version": __version__,
    }
    contents = {}
    for folder in (templates / "common", templates / kind):
        for place, template in _templates(folder):
            if place != _PART:
                text = template.read_text(encoding="utf-8")
                filled = _PLACEHOLDER.sub(lambda match: values[match[1]], text)
                path = place.removesuffix(_SUFFIX)
                contents[_DOTTED.get(path, path)] = filled
    return contents


def _templates(folder: Traversable, place: str = "") -> list[tuple[str, Traversable]]:
    """Return all templates in a folder, by their paths in it."""
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _templates(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            found.append((place + entry.name, entry))
    return found
