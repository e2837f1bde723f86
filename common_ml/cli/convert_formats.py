"""Find readers and writers by name on the command line: outside formats, and tags files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from common_ml.data.record import Record
    from common_ml.data.report import Report
    from common_ml.types import StrPath

TAGS = "tags"
"""Name of common-ml's own tags files, in addition to the outside formats."""
AUTO = "auto"
"""Name that means: detect the format of the source."""


def source_format(name: str, source: str) -> str:
    """Return the name of the format of a source, detected by its content for AUTO.

    Raises:
        FormatError: it is not recognised, or could be several.
        OSError: the source cannot be read.
    """
    from common_ml.data import formats

    return formats.recognise(source) if name.lower() == AUTO else name


def reader(name: str) -> Callable[..., Iterator[Record]]:
    """Return the reader of a format."""
    from common_ml.data import formats as known

    return _read_tags if name == TAGS else known.get(name).read


def writer(name: str) -> Callable[..., Report]:
    """Return the writer of a format.

    Raises:
        typer.BadParameter: it can only be read.
    """
    from common_ml.data import formats as known

    if name == TAGS:
        return _write_tags
    if not known.can_write(name):
        listed = ", ".join([TAGS, *filter(known.can_write, known.names())])
        raise typer.BadParameter(f"{name} can only be read; written are {listed}", param_hint="TO")
    found: Callable[..., Report] = vars(known.get(name))["write"]
    return found


def _read_tags(
    source: str, *, per: str = "media", media_root: StrPath | None = None
) -> Iterator[Record]:
    from common_ml.data.dataset import Dataset

    if per not in ("media", "frame"):
        raise typer.BadParameter(f"per must be media or frame, got {per!r}", param_hint="--read")
    with Dataset.open(source, media_root, per="frame" if per == "frame" else "media") as dataset:
        yield from dataset.records()


def _write_tags(records: Iterable[Record], target: Path) -> Report:
    from common_ml.data import export

    return export.to_jsonl(records, target)
