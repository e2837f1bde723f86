"""Content-addressed storage: a folder or an object store, with the SHA-256 as key."""

from __future__ import annotations

from common_ml.service.store.opening import open_contents
from common_ml.service.store.store import ContentStore, LocalContent

__all__ = ["ContentStore", "LocalContent", "open_contents"]
