"""Upload a file: small ones by one form, larger ones resumably by tus."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common_ml.errors import ServiceError
from common_ml.service.client.values import FileInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common_ml.backoff import Backoff
    from common_ml.service.client.client import Client
    from common_ml.types import StrPath

SMALL_BYTES = 8 << 20
"""Bytes; files up to this size are sent in one request."""
_CHUNK_BYTES = 1 << 20
_REQUEST_BYTES = 64 << 20
"""Bytes per PATCH request: the most that a buffering proxy holds."""
_TUS = {"tus-resumable": "1.0.0"}


def send_file(
    client: Client,
    path: StrPath,
    *,
    on_progress: Callable[[int, int], None] | None,
    retry: Backoff,
) -> FileInfo:
    """Send a file; see `Client.upload`.

    Raises:
        ServiceError: the service cannot be reached, or refuses.
        OSError: the file cannot be read.
    """
    source = Path(path)
    report = on_progress or _ignore
    sha256, size = _digest(source)
    known = _known(client, sha256, name=source.name)
    if known is not None:
        report(size, size)
        return known
    if size <= SMALL_BYTES:
        with source.open("rb") as file:
            content = file.read()
        report(0, size)
        form = {"files": (source.name, content, "application/octet-stream")}
        answer = client.request("POST", "/v1/files", files=form).json()
        report(size, size)
        return FileInfo.of(answer["items"][0])
    upload = _unfinished(client, sha256, size) or _create(client, source.name, sha256, size)
    _send_rest(client, upload, source, size=size, report=report, retry=retry)
    return FileInfo.of(client.request("GET", upload).json()["file"])


def _ignore(sent: int, total: int) -> None:
    del sent, total


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _known(client: Client, sha256: str, *, name: str) -> FileInfo | None:
    try:
        document = client.request("GET", f"/v1/files/{sha256}").json()
    except ServiceError as error:
        if error.status == 404:
            return None
        raise
    info = FileInfo.of(document)
    # under another name it is sent again, so that the service learns the name
    return info if name in document.get("names", [name]) or info.size > SMALL_BYTES else None


def _unfinished(client: Client, sha256: str, size: int) -> str | None:
    """Return the path of an interrupted upload of the same content."""
    for upload in client.request("GET", "/v1/uploads").json()["items"]:
        if upload["sha256"] == sha256 and upload["length"] == size and upload["file"] is None:
            return f"/v1/uploads/{upload['id']}"
    return None


def _create(client: Client, name: str, sha256: str, size: int) -> str:
    pairs = {"filename": name, "sha256": sha256}
    metadata = ",".join(
        f"{key} {base64.b64encode(value.encode('utf-8', 'replace')).decode()}"
        for key, value in pairs.items()
    )
    headers = {**_TUS, "upload-length": str(size), "upload-metadata": metadata}
    answer = client.request("POST", "/v1/uploads", headers=headers)
    return "/v1/uploads/" + answer.headers["location"].rpartition("/")[2]


def _send_rest(
    client: Client,
    upload: str,
    source: Path,
    *,
    size: int,
    report: Callable[[int, int], None],
    retry: Backoff,
) -> None:
    failures = 0
    with source.open("rb") as file:
        offset = _offset(client, upload)
        while offset < size:
            report(offset, size)
            headers = {
                **_TUS,
                "upload-offset": str(offset),
                "content-type": "application/offset+octet-stream",
                "content-length": str(min(_REQUEST_BYTES, size - offset)),
            }
            content = _chunks(file, offset, size=size, report=report)
            try:
                answer = client.request(
                    "PATCH", upload, content=content, headers=headers, repeat=False
                )
            except ServiceError as error:
                if error.status is not None and error.status not in _RESUMED:
                    raise
                failures += 1
                if failures >= retry.attempts:
                    raise
                time.sleep(retry.delay_seconds(failures))
                before, offset = offset, _offset(client, upload)
                failures = 0 if offset > before else failures
                continue
            failures = 0
            offset = int(answer.headers["upload-offset"])
    report(size, size)


_RESUMED = frozenset({409, 423, 429, 500, 502, 503, 504})
"""Statuses after which the client asks for the offset again."""


def _offset(client: Client, upload: str) -> int:
    return int(client.request("HEAD", upload, headers=_TUS).headers["upload-offset"])


def _chunks(
    file: BinaryIO, offset: int, *, size: int, report: Callable[[int, int], None]
) -> Iterator[bytes]:
    file.seek(offset)
    end = min(offset + _REQUEST_BYTES, size)
    while offset < end:
        chunk = file.read(min(_CHUNK_BYTES, end - offset))
        if not chunk:
            raise OSError(f"the file became shorter while it was sent: {file.name}")
        yield chunk
        offset += len(chunk)
        report(offset, size)
