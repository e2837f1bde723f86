"""Upload one chunk: post its inputs, wait for downloads, post the annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.annotating import post_annotations
from common_ml.data.clarifai_upload.downloads import delete_failed, wait_for_downloads
from common_ml.data.clarifai_upload.messages import pieces_of
from common_ml.data.clarifai_upload.options import MAX_BYTES
from common_ml.data.clarifai_upload.posting import post_inputs
from common_ml.data.clarifai_upload.session import UploadStopped
from common_ml.data.clarifai_upload.upload_item import FINISHED, NO_ANSWER, NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.data.clarifai_upload.options import UploadOptions
    from common_ml.data.clarifai_upload.outcomes import UploadOutcome
    from common_ml.data.clarifai_upload.session import Session
    from common_ml.data.clarifai_upload.upload_item import UploadItem


def upload_chunk(
    session: Session,
    items: Sequence[UploadItem],
    options: UploadOptions,
    claim: Callable[[str], bool],
) -> None:
    """Upload the inputs, wait for them, annotate them; afterwards each item is settled.

    Args:
        session: The connection.
        items: At most as many as go into a call.
        options: Options of the upload.
        claim: Reserves the id of an input; False if another record has it.
    """
    try:
        for part in parts(items):
            post_inputs(session, part, claim, again=options.duplicates == "allow")
        wait_for_downloads(session, items, limit_seconds=options.wait_seconds)
        delete_failed(session, items)
        ready = [item for item in items if item.outcome is None]
        for item in ready:
            if item.late_concepts:
                item.pieces = pieces_of(item)
        post_annotations(session, ready)
    except UploadStopped:
        for item in items:
            if item.outcome is None:
                item.settle("unfinished", NO_ANSWER if item.sent else NOT_SENT)
    for item in items:
        outcome = item.outcome or _well(item)
        if outcome.state == "duplicate" and options.duplicates == "fail":
            item.settle("failed", outcome.status)


def _well(item: UploadItem) -> UploadOutcome:
    if item.existed and not item.num_taken:
        return item.settle("duplicate", item.answer)
    return item.settle("uploaded", FINISHED)


def parts(items: Sequence[UploadItem]) -> Iterator[list[UploadItem]]:
    """Group the items into calls whose local files fit into memory, also ten times."""
    part: list[UploadItem] = []
    num_bytes = 0
    for item in items:
        if part and num_bytes + item.num_bytes > MAX_BYTES:
            yield part
            part, num_bytes = [], 0
        part.append(item)
        num_bytes += item.num_bytes
    if part:
        yield part
