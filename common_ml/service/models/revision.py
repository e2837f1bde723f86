"""Revision of a tagger: the digest of its image, or a hash of its program's files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import TaggerError
from common_ml.runtime.container import engine_command, run_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.runtime.targets import Target

_LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "build", "dist", "media", "output"})
"""Folders that hold no part of a program; so do those that begin with a dot."""
_LEFT_OUT_SUFFIXES = (".pyc", ".log", ".jsonl")
MAX_FILES = 20_000
_READ_BYTES = 1 << 20


def revision_of(target: Target, *, engine: str | None = None) -> str:
    """Return the revision of a tagger; it changes where the tags may change.

    Args:
        target: See `find_target`.
        engine: podman or docker, for an image; None for the one that is found.

    Raises:
        TaggerError: there is no such image, or the program cannot be read.
    """
    if target.kind == "image":
        return _of_image(target.image, engine)
    try:
        return _of_program(target)
    except OSError as error:
        raise TaggerError(f"cannot read the program of {target.name}: {error}") from error


def _of_image(image: str, engine: str | None) -> str:
    command = engine_command(engine)
    done = run_engine(command, "image", "inspect", "--", image)
    if done.returncode != 0:
        raise TaggerError(
            f"{command[0]} has no image {image}; hint: build or pull it first",
            stderr_tail=done.stderr[-2000:],
            exit_status=done.returncode,
        )
    identity = str(json.loads(done.stdout)[0]["Id"])
    return identity if identity.startswith("sha256:") else f"sha256:{identity}"


def _of_program(target: Target) -> str:
    digest = hashlib.sha256()
    folder = target.cwd or Path.cwd()
    words = [Path(word).name if os.path.isabs(word) else word for word in target.command]  # noqa: PTH117 - a text
    digest.update(json.dumps(words).encode())
    for path in _files(target, folder):
        name = os.path.relpath(path, folder)
        digest.update(f"\0{name}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        with path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                digest.update(data)
    return f"program:{digest.hexdigest()[:32]}"


def _files(target: Target, folder: Path) -> Iterator[Path]:
    """The folder of a main.py; of any other command the files that it names."""
    if not any((folder / word).name == "main.py" for word in target.command):
        for word in target.command:
            path = folder / word
            if path.is_file():
                yield path
        return
    number = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _LEFT_OUT and not name.startswith(".")
        )
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith(".") or name.endswith(_LEFT_OUT_SUFFIXES) or not path.is_file():
                continue
            number += 1
            if number > MAX_FILES:
                raise TaggerError(
                    f"{folder} has more than {MAX_FILES:,} files; "
                    "hint: give the tagger a folder of its own"
                )
            yield path
