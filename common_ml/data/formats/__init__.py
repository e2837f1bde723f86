"""Readers and writers of annotation formats; a format is loaded on first use.

Every module has

    NAME: str
    def read(source, *, on_error, report, media_root, download, ...) -> Iterator[Record]
    def write(records, target, ...) -> Report        # where the format can be written

and raises `FormatError` for what it cannot read.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.record import Record
    from common_ml.types import StrPath

_HOMES = {
    "clarifai": "common_ml.data.formats.clarifai",
    "coco": "common_ml.data.formats.coco",
    "csv": "common_ml.data.formats.csv",
    "cvat": "common_ml.data.formats.cvat",
    "diffgram": "common_ml.data.formats.diffgram",
    "fiftyone": "common_ml.data.formats.fiftyone",
    "huggingface": "common_ml.data.formats.huggingface",
    "labelstudio": "common_ml.data.formats.labelstudio",
    "masterful": "common_ml.data.formats.masterful",
    "scale": "common_ml.data.formats.scale",
    "voc": "common_ml.data.formats.voc",
    "webvtt": "common_ml.data.formats.webvtt",
    "yolo": "common_ml.data.formats.yolo",
}


class Format(Protocol):
    """Interface of a format module; `write` only where the format can be written."""

    NAME: str

    def read(self, source: Any, **options: Any) -> Iterator[Record]:
        """Yield the records of a source while reading."""


def names() -> tuple[str, ...]:
    """Return the names of all formats, sorted."""
    return tuple(sorted(_HOMES))


def get(name: str) -> Format:
    """Return the module of a format.

    Raises:
        FormatError: there is no such format.
    """
    if name not in _HOMES:
        near = get_close_matches(name, _HOMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise FormatError(
            f"unknown format {name!r}: {hint}expected one of {', '.join(names())}", path=""
        )
    return cast("Format", import_module(_HOMES[name]))


def recognise(source: StrPath) -> str:
    """Return the name of the format of a file, folder or URL, by its content.

    Raises:
        FormatError: none fits, or several do; with the candidates.
        OSError: the source cannot be read.
    """
    from common_ml.data.formats import recognition

    return recognition.recognise(source)


def can_write(name: str) -> bool:
    """Whether the format can be written."""
    return hasattr(get(name), "write")
