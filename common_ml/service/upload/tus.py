"""The tus protocol 1.0 (resumable uploads): headers, extensions, and exclusive writers."""

from __future__ import annotations

import base64
import binascii
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from common_ml.service.upload.partial import PartialUpload, PartialUploads
    from common_ml.service.upload.staging import Hashes

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
CHECKSUMS = ("sha256", "sha1", "md5")
CONTENT_TYPE = "application/offset+octet-stream"
_MISMATCH = 460
_BATCH_BYTES = 1 << 20


def check_version(headers: Mapping[str, str]) -> None:
    """Refuse another version of the protocol.

    Raises:
        Problem: 412.
    """
    got = headers.get("tus-resumable", "")
    if got != VERSION:
        raise Problem(
            412,
            f"expected Tus-Resumable: {VERSION}, got {got!r:.40}",
            headers={"tus-version": VERSION, "tus-resumable": VERSION},
        )


def wanted_length(headers: Mapping[str, str], *, max_bytes: int) -> int:
    """Return the size of a new upload in bytes.

    Raises:
        Problem: 400, it is missing; 413, it is too large.
    """
    text = headers.get("upload-length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Problem(
            400, f"expected Upload-Length: a number of bytes, got {text!r:.40}", headers=answered()
        )
    if int(text) > max_bytes:
        raise Problem(
            413,
            f"the file has {int(text):,} bytes, the limit is {max_bytes:,}",
            headers=answered({"tus-max-size": str(max_bytes)}),
        )
    return int(text)


def wanted_offset(headers: Mapping[str, str]) -> int:
    """Return the offset of a request's bytes.

    Raises:
        Problem: 415 or 400.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        raise Problem(415, f"expected Content-Type: {CONTENT_TYPE}, got {kind!r:.80}")
    text = headers.get("upload-offset", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Problem(400, f"expected Upload-Offset: a number of bytes, got {text!r:.40}")
    return int(text)


def metadata(header: str) -> dict[str, str]:
    """Return the pairs of `Upload-Metadata`: a key, and a text in base64, separated by commas.

    Raises:
        Problem: 400, it cannot be read.
    """
    pairs: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            pairs[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise Problem(
                400, f"Upload-Metadata: the value of {key!r:.40} is not UTF-8 in base64"
            ) from error
    return pairs


def answered(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the response headers of the protocol."""
    return {"tus-resumable": VERSION, "cache-control": "no-store", **(extra or {})}


def described(upload: PartialUpload, offset: int) -> dict[str, str]:
    """Return the response headers with offset and expiry of an upload."""
    headers = {
        "upload-offset": str(offset),
        "upload-length": str(upload.length),
        "upload-expires": formatdate(upload.expires, usegmt=True),
    }
    if upload.file is not None:
        headers["upload-file"] = str(upload.file.get("sha256", ""))
    return answered(headers)


@dataclass(frozen=True)
class Checksum:
    """The checksum of one request's bytes."""

    algorithm: str
    digest: bytes

    @classmethod
    def of(cls, header: str) -> Checksum | None:
        """Parse `Upload-Checksum`; None where there is none.

        Raises:
            Problem: 400, it cannot be read, or another algorithm.
        """
        if not header:
            return None
        algorithm, _, text = header.strip().partition(" ")
        if algorithm not in CHECKSUMS:
            raise Problem(
                400,
                f"Upload-Checksum: expected one of {', '.join(CHECKSUMS)}, got {algorithm!r:.40}",
            )
        try:
            return cls(algorithm, base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError) as error:
            raise Problem(400, "Upload-Checksum: the digest is not base64") from error


@dataclass
class _Writer:
    """The request that is currently writing to an upload."""

    scope: anyio.CancelScope
    gone: anyio.Event = field(default_factory=anyio.Event)


class ExclusiveWriter:
    """Write locks of uploads: a newer request supersedes one whose connection may be dead."""

    def __init__(self) -> None:
        self._writers: dict[str, _Writer] = {}

    async def supersede(self, identifier: str) -> None:
        """Abort the request that writes to an upload, and wait until it has ended."""
        while (writer := self._writers.get(identifier)) is not None:
            writer.scope.cancel()
            await writer.gone.wait()

    @asynccontextmanager
    async def writing(self, identifier: str) -> AsyncIterator[None]:
        """Hold the write lock of an upload within this block.

        Raises:
            Problem: 423, a newer request has taken over.
        """
        await self.supersede(identifier)
        with anyio.CancelScope() as scope:
            writer = self._writers[identifier] = _Writer(scope)
            try:
                yield
            finally:
                del self._writers[identifier]
                writer.gone.set()
        if scope.cancelled_caught:
            raise Problem(423, "another request continues this upload")


async def receive(
    chunks: AsyncIterable[bytes],
    upload: PartialUpload,
    uploads: PartialUploads,
    *,
    headers: Mapping[str, str],
) -> Hashes:
    """Append the body of a request to an upload; keep what has arrived if it is interrupted.

    With a checksum the append is atomic: all of the body is kept or nothing.

    Returns:
        The hashes of all that has arrived so far.

    Raises:
        Problem: 413, the body goes beyond the end; 460, another checksum.
        OSError: the disk is full.
    """
    checksum = Checksum.of(headers.get("upload-checksum", ""))
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    hashes = await run_sync(uploads.hashes, upload)
    start, before = hashes.size, hashes.copy()
    pending: list[bytes] = []
    gathered = 0

    async def flush() -> None:
        nonlocal pending, gathered
        data, pending, gathered = b"".join(pending), [], 0
        if hashes.size + len(data) > upload.length:
            raise Problem(413, f"the body goes beyond Upload-Length: {upload.length}")
        if data:
            if digest is not None:
                digest.update(data)
            with anyio.CancelScope(shield=True):  # the file and the hashes change together
                await run_sync(uploads.append, upload, data, hashes)

    try:
        async for chunk in chunks:
            pending.append(chunk)
            gathered += len(chunk)
            if gathered >= _BATCH_BYTES:
                await flush()
        await flush()
        if checksum and digest and digest.digest() != checksum.digest:
            raise Problem(_MISMATCH, "the checksum of the body is another one: nothing was kept")
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            if not isinstance(error, Problem) and checksum is None and pending:
                await flush()  # a broken connection: what has arrived counts
            if checksum is not None or (isinstance(error, Problem) and error.status == 413):
                await run_sync(uploads.truncate, upload, start)
                hashes = before
            uploads.keep_hashes(upload, hashes)
        raise
    uploads.keep_hashes(upload, hashes)
    return hashes
