"""Partial uploads on disk: `ID.part` holds the bytes, `ID.json` the metadata.

The size of the file is the offset, so that the two cannot disagree after a crash.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from common_ml.service.upload.staging import Hashes, StagedFile, clean_name, staged
from common_ml.utils.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}\Z")
_MAX_HASHES = 256


@dataclass(frozen=True)
class PartialUpload:
    """A resumable upload."""

    id: str
    owner: int
    """Id of the user who began it."""
    name: str
    length: int
    """Size of the whole file in bytes."""
    created: float
    """Unix time in seconds."""
    expires: float
    """Unix time in seconds; extended by each request that adds bytes."""
    sha256: str = ""
    """Expected hash of the whole file, from the client; "" without one."""
    file: dict[str, Any] | None = None
    """Document of the resulting file; None until it is in the store."""


class PartialUploads:
    """Partial uploads in a folder. The methods block: call them in a thread."""

    def __init__(self, folder: Path, *, lifetime_seconds: float) -> None:
        self._folder = folder
        self._lifetime = lifetime_seconds
        self._hashes: OrderedDict[str, Hashes] = OrderedDict()
        self._lock = threading.Lock()

    def create(self, *, owner: int, name: str, length: int, sha256: str = "") -> PartialUpload:
        """Begin an upload.

        Raises:
            OSError: the disk is full.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        upload = PartialUpload(
            uuid4().hex, owner, clean_name(name), length, now, now + self._lifetime, sha256
        )
        self._part(upload.id).touch(mode=0o600)
        self._save(upload)
        return upload

    def get(self, identifier: str) -> PartialUpload | None:
        """Return an upload, or None where there is none or it has expired."""
        if not _ID.match(identifier):
            return None
        try:
            upload = PartialUpload(**orjson.loads(self._facts(identifier).read_bytes()))
        except FileNotFoundError:
            return None
        return None if upload.expires < time.time() else upload

    def offset(self, upload: PartialUpload) -> int:
        """Return how many bytes have arrived."""
        if upload.file is not None:
            return upload.length
        return self._part(upload.id).stat().st_size

    def of_owner(self, owner: int) -> Iterator[PartialUpload]:
        """Yield the uploads of a user, oldest first."""
        found = (self.get(path.stem) for path in self._folder.glob("*.json"))
        mine = [upload for upload in found if upload is not None and upload.owner == owner]
        yield from sorted(mine, key=lambda upload: (upload.created, upload.id))

    def extend(self, upload: PartialUpload) -> PartialUpload:
        """Reset the expiry of an upload."""
        later = replace(upload, expires=time.time() + self._lifetime)
        self._save(later)
        return later

    def hashes(self, upload: PartialUpload) -> Hashes:
        """Return the hashes of the bytes so far; recomputed from the file after a restart."""
        with self._lock:
            known = self._hashes.pop(upload.id, None)
        if known is not None and known.size == self.offset(upload):
            return known
        hashes = Hashes()
        hashes.update_from(self._part(upload.id))
        return hashes

    def append(self, upload: PartialUpload, data: bytes, hashes: Hashes) -> None:
        """Append bytes; file and hashes stay consistent, also on an error.

        Raises:
            OSError: the disk is full.
        """
        before = hashes.size
        with self._part(upload.id).open("r+b", buffering=0) as file:
            try:
                file.seek(before)
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
            except OSError:
                file.truncate(before)
                raise
        hashes.update(data)

    def truncate(self, upload: PartialUpload, offset: int) -> None:
        """Truncate the file at an offset."""
        os.truncate(self._part(upload.id), offset)

    def keep_hashes(self, upload: PartialUpload, hashes: Hashes) -> None:
        """Cache hashes for the next request of this upload."""
        with self._lock:
            self._hashes[upload.id] = hashes
            while len(self._hashes) > _MAX_HASHES:
                self._hashes.popitem(last=False)

    def staged(self, upload: PartialUpload, hashes: Hashes) -> StagedFile:
        """Return the complete file, which the caller may move."""
        return staged(self._part(upload.id), name=upload.name, hashes=hashes)

    def finish(self, upload: PartialUpload, file: dict[str, Any]) -> PartialUpload:
        """Record the resulting file, and remove the bytes unless they were moved."""
        done = replace(upload, file=file)
        self._save(done)
        self._part(upload.id).unlink(missing_ok=True)
        return done

    def remove(self, identifier: str) -> None:
        """Remove an upload."""
        with self._lock:
            self._hashes.pop(identifier, None)
        self._part(identifier).unlink(missing_ok=True)
        self._facts(identifier).unlink(missing_ok=True)

    def remove_expired(self) -> int:
        """Remove expired uploads and staged files left by a crash; return how many."""
        removed = 0
        oldest = time.time() - self._lifetime
        for path in [*self._folder.glob("*.json")]:
            if self.get(path.stem) is None:
                self.remove(path.stem)
                removed += 1
        for path in [*self._folder.glob("*.part")]:
            with suppress(FileNotFoundError):  # finished meanwhile
                if not self._facts(path.stem).exists() and path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
        return removed

    def _part(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.part"

    def _facts(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.json"

    def _save(self, upload: PartialUpload) -> None:
        write_whole(self._facts(upload.id), orjson.dumps(asdict(upload)))
