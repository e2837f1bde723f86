"""Outside formats, one file each; a format is loaded when it is first asked for.

Every module has

    NAME: str
    def read(source, ...) -> Iterator[Record]
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

_HOMES = {
    "clarifai": "common_ml.data.formats.clarifai",
    "coco": "common_ml.data.formats.coco",
    "csv": "common_ml.data.formats.csv",
    "diffgram": "common_ml.data.formats.diffgram",
    "labelstudio": "common_ml.data.formats.labelstudio",
    "masterful": "common_ml.data.formats.masterful",
    "scale": "common_ml.data.formats.scale",
    "webvtt": "common_ml.data.formats.webvtt",
}


class Format(Protocol):
    """What a module of a format has; `write` only where the format can be written."""

    NAME: str

    def read(self, source: Any, **options: Any) -> Iterator[Record]:
        """The records of a source, as they are read."""


def names() -> tuple[str, ...]:
    """The formats there are, sorted."""
    return tuple(sorted(_HOMES))


def get(name: str) -> Format:
    """The module of a format.

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


def can_write(name: str) -> bool:
    """Whether the format can be written, too."""
    return hasattr(get(name), "write")
