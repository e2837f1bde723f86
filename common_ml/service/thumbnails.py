"""Create and cache thumbnails of files, for the page."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import MediaError

if TYPE_CHECKING:
    from common_ml.service.operations.files import File
    from common_ml.service.store import ContentStore

LONGER_SIDE = 256
"""Pixels."""
_MAX_CACHED = 2000
_SECOND = 1.0
"""Of a video: its first picture is often black."""


class Thumbnails:
    """Thumbnail cache of a store. Its methods block."""

    def __init__(self, contents: ContentStore) -> None:
        self._contents = contents
        self._made: OrderedDict[str, bytes | None] = OrderedDict()
        self._lock = threading.Lock()
        # decoding takes processors and memory from the uploads
        self._at_once = threading.BoundedSemaphore(2)

    def of(self, file: File) -> bytes | None:
        """Return a JPEG of an image or video; None for others and for what cannot be decoded."""
        if file.kind not in {"image", "video"}:
            return None
        with self._lock:
            if file.key in self._made:
                self._made.move_to_end(file.key)
                return self._made[file.key]
        with self._at_once:
            picture = self._make(file)
        with self._lock:
            self._made[file.key] = picture
            while len(self._made) > _MAX_CACHED:
                self._made.popitem(last=False)
        return picture

    def _make(self, file: File) -> bytes | None:
        path = self._contents.local_path(file.key)
        if path is not None:
            return _decoded(path, file.kind)
        with tempfile.TemporaryDirectory(prefix="common-ml-thumbnail-") as folder:
            fetched = self._contents.fetch(file.key, Path(folder) / "file")
            return _decoded(fetched.path, file.kind)


def _decoded(path: Path, kind: str) -> bytes | None:
    from common_ml.media.decode import frames_at
    from common_ml.media.images import jpeg_bytes, read_image

    try:
        if kind == "image":
            return jpeg_bytes(read_image(path), LONGER_SIDE)
        with frames_at(path, [_SECOND], max_size=LONGER_SIDE) as frames:
            for frame in frames:
                return jpeg_bytes(frame.rgb, LONGER_SIDE)
    except MediaError:
        return None
    return None
