"""Wait until the platform has downloaded the media; delete inputs that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import messages, statuses
from common_ml.data.clarifai_upload.session import CallFailed
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.data.clarifai_upload.session import Session
    from common_ml.data.clarifai_upload.upload_item import UploadItem

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 10.0


def wait_for_downloads(
    session: Session, items: Sequence[UploadItem], *, limit_seconds: float
) -> None:
    """Poll until each input is downloaded or failed, or the time is over.

    Afterwards each item is settled or `downloaded`.

    Raises:
        UploadStopped: the upload ends.
    """
    end = session.clock.now() + limit_seconds
    pause = FIRST_PAUSE_SECONDS
    while waiting := [item for item in items if item.outcome is None and not item.downloaded]:
        try:
            found = _listed(session, [item.id for item in waiting])
        except CallFailed as failure:
            for item in waiting:
                item.settle("failed", failure.status)
            return
        for item in waiting:
            _look(session, item, found.get(item.id))
        waiting = [item for item in waiting if item.outcome is None and not item.downloaded]
        left = end - session.clock.now()
        if left <= 0:
            _give_up(waiting, limit_seconds)
            return
        if waiting:
            session.sleep(min(pause, left))
            pause = min(pause * 1.5, MAX_PAUSE_SECONDS)


def delete_failed(session: Session, items: Sequence[UploadItem]) -> None:
    """Delete inputs whose media could not be fetched: they would block another attempt.

    Raises:
        UploadStopped: the upload ends.
    """
    failed = [item for item in items if item.broken]
    if not failed:
        return
    request = session.library.service.DeleteInputsRequest(ids=[item.id for item in failed])
    try:
        status = session.status(session.call("DeleteInputs", request).status)
    except CallFailed as failure:
        status = failure.status
    for item in failed:
        if status.code == statuses.SUCCESS:
            item.there = item.sent = False
        if item.outcome is not None:
            item.settle("failed", _told(item.outcome.status, status))


def _listed(session: Session, ids: Sequence[str]) -> dict[str, Any]:
    """Return the inputs of these ids that exist."""
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


def _look(session: Session, item: UploadItem, found: Any) -> None:
    if found is None:
        if item.existed and not item.there:  # under another id: the address is the duplicate
            item.sent = False
            item.settle("duplicate", item.answer)
        return
    if item.existed and not _is_same(item, found):
        other = f"the id {item.id!r} is that of {_url(item, found)}"
        item.settle("failed", Status(item.answer.code, item.answer.name, other))
        return
    item.there = True
    status = session.status(found.status)
    if status.code in (statuses.DOWNLOADED, statuses.SUCCESS):
        item.downloaded = True
        if item.existed and not item.late_concepts:
            missing = _missing_concepts(item, found)
            if missing:
                item.pieces = [messages.whole_piece(item, missing)]
    elif status.code not in statuses.ON_ITS_WAY:
        item.broken = True
        item.settle("failed", status)
    else:
        item.answer = status


def _is_same(item: UploadItem, found: Any) -> bool:
    """Whether the input of a given id has the same media, as far as it states one."""
    if not item.entry.id or item.path is not None:
        return True
    return _url(item, found) in ("", item.entry.url)


def _url(item: UploadItem, found: Any) -> str:
    url: str = getattr(found.data, item.record.kind or "image").url
    return url


def _missing_concepts(item: UploadItem, found: Any) -> dict[str, int]:
    known = {(one.name or one.id, round(one.value)) for one in found.data.concepts}
    return {
        name: value for name, value in item.entry.concepts.items() if (name, value) not in known
    }


def _give_up(items: Sequence[UploadItem], limit_seconds: float) -> None:
    for item in items:
        text = f"not downloaded within {limit_seconds:g} s"
        item.settle("pending", Status(item.answer.code, item.answer.name, text))


def _told(status: Status, deletion: Status) -> Status:
    if deletion.code == statuses.SUCCESS:
        return status
    text = f"{status.text}; it is still there and blocks its id, deleting it failed: {deletion}"
    return Status(status.code, status.name, text)
