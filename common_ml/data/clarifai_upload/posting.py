"""Inputs go out, and each one's answer is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.session import CallFailed, after_all
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.data.clarifai_upload.job import Job
    from common_ml.data.clarifai_upload.session import Session


def post_inputs(
    session: Session, jobs: Sequence[Job], claim: Callable[[str], bool], *, again: bool
) -> None:
    """Posts the inputs in one call, and those that are throttled again.

    Afterwards each job is settled, or `there`; `existed` marks what the platform calls a duplicate.

    Args:
        session: The connection.
        jobs: Not more than go into one call.
        claim: Takes the id of an input; False if another record of this upload has it.
        again: Whether they may be there under another id.

    Raises:
        Stopped: the upload ends.
    """
    waiting = list(_ready(session, jobs, claim, again=again))
    patience = session.patience()
    while waiting:
        request = session.library.service.PostInputsRequest(inputs=[one for _, one in waiting])
        for job, _ in waiting:
            job.sent = True
        try:
            answer = session.call("PostInputs", request)
        except CallFailed as failure:
            for job, _ in waiting:
                job.settle("failed", failure.status)
            return
        later = []
        for (job, message), status in zip(
            waiting, _each_status(session, answer, waiting), strict=True
        ):
            if status.code in statuses.LATER:
                later.append((job, message, status))
            else:
                _take(job, status)
        waiting = [(job, message) for job, message, _ in later]
        if waiting and not patience.wait():
            for job, _, status in later:
                job.settle("failed", after_all(status, patience.attempts))
            return


def _ready(
    session: Session, jobs: Sequence[Job], claim: Callable[[str], bool], *, again: bool
) -> Iterator[tuple[Job, Any]]:
    """Jobs with their messages; those that cannot be sent are settled."""
    for job in jobs:
        try:
            content = None if job.path is None else job.path.read_bytes()
            job.id = messages.input_id(job, content, fresh=again)
            message = messages.input_message(session.library, job, content, again=again)
        except (OSError, ValueError) as error:
            job.settle("failed", Status(0, "CANNOT_BE_SENT", str(error)))
            continue
        if claim(job.id):
            yield job, message
        elif job.entry.id:
            taken = f"another record of this upload has the id {job.id!r}, too"
            job.settle("failed", Status(0, "ID_TWICE", taken))
        else:
            job.settle("duplicate", Status(0, "MEDIA_TWICE", "earlier in this upload, too"))


def _each_status(
    session: Session, answer: Any, sent: Sequence[tuple[Job, Any]]
) -> Iterator[Status]:
    """The status of each input in the order sent: its own, or that of the call."""
    whole = session.status(answer.status)
    ids = [job.id for job, _ in sent]
    own = match(ids, answer.inputs)
    for status in own:
        # 0: the field is missing
        yield session.status(status.status) if status and status.status.code else whole


def match(ids: Sequence[str], answered: Sequence[Any]) -> list[Any]:
    """For each id that was sent its answer: by id, else by place; None if there is none."""
    by_id = {one.id: one for one in answered if one.id}
    by_place = list(answered) if len(answered) == len(ids) else [None] * len(ids)
    places = (
        one if one is not None and (not one.id or one.id not in ids) else None for one in by_place
    )
    return [by_id.get(wanted, fallback) for wanted, fallback in zip(ids, places, strict=True)]


def _take(job: Job, status: Status) -> None:
    job.answer = status
    if status.code == statuses.DUPLICATE:
        job.existed = True
    # MIXED is that of the call, where an input has none of its own: the list of inputs will tell
    elif status.code in statuses.TAKEN_INPUT or status.code == statuses.MIXED:
        job.there = True
        job.downloaded = status.code == statuses.DOWNLOADED
    else:
        job.sent = job.there = job.broken = status.code == statuses.DOWNLOAD_FAILED
        job.settle("failed", status)
