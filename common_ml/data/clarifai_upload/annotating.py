"""Post the annotations of uploaded inputs: regions and concepts, at most 20 a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.options import MAX_ANNOTATIONS
from common_ml.data.clarifai_upload.posting import match
from common_ml.data.clarifai_upload.session import CallFailed, after_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.data.clarifai_upload.session import Session
    from common_ml.data.clarifai_upload.statuses import Status
    from common_ml.data.clarifai_upload.upload_item import Piece, UploadItem

    Work = tuple[UploadItem, Piece]


def post_annotations(session: Session, items: Sequence[UploadItem]) -> None:
    """Post the annotations of downloaded inputs; accepted ones are removed from their item.

    An item with a refused annotation is settled as failed, with the first refusal.

    Raises:
        UploadStopped: the upload ends.
    """
    work = [(item, piece) for item in items for piece in item.pieces]
    refused: dict[int, Status] = {}
    for start in range(0, len(work), MAX_ANNOTATIONS):
        batch = work[start : start + MAX_ANNOTATIONS]
        for item, status in _post(session, batch):
            refused.setdefault(item.place, status)
    for item in items:
        if item.place in refused:
            item.settle("failed", refused[item.place])


def _post(session: Session, batch: list[Work]) -> Iterator[tuple[UploadItem, Status]]:
    """Post one batch, retry throttled ones, and return what is refused, and why."""
    retries = session.retries()
    while batch:
        annotations = [
            messages.annotation_message(session.library, item, piece) for item, piece in batch
        ]
        request = session.library.service.PostAnnotationsRequest(annotations=annotations)
        try:
            answer = session.call("PostAnnotations", request)
        except CallFailed as failure:
            yield from ((item, failure.status) for item, _ in batch)
            return
        later = []
        for (item, piece), status in zip(batch, _each_status(session, answer, batch), strict=True):
            if status.code in statuses.LATER:
                later.append(((item, piece), status))
            elif status.code in statuses.TAKEN_ANNOTATION:
                item.pieces.remove(piece)
                item.num_taken += 1
            elif statuses.is_same_annotation(status):
                item.pieces.remove(piece)
            else:
                yield item, status
        batch = [one for one, _ in later]
        if batch and not retries.wait():
            yield from ((item, after_all(status, retries.attempts)) for (item, _), status in later)
            return


def _each_status(session: Session, answer: Any, batch: list[Work]) -> Iterator[Status]:
    whole = session.status(answer.status)
    for own in match([piece.id for _, piece in batch], answer.annotations):
        yield session.status(own.status) if own is not None and own.status.code else whole
