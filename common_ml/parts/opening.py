"""Choose the store of an address."""

from __future__ import annotations

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
