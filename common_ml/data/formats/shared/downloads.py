"""Download media from URLs into a cache of bounded size."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.media_names import file_name, is_url, scheme_of
from common_ml.data.formats.shared.web import Web
from common_ml.errors import MediaError, MissingExtraError, ServiceError
from common_ml.media.headers.magic import picture_format
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from typing import BinaryIO

CLOUD_SCHEMES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs"})
"""Schemes fetched through fsspec (the extra `cloud`)."""
MAX_FILE_BYTES = 4 << 30
MAX_CACHE_BYTES = 20 << 30
_SUFFIXES = {"png": ".png", "gif": ".gif", "bmp": ".bmp", "tiff": ".tif", "webp": ".webp"}
"""Format of a picture -> file extension."""


@dataclass(frozen=True)
class Downloads:
    """A folder of downloaded media, one file per URL."""

    folder: Path
    max_file_bytes: int = MAX_FILE_BYTES
    """Maximum size of one file in bytes."""
    max_cache_bytes: int = MAX_CACHE_BYTES
    """Maximum size of the folder in bytes; the least recently used files are deleted first."""
    web: Web = field(default_factory=Web)

    def fetch(self, url: str) -> Path:
        """Return the file of a URL, downloaded unless it is cached.

        Raises:
            ServiceError: it cannot be fetched, or is neither picture, video nor sound.
            MissingExtraError: an address of a cloud, without fsspec.
            OSError: the folder cannot be written.
        """
        path = self.folder / _cache_name(url)
        if path.is_file():
            with suppress(OSError):
                os.utime(path)  # mark as recently used
            return path
        with replacing(path) as file:
            self._write(url, file)
            file.flush()
            _check_is_media(Path(file.name), url)
        self._trim(keep=path)
        return path

    def _write(self, url: str, file: BinaryIO) -> None:
        scheme = scheme_of(url)
        if scheme in CLOUD_SCHEMES:
            copy_from_cloud(url, file, max_bytes=self.max_file_bytes)
            return
        if scheme not in ("http", "https"):
            raise ServiceError(
                f"{url!r:.120}: media of this kind of address cannot be fetched; expected https"
                f" or one of {', '.join(sorted(CLOUD_SCHEMES))}",
                url=url.partition("?")[0],
            )
        web = Web(
            self.web.headers,
            pause=self.web.pause,
            attempts=self.web.attempts,
            max_bytes=min(self.web.max_bytes, self.max_file_bytes),
            max_seconds=self.web.max_seconds,
            clock=self.web.clock,
        )
        web.download(url, Path(file.name))

    def _trim(self, *, keep: Path) -> None:
        files = [one for one in self.folder.iterdir() if one.is_file() and one.suffix != ".partial"]
        found = []
        for one in files:
            with suppress(FileNotFoundError):  # another process trims the cache, too
                stat = one.stat()
                found.append((stat.st_mtime, stat.st_size, one))
        total = sum(size for _, size, _ in found)
        for _, size, one in sorted(found):
            if total <= self.max_cache_bytes:
                return
            if one != keep:
                one.unlink(missing_ok=True)
                total -= size


def default_folder() -> Path:
    """Return the cache folder: COMMON_ML_CACHE, or the user's cache folder."""
    own = os.environ.get("COMMON_ML_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.fspath(Path.home() / ".cache")
    return Path(own) / "media" if own else Path(base) / "common-ml" / "media"


def copy_from_cloud(url: str, file: BinaryIO, *, max_bytes: int) -> None:
    """Copy an object of cloud storage to a file.

    Raises:
        MissingExtraError: fsspec, or what it needs for the scheme, is not installed.
        ServiceError: it cannot be read, or is too large.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("fsspec", extra="cloud") from error
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        size = filesystem.size(path)
        if size is not None and size > max_bytes:
            raise ServiceError(f"{url}: has more than {max_bytes} bytes", url=url)
        with filesystem.open(path, "rb") as source:
            _copy_bounded(source, file, url, max_bytes)
    except ImportError as error:  # such as s3fs
        raise MissingExtraError(f"fsspec for {scheme_of(url)}://", extra="cloud") from error
    except ServiceError:
        raise
    # each cloud driver raises errors of its own library
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ServiceError(f"{url}: cannot be read: {reason}", url=url) from error


def local_copy(source: str, folder: Path, *, max_bytes: int) -> Path:
    """Copy a cloud file into a folder; raises as `copy_from_cloud` does."""
    path = folder / (file_name(source) or "download")
    with replacing(path) as file:
        copy_from_cloud(source, file, max_bytes=max_bytes)
    return path


def is_cloud(source: str) -> bool:
    """Whether a URL is read through fsspec."""
    return is_url(source) and scheme_of(source) in CLOUD_SCHEMES


def suffix_of(content: bytes) -> str:
    """Return the extension for the first bytes of a picture."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    return _SUFFIXES.get(picture_format(content), ".jpg")


def _copy_bounded(source: Any, file: BinaryIO, url: str, max_bytes: int) -> None:
    written = 0
    while chunk := source.read(1 << 20):
        written += len(chunk)
        if written > max_bytes:
            raise ServiceError(f"{url}: has more than {max_bytes} bytes", url=url)
        file.write(chunk)


def _cache_name(url: str) -> str:
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    suffix = PurePosixPath(file_name(url)).suffix.lower()
    return digest + (suffix if suffix[1:].isalnum() and len(suffix) <= 6 else "")


def _check_is_media(path: Path, url: str) -> None:
    from common_ml.media.kinds import media_kind

    try:
        kind = media_kind(path)
    except MediaError:
        kind = "unknown"
    if kind == "unknown":
        shown = url.partition("?")[0]
        raise ServiceError(f"{shown}: is neither picture, video nor sound", url=shown)
