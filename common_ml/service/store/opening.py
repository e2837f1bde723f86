"""Open the content store of an address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import StoreError

if TYPE_CHECKING:
    from common_ml.service.store.store import ContentStore

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def open_contents(address: str) -> ContentStore:
    """Open the content store in a folder, or at a URL such as `s3://bucket/prefix`.

    Raises:
        MissingExtraError: a URL needs a library that is not installed.
        StoreError: the URL has an unknown scheme.
    """
    from common_ml.parts.objects import SCHEMES

    if address.startswith(SCHEMES):
        from common_ml.service.store.objects import ObjectStore

        return ObjectStore(address)
    if "//" in address.lstrip("/") or _SCHEME.match(address):
        raise StoreError(
            f"{address!r:.200} is no store; hint: give a folder, or a URL that begins with "
            f"{', '.join(SCHEMES)}"
        )
    from common_ml.service.store.local import LocalStore

    return LocalStore(Path(address))
