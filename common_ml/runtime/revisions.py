"""Revision of a tagger: the digest of its program or image."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import TaggerError
from common_ml.runtime.container import engine_command, run_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.runtime.targets import Target

_MAX_FILES = 2000
_SKIPPED = {"__pycache__", "node_modules", "tests"}


def revision_of(target: Target, *, engine: str | None = None) -> str:
    """Return `sha256:...`: of an image its id, of a program its Python files.

    Of a command such as `python main.py` those of its files that exist are read; weights are not:
    a tagger with other weights is the same one unless its program names them.

    Raises:
        TaggerError: there is no such image, or no engine.
    """
    if target.kind == "image":
        return _image_id(target.image, engine)
    digest = hashlib.sha256()
    base = target.cwd or Path.cwd()
    for word in target.command[1:] or target.command:
        digest.update(f"{word}\0".encode(errors="surrogateescape"))
        path = base / word
        if path.is_file() and path.suffix == ".py":
            for source in _sources(path.parent):
                digest.update(f"{source.relative_to(path.parent)}\0".encode())
                digest.update(hashlib.sha256(source.read_bytes()).digest())
        elif path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def _image_id(image: str, engine: str | None) -> str:
    command = engine_command(engine)
    done = run_engine(command, "image", "inspect", "--format", "{{.Id}}", "--", image)
    if done.returncode != 0:
        raise TaggerError(f"there is no image {image}; hint: build or pull it first")
    return f"sha256:{done.stdout.strip().removeprefix('sha256:')}"


def _sources(folder: Path) -> Iterator[Path]:
    """Yield the Python files below a folder, sorted; hidden folders and environments are left."""
    found = []
    pending = [folder]
    while pending:
        for entry in sorted(pending.pop().iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                is_environment = (entry / "pyvenv.cfg").exists()
                if not entry.name.startswith(".") and entry.name not in _SKIPPED | {""}:
                    pending += [] if is_environment else [entry]
            elif entry.suffix == ".py":
                found.append(entry)
            if len(found) > _MAX_FILES:
                break
    yield from sorted(found)
