"""`/v1/exports`: export results as one tags file, or in another format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import parsed_id
from common_ml.service.api.v1.schemas import ExportRequest
from common_ml.service.exporting import export, formats
from common_ml.service.operations.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(prefix="/v1", tags=["search"])
Downloader = Annotated[Actor, Depends(allow("download"))]
_CHUNK_BYTES = 1 << 18
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post("/exports", response_class=Response, responses=_FILE)
def export_predictions(
    request: Request,
    actor: Downloader,
    body: ExportRequest,
    format: Annotated[  # noqa: A002 - the name in the address
        str, Query(max_length=40, description=f"tags or one of {', '.join(formats())}.")
    ] = "tags",
) -> Response:
    """Return the tags of predictions, in this order, as one file; a folder comes as a ZIP.

    `tags` are the JSON lines that `common-ml run` writes for these files.
    """
    server = server_of(request)
    numbers = [parsed_id(text, "prediction") for text in body.predictions]
    made = export(server.core, actor, numbers, format_name=format, folder=server.upload_folder)
    headers = {
        "content-disposition": f'attachment; filename="{made.name}"',
        "content-length": str(made.path.stat().st_size),
        "cache-control": "private, no-store",
    }
    file = made.path.open("rb")
    made.discard()  # it is read to its end all the same
    return StreamingResponse(_chunks(file), media_type=made.media_type, headers=headers)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
