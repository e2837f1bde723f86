"""Post inputs, and map the response to each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.session import CallFailed, after_all
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from common_ml.data.clarifai_upload.session import Session
    from common_ml.data.clarifai_upload.upload_item import UploadItem


def post_inputs(
    session: Session, items: Sequence[UploadItem], claim: Callable[[str], bool], *, again: bool
) -> None:
    """Post the inputs in one call, and retry throttled ones.

    Afterwards each item is settled, or `there`; `existed` marks the duplicates.

    Args:
        session: The connection.
        items: At most as many as fit into one call.
        claim: Reserves the id of an input; False if another record of this upload has it.
        again: Whether they may exist under another id.

    Raises:
        UploadStopped: the upload ends.
    """
    waiting = list(_ready(session, items, claim, again=again))
    retries = session.retries()
    while waiting:
        request = session.library.service.PostInputsRequest(inputs=[one for _, one in waiting])
        for item, _ in waiting:
            item.sent = True
        try:
            answer = session.call("PostInputs", request)
        except CallFailed as failure:
            for item, _ in waiting:
                item.settle("failed", failure.status)
            return
        later = []
        for (item, message), status in zip(
            waiting, _each_status(session, answer, waiting), strict=True
        ):
            if status.code in statuses.LATER:
                later.append((item, message, status))
            else:
                _take(item, status)
        waiting = [(item, message) for item, message, _ in later]
        if waiting and not retries.wait():
            for item, _, status in later:
                item.settle("failed", after_all(status, retries.attempts))
            return


def _ready(
    session: Session, items: Sequence[UploadItem], claim: Callable[[str], bool], *, again: bool
) -> Iterator[tuple[UploadItem, Any]]:
    """Yield items with their messages; those that cannot be sent are settled."""
    for item in items:
        try:
            content = None if item.path is None else item.path.read_bytes()
            item.id = messages.input_id(item, content, fresh=again)
            message = messages.input_message(session.library, item, content, again=again)
        except (OSError, ValueError) as error:
            item.settle("failed", Status(0, "CANNOT_BE_SENT", str(error)))
            continue
        if claim(item.id):
            yield item, message
        elif item.entry.id:
            taken = f"another record of this upload has the id {item.id!r}, too"
            item.settle("failed", Status(0, "ID_TWICE", taken))
        else:
            item.settle("duplicate", Status(0, "MEDIA_TWICE", "earlier in this upload, too"))


def _each_status(
    session: Session, answer: Any, sent: Sequence[tuple[UploadItem, Any]]
) -> Iterator[Status]:
    """Yield the status of each input in the order sent: its own, or that of the call."""
    whole = session.status(answer.status)
    ids = [item.id for item, _ in sent]
    own = match(ids, answer.inputs)
    for status in own:
        # 0: the field is missing
        yield session.status(status.status) if status and status.status.code else whole


def match(ids: Sequence[str], answered: Sequence[Any]) -> list[Any]:
    """Return the response to each id that was sent: by id, else by position; None if missing."""
    by_id = {one.id: one for one in answered if one.id}
    by_place = list(answered) if len(answered) == len(ids) else [None] * len(ids)
    places = (
        one if one is not None and (not one.id or one.id not in ids) else None for one in by_place
    )
    return [by_id.get(wanted, fallback) for wanted, fallback in zip(ids, places, strict=True)]


def _take(item: UploadItem, status: Status) -> None:
    item.answer = status
    if status.code == statuses.DUPLICATE:
        item.existed = True
    # MIXED is the status of the call, for inputs without their own: list the inputs to decide
    elif status.code in statuses.TAKEN_INPUT or status.code == statuses.MIXED:
        item.there = True
        item.downloaded = status.code == statuses.DOWNLOADED
    else:
        item.sent = item.there = item.broken = status.code == statuses.DOWNLOAD_FAILED
        item.settle("failed", status)
