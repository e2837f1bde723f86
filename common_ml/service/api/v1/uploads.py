"""`/v1/uploads`: resumable uploads by tus 1.0."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.server_state import Server
from common_ml.service.api.v1.documents import file_document, rfc3339_time
from common_ml.service.api.v1.schemas import Page, UploadDocument
from common_ml.service.operations.actor import Actor
from common_ml.service.problems import Problem
from common_ml.service.upload import tus
from common_ml.service.upload.partial import PartialUpload

if TYPE_CHECKING:
    from common_ml.service.upload.staging import Hashes, StagedFile

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
Uploader = Annotated[Actor, Depends(allow("upload"))]
_MISMATCH = 460


@router.options("", status_code=204, openapi_extra={"x-open": True})
async def upload_options(request: Request) -> Response:
    """Say what of the protocol is supported."""
    limits = server_of(request).core.limits
    return Response(
        status_code=204,
        headers={
            "tus-resumable": tus.VERSION,
            "tus-version": tus.VERSION,
            "tus-extension": tus.EXTENSIONS,
            "tus-max-size": str(limits.max_tus_bytes),
            "tus-checksum-algorithm": ",".join(tus.CHECKSUMS),
        },
    )


@router.get("", response_model=Page[UploadDocument])
def list_uploads(request: Request, actor: Uploader) -> dict[str, Any]:
    """List your uploads that have not expired, oldest first."""
    server = server_of(request)
    found = server.uploads.of_owner(actor.user_id)
    return {"items": [_document(server, upload) for upload in found], "next": None}


@router.post("", status_code=201, response_class=Response)
async def create_upload(request: Request, actor: Uploader) -> Response:
    """Begin an upload; a body of `application/offset+octet-stream` is its first bytes.

    `Upload-Metadata` may hold `filename`, and `sha256` to find the upload again and to check it.
    """
    server, headers = server_of(request), request.headers
    tus.check_version(headers)
    length = tus.wanted_length(headers, max_bytes=server.core.limits.max_tus_bytes)
    pairs = tus.metadata(headers.get("upload-metadata", ""))
    if length > shutil.disk_usage(server.upload_folder).free:
        raise Problem(507, f"the disk has no room for {length:,} bytes", code="store_full")
    upload = await run_sync(
        lambda: server.uploads.create(
            owner=actor.user_id,
            name=pairs.get("filename", ""),
            length=length,
            sha256=pairs.get("sha256", ""),
        )
    )
    location = {"location": f"/v1/uploads/{upload.id}"}
    if headers.get("content-type", "").startswith(tus.CONTENT_TYPE):
        upload, offset = await _receive(server, request, actor, upload)
    elif not length:
        upload, offset = await _finish(server, actor, upload, None), 0
    else:
        offset = 0
    return Response(status_code=201, headers={**tus.described(upload, offset), **location})


@router.head("/{upload_id}", response_class=Response)
async def upload_offset(request: Request, upload_id: str, actor: Uploader) -> Response:
    """Say how far an upload is; a request that still writes to it ends."""
    tus.check_version(request.headers)
    server = server_of(request)
    upload = await _own(server, upload_id, actor)
    await server.writers.supersede(upload.id)
    offset = await run_sync(server.uploads.offset, upload)
    if offset == upload.length and upload.file is None:  # the store failed at the end of the bytes
        upload = await _finish(server, actor, upload, None)
    return Response(headers=tus.described(upload, offset))


@router.get("/{upload_id}", response_model=UploadDocument)
async def upload_state(request: Request, upload_id: str, actor: Uploader) -> dict[str, Any]:
    """Describe an upload, with the file that it became."""
    server = server_of(request)
    upload = await _own(server, upload_id, actor)
    return await run_sync(_document, server, upload)


@router.patch("/{upload_id}", status_code=204, response_class=Response)
async def append_to_upload(request: Request, upload_id: str, actor: Uploader) -> Response:
    """Append bytes; with the last ones the upload becomes a file."""
    tus.check_version(request.headers)
    wanted = tus.wanted_offset(request.headers)
    server = server_of(request)
    upload = await _own(server, upload_id, actor)
    await server.writers.supersede(upload.id)
    offset = await run_sync(server.uploads.offset, upload)
    if wanted != offset:
        raise Problem(
            409,
            f"the upload has {offset:,} bytes, got Upload-Offset: {wanted:,}",
            headers=tus.answered({"upload-offset": str(offset)}),
        )
    upload, offset = await _receive(server, request, actor, upload)
    return Response(status_code=204, headers=tus.described(upload, offset))


@router.delete("/{upload_id}", status_code=204, response_class=Response)
async def end_upload(request: Request, upload_id: str, actor: Uploader) -> Response:
    """Remove an upload; the file that it became stays."""
    tus.check_version(request.headers)
    server = server_of(request)
    upload = await _own(server, upload_id, actor)
    await server.writers.supersede(upload.id)
    await run_sync(server.uploads.remove, upload.id)
    return Response(status_code=204, headers=tus.answered())


async def _own(server: Server, upload_id: str, actor: Actor) -> PartialUpload:
    upload = await run_sync(server.uploads.get, upload_id)
    if upload is None or upload.owner != actor.user_id:
        raise Problem(
            404, f"no such upload: {upload_id!r:.80}; hint: uploads expire, begin another one"
        )
    return upload


async def _receive(
    server: Server, request: Request, actor: Actor, upload: PartialUpload
) -> tuple[PartialUpload, int]:
    """Append the body; return the upload, and how far it is."""
    if upload.file is not None:
        return upload, upload.length
    async with server.writers.writing(upload.id):
        hashes = await tus.receive(
            server.counted(request.stream()), upload, server.uploads, headers=request.headers
        )
        if hashes.size == upload.length:
            return await _finish(server, actor, upload, hashes), upload.length
        return await run_sync(server.uploads.extend, upload), hashes.size


async def _finish(
    server: Server, actor: Actor, upload: PartialUpload, hashes: Hashes | None
) -> PartialUpload:
    """Move a complete upload into the store."""

    def finish() -> PartialUpload:
        known = hashes or server.uploads.hashes(upload)
        if upload.sha256 and upload.sha256 != known.sha256:
            server.uploads.remove(upload.id)
            raise Problem(
                _MISMATCH,
                f"the file has SHA-256 {known.sha256}, expected {upload.sha256}; hint: it changed "
                "while it was sent, send it again",
            )
        staged: StagedFile = server.uploads.staged(upload, known)
        document = file_document(server.keep(actor, staged))
        return server.uploads.finish(upload, document)

    return await run_sync(finish)


def _document(server: Server, upload: PartialUpload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "name": upload.name,
        "length": upload.length,
        "offset": server.uploads.offset(upload),
        "sha256": upload.sha256,
        "created_at": rfc3339_time(upload.created),
        "expires_at": rfc3339_time(upload.expires),
        "file": upload.file,
    }
