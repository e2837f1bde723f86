"""Download the weights of a model once, into the cache that the runtime mounts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from common_ml.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from http.client import HTTPResponse

_CHUNK_BYTES = 1 << 20
_REPORT_SECONDS = 5.0
_TIMEOUT_SECONDS = 60.0


def cached_weights(url: str, sha256: str) -> Path:
    """Return the path of a file of weights; download it if it is not in the cache yet.

        session = InferenceSession(cached_weights("https://.../detector.onnx", "9f86d08..."))

    The cache is `$XDG_CACHE_HOME`, else `~/.cache`: the runtime mounts it, so that a file is
    downloaded once for all runs. Of several taggers that start together one downloads, and the
    others wait for it. Progress is printed on stderr. A file is in its place only once its digest
    is right.

    Args:
        url: `https://`, `http://` or `file://`.
        sha256: The digest of the file, 64 hexadecimal digits.

    Raises:
        ValueError: the url or the digest is none.
        WeightsError: it cannot be downloaded or written, or has another digest; the message says
            where to put it by hand.
    """
    digest = sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}")
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise ValueError(f"url must begin with https://, http:// or file://, got {url!r}")
    path = _place(url, digest)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.parent / ".lock", "w") as lock:  # noqa: PTH123 - a descriptor to lock
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when it is closed
            if not path.is_file():  # another process has not made it meanwhile
                _download(url, digest, path)
    except WeightsError:
        raise
    except OSError as error:  # URLError, time-outs and a full disk are OSErrors
        raise WeightsError(
            f"{url} cannot be downloaded: {getattr(error, 'reason', None) or error}; hint: without "
            f"a network, put the file at {path}",
            url=url,
        ) from error
    return path


def _place(url: str, digest: str) -> Path:
    """Return where a file is cached: a folder of its digest, so that names may be equal."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = re.sub(r"[^\w.-]+", "_", unquote(Path(urlsplit(url).path).name)).lstrip(".")
    return Path(cache) / "common-ml" / "weights" / digest[:16] / (name or "weights")


def _download(url: str, digest: str, path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    found = hashlib.sha256()
    try:
        with _opened(url) as response, partial.open("wb") as file:
            for chunk in _chunks(response, path.name):
                file.write(chunk)
                found.update(chunk)
        if found.hexdigest() != digest:
            raise WeightsError(
                f"{url} has another content: sha256 must be {digest}, got {found.hexdigest()}",
                url=url,
            )
        partial.replace(path)  # atomic
    finally:
        partial.unlink(missing_ok=True)


def _opened(url: str) -> AbstractContextManager[HTTPResponse]:
    request = Request(url, headers={"User-Agent": "common-ml"})  # noqa: S310 - the scheme is checked
    return urlopen(request, timeout=_TIMEOUT_SECONDS)  # type: ignore[no-any-return] # noqa: S310 - the same


def _chunks(response: HTTPResponse, name: str) -> Iterator[bytes]:
    """Yield the content, and report progress at its begin, every few seconds and at its end."""
    stated = response.headers.get("Content-Length")
    total = f" of {int(stated) / 1e6:.1f}" if stated else ""
    done, reported = 0, time.monotonic()
    _report(f"downloading {name}{total and f', {total[4:]} MB'}")
    while chunk := response.read(_CHUNK_BYTES):
        yield chunk
        done += len(chunk)
        if time.monotonic() - reported >= _REPORT_SECONDS:
            reported = time.monotonic()
            _report(f"{name}: {done / 1e6:.1f}{total} MB")
    if stated and done < int(stated):
        raise OSError(f"the connection ended after {done} of {stated} bytes")
    _report(f"{name}: {done / 1e6:.1f} MB, done")


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress for who waits
