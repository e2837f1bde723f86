"""One chunk, from its inputs to their last annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.annotating import post_annotations
from common_ml.data.clarifai_upload.downloads import delete_failed, wait_for_downloads
from common_ml.data.clarifai_upload.job import FINISHED, NO_ANSWER, NOT_SENT
from common_ml.data.clarifai_upload.messages import pieces_of
from common_ml.data.clarifai_upload.options import MOST_BYTES
from common_ml.data.clarifai_upload.posting import post_inputs
from common_ml.data.clarifai_upload.session import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.data.clarifai_upload.job import Job
    from common_ml.data.clarifai_upload.options import Options
    from common_ml.data.clarifai_upload.outcomes import Outcome
    from common_ml.data.clarifai_upload.session import Session


def upload_chunk(
    session: Session, jobs: Sequence[Job], options: Options, claim: Callable[[str], bool]
) -> None:
    """Uploads the inputs, waits for them, annotates them; afterwards each job is settled.

    Args:
        session: The connection.
        jobs: At most as many as go into a call.
        options: How.
        claim: Takes the id of an input; False if another record has it.
    """
    try:
        for part in parts(jobs):
            post_inputs(session, part, claim, again=options.duplicates == "allow")
        wait_for_downloads(session, jobs, limit_seconds=options.wait_seconds)
        delete_failed(session, jobs)
        ready = [job for job in jobs if job.outcome is None]
        for job in ready:
            if job.late_concepts:
                job.pieces = pieces_of(job)
        post_annotations(session, ready)
    except Stopped:
        for job in jobs:
            if job.outcome is None:
                job.settle("unfinished", NO_ANSWER if job.sent else NOT_SENT)
    for job in jobs:
        outcome = job.outcome or _well(job)
        if outcome.state == "duplicate" and options.duplicates == "fail":
            job.settle("failed", outcome.status)


def _well(job: Job) -> Outcome:
    if job.existed and not job.num_taken:
        return job.settle("duplicate", job.answer)
    return job.settle("uploaded", FINISHED)


def parts(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """The jobs in calls whose local files fit into memory, also ten times."""
    part: list[Job] = []
    num_bytes = 0
    for job in jobs:
        if part and num_bytes + job.num_bytes > MOST_BYTES:
            yield part
            part, num_bytes = [], 0
        part.append(job)
        num_bytes += job.num_bytes
    if part:
        yield part
