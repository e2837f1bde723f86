"""Where contents lie: a folder, or an object store; each under the hash of its bytes."""

from __future__ import annotations

from common_ml.service.store.opening import open_contents
from common_ml.service.store.store import ContentStore, LocalContent

__all__ = ["ContentStore", "LocalContent", "open_contents"]
