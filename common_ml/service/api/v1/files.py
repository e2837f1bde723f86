"""`/v1/files`: metadata, content and thumbnails of uploaded files."""

from __future__ import annotations

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Response

from common_ml.service.api.cursors import decode_cursor, encode_cursor
from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.ranges import matches, ranged_response
from common_ml.service.api.v1.documents import file_document
from common_ml.service.api.v1.schemas import FileDocument, Kind, Page
from common_ml.service.content_types import content_type
from common_ml.service.operations import files
from common_ml.service.operations.actor import Actor
from common_ml.service.problems import Problem
from common_ml.service.upload.multipart import Form

router = APIRouter(prefix="/v1/files", tags=["files"])
Reader = Annotated[Actor, Depends(allow("read"))]
Uploader = Annotated[Actor, Depends(allow("upload"))]
Downloader = Annotated[Actor, Depends(allow("download"))]
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "A range", "content": {"*/*": {}}},
    304: {"description": "Not modified"},
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            }
        },
    }
}


@router.get("", response_model=Page[FileDocument])
def list_files(
    request: Request,
    actor: Reader,
    kind: Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str, Query(max_length=2048)] = "",
) -> dict[str, Any]:
    """List your files and those shared with your roles, newest first."""
    before = decode_cursor(cursor, int)[0] if cursor else None
    found = files.find(server_of(request).core, actor, kind=kind, limit=limit, before=before)
    return {
        "items": [*map(file_document, found)],
        "next": encode_cursor(found[-1].position) if len(found) == limit else None,
    }


@router.post("", status_code=201, response_model=Page[FileDocument], openapi_extra=_FORM)
async def upload_files(request: Request, actor: Uploader) -> dict[str, Any]:
    """Upload files by one form, in the field `files`; large ones go to `/v1/uploads`."""
    server = server_of(request)
    form = await server.form(request)

    def keep(form: Form) -> list[dict[str, Any]]:
        try:
            if not form.files:
                raise Problem(400, "the form has no files; hint: send them as `files`")
            return [file_document(server.keep(actor, staged)) for staged in form.files]
        finally:
            form.discard()

    return {"items": await run_sync(keep, form), "next": None}


@router.get("/{digest}", response_model=FileDocument)
def show_file(request: Request, digest: str, actor: Reader) -> dict[str, Any]:
    """Describe a file by its SHA-256 or MD5."""
    return file_document(files.get(server_of(request).core, actor, digest))


@router.delete("/{digest}", status_code=204, response_class=Response)
def remove_file(request: Request, digest: str, actor: Uploader) -> Response:
    """Remove your names of a file; its content is deleted once no user has a name for it."""
    files.remove(server_of(request).core, actor, digest)
    return Response(status_code=204)


@router.api_route("/{digest}/content", methods=["GET"], response_class=Response, responses=_BINARY)
@router.head("/{digest}/content", response_class=Response, responses=_BINARY)
def file_content(
    request: Request, digest: str, actor: Downloader, *, download: bool = False
) -> Response:
    """Return the content of a file, or ranges of it."""
    return _content(request, digest, actor, download=download)


@router.get(
    "/{digest}/content/{name}",
    response_class=Response,
    responses=_BINARY,
    include_in_schema=False,
)
def named_content(request: Request, digest: str, name: str, actor: Downloader) -> Response:
    """Return the content of a file; the name in the address is for those who save it."""
    del name
    return _content(request, digest, actor, download=False)


@router.get("/{digest}/thumbnail", response_class=Response, responses=_BINARY)
def file_thumbnail(request: Request, digest: str, actor: Reader) -> Response:
    """Return a small JPEG of an image, or of a moment of a video; 404 for others."""
    server = server_of(request)
    file = files.get(server.core, actor, digest)
    etag = f'"{file.sha256}-t"'
    headers = {"etag": etag, "cache-control": "private, max-age=86400"}
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    picture = server.thumbnails.of(file)
    if picture is None:
        raise Problem(404, f"a file of kind {file.kind} has no thumbnail, or it is damaged")
    return Response(picture, media_type="image/jpeg", headers=headers)


def _content(request: Request, digest: str, actor: Actor, *, download: bool) -> Response:
    server = server_of(request)
    file = files.get(server.core, actor, digest)
    contents = server.core.contents
    return ranged_response(
        lambda start, stop: contents.read(file.key, start, stop),
        size=file.size,
        etag=file.sha256,
        headers=request.headers,
        media_type=content_type(file.kind, file.name),
        name=file.name,
        method=request.method,
        inline="attachment" if download else "inline",
    )
