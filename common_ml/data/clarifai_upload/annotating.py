"""Regions and late concepts follow their inputs, at most 20 a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.options import MOST_ANNOTATIONS
from common_ml.data.clarifai_upload.posting import match
from common_ml.data.clarifai_upload.session import CallFailed, after_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.data.clarifai_upload.job import Job, Piece
    from common_ml.data.clarifai_upload.session import Session
    from common_ml.data.clarifai_upload.statuses import Status

    Work = tuple[Job, Piece]


def post_annotations(session: Session, jobs: Sequence[Job]) -> None:
    """Posts the pieces of downloaded inputs; those that are taken leave their job.

    A job of which one is refused is settled as failed, with the answer to the first of them.

    Raises:
        Stopped: the upload ends.
    """
    work = [(job, piece) for job in jobs for piece in job.pieces]
    refused: dict[int, Status] = {}
    for start in range(0, len(work), MOST_ANNOTATIONS):
        batch = work[start : start + MOST_ANNOTATIONS]
        for job, status in _post(session, batch):
            refused.setdefault(job.place, status)
    for job in jobs:
        if job.place in refused:
            job.settle("failed", refused[job.place])


def _post(session: Session, batch: list[Work]) -> Iterator[tuple[Job, Status]]:
    """Posts one batch, and what of it is throttled again; what is refused, and why."""
    patience = session.patience()
    while batch:
        annotations = [
            messages.annotation_message(session.library, job, piece) for job, piece in batch
        ]
        request = session.library.service.PostAnnotationsRequest(annotations=annotations)
        try:
            answer = session.call("PostAnnotations", request)
        except CallFailed as failure:
            yield from ((job, failure.status) for job, _ in batch)
            return
        later = []
        for (job, piece), status in zip(batch, _each_status(session, answer, batch), strict=True):
            if status.code in statuses.LATER:
                later.append(((job, piece), status))
            elif status.code in statuses.TAKEN_ANNOTATION:
                job.pieces.remove(piece)
                job.num_taken += 1
            elif statuses.is_same_annotation(status):
                job.pieces.remove(piece)
            else:
                yield job, status
        batch = [one for one, _ in later]
        if batch and not patience.wait():
            yield from ((job, after_all(status, patience.attempts)) for (job, _), status in later)
            return


def _each_status(session: Session, answer: Any, batch: list[Work]) -> Iterator[Status]:
    whole = session.status(answer.status)
    for own in match([piece.id for _, piece in batch], answer.annotations):
        yield session.status(own.status) if own is not None and own.status.code else whole
