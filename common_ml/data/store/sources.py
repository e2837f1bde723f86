"""Find the source files of a dataset: expand folders and globs, find complete lines."""

from __future__ import annotations

import codecs
import glob
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common_ml.data.formats import recognition
from common_ml.data.formats.shared.packed import packed_kind
from common_ml.errors import DatasetError, WireError
from common_ml.tagging.tags_file.line_ends import end_of_last_line
from common_ml.tagging.tags_file.reader import read_messages
from common_ml.tagging.tags_file.verdicts import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from common_ml.types import StrPath

    Sources: TypeAlias = StrPath | Iterable[StrPath] | Mapping[str, StrPath | Iterable[StrPath]]

FileKind = Literal["tags", "verdicts", "parquet", "format"]
KINDS: dict[str, FileKind] = {".jsonl": "tags", ".ndjson": "tags", ".parquet": "parquet"}
MAX_LAST_LINE_BYTES = 1 << 26
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A requested source, before folders and globs are expanded."""

    name: str
    """Path of a file or folder, or a glob, as it was given."""
    tag: str = ""
    """Value of `dataset.tag` in queries."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a dataset."""

    path: str
    kind: FileKind
    tag: str = ""
    format: str = ""
    """Name of the format for the kind "format"; "" where it was given for all sources."""


@dataclass(frozen=True)
class Span:
    """Complete lines of a tags file."""

    file: SourceFile
    start: int
    """Offset of the first line."""
    end: int
    """Offset after the last newline."""
    is_whole: bool
    """Whether that is the whole file."""


def listed(sources: Sources) -> tuple[Source, ...]:
    """Normalise sources: one path, many, or tags with their paths.

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
    """Expand sources to files, each once: in order of the sources, those of a folder by name.

    Args:
        sources: The result of `listed`.
        by_format: Whether the sources are for the reader of a format, which takes files, folders
            and URLs as they are.
        may_be_missing: Whether missing files are allowed.

    Raises:
        DatasetError: a source does not exist, contains no tags, or is of another kind.
    """
    found: dict[str, SourceFile] = {}
    for source in sources:
        if by_format:
            for path in _for_a_reader(source.name):
                found.setdefault(path, SourceFile(path, "format", source.tag))
            continue
        paths = _paths(source.name)
        if not paths and Path(source.name).is_dir() and not may_be_missing:
            paths = [source.name]  # a folder of another format
        if not paths and not may_be_missing:
            raise DatasetError(_why_nothing(source.name))
        for path in paths:
            if path not in found:
                found[path] = _source_file(path, source.tag)
    return list(found.values())


def files_in(folder: str) -> list[Path]:
    """Return all files below a folder, by name."""
    return sorted(one for one in Path(folder).rglob("*") if one.is_file())


def bytes_of(path: str) -> int:
    """Return the size of a file, or of all files in a folder."""
    if Path(path).is_dir():
        return sum(one.stat().st_size for one in files_in(path))
    return Path(path).stat().st_size


def _for_a_reader(name: str) -> list[str]:
    """Expand a source for a format's reader: the name as it is, or the matches of a glob."""
    if "://" in name or Path(name).exists() or not glob.has_magic(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - as in _paths
    if not matches:
        raise DatasetError(f"no file matches {name!r}: expected files of the format")
    return matches


def _paths(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        return sorted(str(one) for one in path.rglob("*") if one.suffix.lower() in KINDS)
    if path.exists():
        return [name]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute one
    return [one for one in matches if Path(one).is_file()]


def _source_file(path: str, tag: str) -> SourceFile:
    """Detect the kind: tags, verdicts, our own Parquet by name; any other format by content."""
    if path.lower().endswith(SUFFIX):
        return SourceFile(path, "verdicts", tag)
    kind = KINDS.get(Path(path).suffix.lower())
    if kind == "tags":
        return SourceFile(path, "tags", tag)
    candidates = recognition.candidates(path)
    if kind is not None and not candidates:
        return SourceFile(path, kind, tag)
    if candidates == (recognition.TAGS,):
        return SourceFile(path, "tags", tag)
    if len(candidates) == 1:
        return SourceFile(path, "format", tag, candidates[0])
    if candidates:
        raise DatasetError(
            f"the format of {path!r} is ambiguous, it could be {' or '.join(candidates)}; hint: "
            f"name it, as in Dataset.open(path, format={candidates[0]!r})"
        )
    if Path(path).is_dir():
        raise DatasetError(_why_nothing(path))
    if Path(path).stat().st_size == 0:
        raise DatasetError(f"{path!r} is empty: its format cannot be seen")
    if archive := _archive(path):
        raise DatasetError(f"{path!r} is {archive}; hint: unpack it, and open what is in it")
    raise DatasetError(
        f"unknown kind of file {path!r}: expected {', '.join(KINDS)}; hint: name another "
        "format, as in Dataset.open(path, format='coco')"
    )


def _archive(path: str) -> str:
    with Path(path).open("rb") as file:
        head = file.read(6)
    return packed_kind(head)


def _why_nothing(name: str) -> str:
    if Path(name).is_dir():
        return f"no tags in the folder {name!r}: expected {', '.join(KINDS)} files in it"
    if glob.has_magic(name):
        return f"no file matches {name!r}: expected tags files, such as 'tags/*.jsonl'"
    return f"no such file or folder: {name!r}"


def span_of(
    file: SourceFile, *, start: int = 0, end: int | None = None, may_grow: bool = False
) -> Span | None:
    """Return the complete lines from `start` on; None where there is none, or no file yet.

    An incomplete last line, of a writer that is busy or was killed, is excluded. A last line
    that only lacks its newline is included, unless the file may grow.

    Args:
        file: The tags file.
        start: Where a line begins.
        end: Where to stop; by default at the end.
        may_grow: Whether more of the last line may follow.

    Raises:
        DatasetError: the file is shorter than before.
    """
    try:
        size = Path(file.path).stat().st_size
    except FileNotFoundError:
        return None
    if size < start or (end is not None and size < end):
        known = max(start, end or 0)
        raise DatasetError(
            f"{file.path} was truncated: it has {size} bytes, and had {known}: reopen the dataset"
        )
    last = _end_of_lines(file.path, start, size) if end is None else end
    if end is None and last < size and not may_grow and _is_message(file.path, last):
        last = size
    if last == start:
        return None
    if end is None and last < size:
        logger.warning("%s: the last line is incomplete, and ignored", file.path)
    is_whole = start == 0 and last == size and not _begins_with_mark(file.path)
    return Span(file, start, last, is_whole=is_whole)


def _begins_with_mark(path: str) -> bool:
    """Whether a file begins with a byte order mark, which DuckDB before 2.0 refuses."""
    with Path(path).open("rb") as file:
        return file.read(3) == codecs.BOM_UTF8


def _end_of_lines(path: str, start: int, end: int) -> int:
    """Return the offset after the last newline in a range; `start` if there is none."""
    with Path(path).open("rb") as file:
        return end_of_last_line(file.fileno(), end, start=start)


def _is_message(path: str, start: int) -> bool:
    """Whether the rest of a file from an offset is a message."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as copy:
        with Path(path).open("rb") as file:
            file.seek(start)
            copy.write(file.read(MAX_LAST_LINE_BYTES) + b"\n")
        copy.flush()
        try:
            return len(list(read_messages(copy.name))) == 1
        except WireError:
            return False
