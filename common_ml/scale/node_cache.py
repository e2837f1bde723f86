"""LRU cache of fetched films, shared by the processes of a machine, with a size limit."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from common_ml.errors import MissingExtraError, MissingMediaError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.types import StrPath

SCHEMES = ("s3://", "gs://", "az://", "http://", "https://")
_CHUNK_BYTES = 8 << 20


def is_url(path: str) -> bool:
    """Whether a film has to be fetched from a URL."""
    return path.startswith(SCHEMES)


class NodeCache:
    """A cache folder that the processes of a machine share.

    A film in use is locked (by flock, which is released with its process). If a new one does not
    fit, the least recently used ones are evicted; films in use stay, so that the limit is exceeded
    by at most the films in use.
    """

    def __init__(self, folder: StrPath | None, *, max_bytes: int) -> None:
        """Create the folder if it does not exist.

        Args:
            folder: None for one of this user in the temporary directory.
            max_bytes: The limit, >= 0.
        """
        default = Path(tempfile.gettempdir()) / f"common-ml-films-{os.getuid()}"
        self.folder = Path(folder) if folder is not None else default
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._max_bytes = max_bytes

    @contextmanager
    def file(self, url: str) -> Iterator[str]:
        """Fetch a film unless it is cached, and lock it for the time of a `with` block.

        Raises:
            MissingMediaError: there is no such object.
            ServiceError: it cannot be fetched.
            MissingExtraError: obstore is not installed.
            OSError: the disk is full.
        """
        place = self.folder / hashlib.sha256(url.encode()).hexdigest()[:32]
        place.mkdir(exist_ok=True)
        film = place / (os.path.basename(unquote(urlsplit(url).path)) or "film")  # noqa: PTH119 - of a URL
        descriptor = os.open(place / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not film.exists():
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # one fetches, the others wait
                if not film.exists():
                    self._fetch(url, film)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not film.exists():  # removed between the two locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._fetch(url, film)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            now = time.time_ns()  # finer than the clock of the file system
            os.utime(place, ns=(now, now))
            yield str(film)
        finally:
            os.close(descriptor)

    def fetch(self, url: str) -> None:
        """Fetch a film unless it is cached.

        Raises:
            OSError: as in `file`.
        """
        with self.file(url):
            pass

    def _fetch(self, url: str, film: Path) -> None:
        store, name = store_of(url)
        import obstore
        from obstore.exceptions import BaseError

        beside = film.with_name(".fetching")
        try:
            found = obstore.get(store, name)
            self._make_room(int(found.meta["size"]), keep=film.parent)
            with beside.open("wb") as file:
                for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                    file.write(chunk)
            beside.replace(film)
        except FileNotFoundError as error:
            raise MissingMediaError(f"no such file: {url}", path=url) from error
        except BaseError as error:
            first = str(error).partition("\n")[0]
            raise ServiceError(f"{url} cannot be fetched: {first}", url=_plain(url)) from error
        finally:
            beside.unlink(missing_ok=True)

    def _make_room(self, num_bytes: int, *, keep: Path) -> None:
        """Evict unused films until a new one fits."""
        places = [place for place in self.folder.iterdir() if place.is_dir() and place != keep]
        sizes = {place: _size(place) for place in places}
        excess = sum(sizes.values()) + num_bytes - self._max_bytes
        for place in sorted(places, key=_used_at):
            if excess <= 0:
                return
            if sizes[place] and _remove_unused(place):
                excess -= sizes[place]


def _remove_unused(place: Path) -> bool:
    try:
        descriptor = os.open(place / ".lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for film in place.iterdir():
            if film.name != ".lock":  # which another process may wait for
                film.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _size(place: Path) -> int:
    total = 0
    for film in place.iterdir():
        with suppress(FileNotFoundError):
            total += film.stat().st_size
    return total


def _used_at(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _plain(url: str) -> str:
    """Return the URL without its query, which may contain a signature."""
    return url.partition("?")[0]


def store_of(url: str) -> tuple[Any, str]:
    """Return the store of an object, and its name there."""
    try:
        from obstore.store import HTTPStore, from_url
    except ImportError as error:
        raise MissingExtraError("obstore", extra="s3") from error
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        base = f"{parts.scheme}://{parts.netloc}"
        store = HTTPStore.from_url(base, client_options={"allow_http": parts.scheme == "http"})
        return store, unquote(parts.path.lstrip("/"))
    return from_url(f"{parts.scheme}://{parts.netloc}"), unquote(parts.path.lstrip("/"))
