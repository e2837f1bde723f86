"""Which files a dataset is made of: folders and globs looked through, stretches of whole lines."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common_ml.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    AnyPath: TypeAlias = str | os.PathLike[str]
    Sources: TypeAlias = AnyPath | Iterable[AnyPath] | Mapping[str, AnyPath | Iterable[AnyPath]]

FileKind = Literal["tags", "parquet", "format"]
KINDS: dict[str, FileKind] = {".jsonl": "tags", ".ndjson": "tags", ".parquet": "parquet"}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Something that was asked for, before folders and globs are looked through."""

    name: str
    """Path of a file or folder, or a glob, as it was given."""
    tag: str = ""
    """What `dataset.tag` says in queries."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a dataset."""

    path: str
    kind: FileKind
    tag: str = ""


@dataclass(frozen=True)
class Span:
    """Whole lines of a tags file."""

    file: SourceFile
    start: int
    """Byte of the first line."""
    end: int
    """Byte behind the last newline."""
    is_whole: bool
    """Whether that is all that the file holds."""


def listed(sources: Sources) -> tuple[Source, ...]:
    """One path, many, or tags with the paths that they stand for.

    Raises:
        DatasetError: there is none.
    """
    if isinstance(sources, Mapping):
        found = tuple(
            Source(one.name, tag) for tag, paths in sources.items() for one in listed(paths)
        )
    elif isinstance(sources, (str, os.PathLike)):
        found = (Source(os.fspath(sources)),)
    else:
        found = tuple(Source(os.fspath(path)) for path in sources)
    if not found:
        raise DatasetError("a dataset needs at least one file, folder or glob, got none")
    return found


def files_of(
    sources: Iterable[Source], *, by_format: bool = False, may_be_missing: bool = False
) -> list[SourceFile]:
    """The files, each once: in the order of the sources, those of a folder or glob by name.

    Args:
        sources: Of `listed`.
        by_format: Whether the sources are for the reader of a format, which takes files, folders
            and addresses as they are.
        may_be_missing: Whether it is no error that there is nothing yet.

    Raises:
        DatasetError: a source is not there, has no tags in it, or is of another kind.
    """
    found: dict[str, SourceFile] = {}
    for source in sources:
        if by_format:
            for path in _for_a_reader(source.name):
                found.setdefault(path, SourceFile(path, "format", source.tag))
            continue
        paths = _paths(source.name)
        if not paths and not may_be_missing:
            raise DatasetError(_why_nothing(source.name))
        for path in paths:
            found.setdefault(path, SourceFile(path, _kind(path), source.tag))
    return list(found.values())


def files_in(folder: str) -> list[Path]:
    """All files beneath a folder, by name."""
    return sorted(one for one in Path(folder).rglob("*") if one.is_file())


def bytes_of(path: str) -> int:
    """Size of a file, or of all files in a folder."""
    if Path(path).is_dir():
        return sum(one.stat().st_size for one in files_in(path))
    return Path(path).stat().st_size


def _for_a_reader(name: str) -> list[str]:
    """What a format's reader gets: the name as it is, or what it fits if it is a glob."""
    if "://" in name or Path(name).exists() or not glob.has_magic(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - as in _paths
    if not matches:
        raise DatasetError(f"nothing fits {name!r}: expected files of the format")
    return matches


def _paths(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        return sorted(str(one) for one in path.rglob("*") if one.suffix.lower() in KINDS)
    if path.exists():
        return [name]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute one
    return [one for one in matches if Path(one).is_file()]


def _kind(path: str) -> FileKind:
    suffix = Path(path).suffix.lower()
    if suffix not in KINDS:
        raise DatasetError(
            f"cannot tell what {path!r} is: expected {', '.join(KINDS)}; for another format "
            "say which, as in Dataset.open(path, format='coco')"
        )
    return KINDS[suffix]


def _why_nothing(name: str) -> str:
    if Path(name).is_dir():
        return f"no tags in the folder {name!r}: expected {', '.join(KINDS)} files in it"
    if glob.has_magic(name):
        return f"nothing fits {name!r}: expected tags files, such as 'tags/*.jsonl'"
    return f"no such file or folder: {name!r}"


def span_of(file: SourceFile, *, start: int = 0, end: int | None = None) -> Span | None:
    """The whole lines from `start` on; None where there is none, or no file yet.

    A torn last line, of a writer that is still busy or was killed, is not in it.

    Args:
        file: The tags file.
        start: Where a line begins.
        end: Where to stop; by default at the end.

    Raises:
        DatasetError: the file is shorter than what was read of it before.
    """
    try:
        size = Path(file.path).stat().st_size
    except FileNotFoundError:
        return None
    if size < start or (end is not None and size < end):
        known = max(start, end or 0)
        raise DatasetError(
            f"{file.path} was cut: it has {size} bytes, and had {known}: open the dataset anew"
        )
    last = _end_of_lines(file.path, start, size if end is None else end)
    if last == start:
        return None
    if end is None and last < size:
        logger.warning("%s: the last line is torn, and no message", file.path)
    return Span(file, start, last, is_whole=start == 0 and last == size)


def _end_of_lines(path: str, start: int, end: int) -> int:
    """The byte behind the last newline between two bytes; `start` if there is none."""
    with Path(path).open("rb") as file:
        while end > start:
            first = max(start, end - 65536)
            file.seek(first)
            newline = file.read(end - first).rfind(b"\n")
            if newline >= 0:
                return first + newline + 1
            end = first
    return start
