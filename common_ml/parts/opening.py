"""Choose the store of an address, and say what is wrong with one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common_ml.parts.folder import FolderParts
from common_ml.parts.objects import SCHEMES, ObjectParts

if TYPE_CHECKING:
    from common_ml.parts.store import PartsStore
    from common_ml.types import StrPath


def open_parts(address: StrPath) -> PartsStore:
    """Return the parts of a folder or of a URL such as `s3://bucket/run-7`.

    Raises:
        OutputError: the folder cannot be created.
        MissingExtraError: a URL needs a library that is not installed.
    """
    text = str(address)
    if text.startswith(SCHEMES):
        return ObjectParts(text)
    return FolderParts(address)


def problem_of_parts(place: str) -> str | None:
    """Return the problem of a parts address; None if it is valid.

    An address with an unknown scheme would otherwise become a folder of that name.
    """
    if "\0" in place:
        return f"the address of parts holds a NUL character, got {place!r}"
    if place and (place.startswith(SCHEMES) or not re.match(r"\w+:/", place)):
        return None
    return f"parts is a folder or a URL that begins with one of {', '.join(SCHEMES)}, got {place!r}"
