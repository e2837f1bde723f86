"""The platform fetches the media: who is there, who failed, and who takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.session import CallFailed
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.data.clarifai_upload.job import Job
    from common_ml.data.clarifai_upload.session import Session

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0


def wait_for_downloads(session: Session, jobs: Sequence[Job], *, limit_seconds: float) -> None:
    """Asks until each input is downloaded or failed, or the time is over.

    Afterwards each job is settled or `downloaded`.

    Raises:
        Stopped: the upload ends.
    """
    end = session.clock.now() + limit_seconds
    pause = FIRST_PAUSE_SECONDS
    while waiting := [job for job in jobs if job.outcome is None and not job.downloaded]:
        try:
            found = _listed(session, [job.id for job in waiting])
        except CallFailed as failure:
            for job in waiting:
                job.settle("failed", failure.status)
            return
        for job in waiting:
            _look(session, job, found.get(job.id))
        waiting = [job for job in waiting if job.outcome is None and not job.downloaded]
        left = end - session.clock.now()
        if left <= 0:
            _give_up(waiting, limit_seconds)
            return
        if waiting:
            session.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def delete_failed(session: Session, jobs: Sequence[Job]) -> None:
    """Removes inputs whose media could not be fetched: they would block another attempt.

    Raises:
        Stopped: the upload ends.
    """
    failed = [job for job in jobs if job.broken]
    if not failed:
        return
    request = session.library.service.DeleteInputsRequest(ids=[job.id for job in failed])
    try:
        status = session.status(session.call("DeleteInputs", request).status)
    except CallFailed as failure:
        status = failure.status
    for job in failed:
        if status.code == statuses.SUCCESS:
            job.there = job.sent = False
        if job.outcome is not None:
            job.settle("failed", _told(job.outcome.status, status))


def _listed(session: Session, ids: Sequence[str]) -> dict[str, Any]:
    """The inputs of these ids that are there."""
    found: dict[str, Any] = {}
    page = 1
    while True:
        request = session.library.service.ListInputsRequest(ids=ids, page=page, per_page=len(ids))
        answer = session.call("ListInputs", request)
        status = session.status(answer.status)
        if status.code not in (statuses.SUCCESS, statuses.MIXED):
            raise CallFailed(status)
        found.update((one.id, one) for one in answer.inputs)
        if len(answer.inputs) < len(ids) or found.keys() >= set(ids):
            return found
        page += 1


def _look(session: Session, job: Job, found: Any) -> None:
    if found is None:
        if job.existed and not job.there:  # under another id: what is a duplicate is its address
            job.sent = False
            job.settle("duplicate", job.answer)
        return
    if job.existed and not _is_same(job, found):
        other = f"the id {job.id!r} is that of {_url(job, found)}"
        job.settle("failed", Status(job.answer.code, job.answer.name, other))
        return
    job.there = True
    status = session.status(found.status)
    if status.code in (statuses.DOWNLOADED, statuses.SUCCESS):
        job.downloaded = True
        if job.existed and not job.late_concepts:
            missing = _missing_concepts(job, found)
            if missing:
                job.pieces = [messages.whole_piece(job, missing)]
    elif status.code not in statuses.ON_ITS_WAY:
        job.broken = True
        job.settle("failed", status)
    else:
        job.answer = status


def _is_same(job: Job, found: Any) -> bool:
    """Whether the input of a given id is about the same media, as far as it says."""
    if not job.entry.id or job.path is not None:
        return True
    return _url(job, found) in ("", job.entry.url)


def _url(job: Job, found: Any) -> str:
    url: str = getattr(found.data, job.record.kind or "image").url
    return url


def _missing_concepts(job: Job, found: Any) -> dict[str, int]:
    known = {(one.name or one.id, round(one.value)) for one in found.data.concepts}
    return {name: value for name, value in job.entry.concepts.items() if (name, value) not in known}


def _give_up(jobs: Sequence[Job], limit_seconds: float) -> None:
    for job in jobs:
        told = f"not downloaded within {limit_seconds:g} s"
        job.settle("pending", Status(job.answer.code, job.answer.name, told))


def _told(status: Status, deletion: Status) -> Status:
    if deletion.code == statuses.SUCCESS:
        return status
    text = f"{status.text}; it is still there and blocks its id, deleting it failed: {deletion}"
    return Status(status.code, status.name, text)
