"""Plan an upload: convert records to items, and find problems before the first call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.local_files import is_local, local_path, size_of
from common_ml.data.clarifai_upload.outcomes import UploadOutcome
from common_ml.data.clarifai_upload.statuses import Status
from common_ml.data.clarifai_upload.upload_item import UploadItem
from common_ml.data.formats.clarifai.inputs import input_of
from common_ml.data.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.clarifai_upload.options import UploadOptions
    from common_ml.data.record import Kind, Record


@dataclass
class UploadPlan:
    """The records of an upload."""

    items: list[UploadItem] = field(default_factory=list)
    """Items that can be sent."""
    failed: list[UploadOutcome] = field(default_factory=list)
    """Outcomes of records that cannot be sent."""
    warnings: list[str] = field(default_factory=list)
    """What is changed or left out."""

    def chunks(self, size: int) -> Iterator[list[UploadItem]]:
        """Yield the items in order, `size` at a time."""
        for start in range(0, len(self.items), size):
            yield self.items[start : start + size]

    @property
    def num_annotations(self) -> int:
        """Number of annotations that follow inputs with regions."""
        entries = (item.entry for item in self.items if item.late_concepts)
        return sum(len(entry.regions) + bool(entry.concepts) for entry in entries)

    @property
    def num_bytes(self) -> int:
        """Total bytes of local files."""
        return sum(item.num_bytes for item in self.items)


def plan(records: Iterable[Record], options: UploadOptions) -> UploadPlan:
    """Plan the upload of all records; read the sizes of local files, and send nothing."""
    made = UploadPlan()
    for place, record in enumerate(records):
        report = Report()
        entry = input_of(record, report)
        for skipped in report.skipped if entry is not None else ():
            made.warnings.append(f"{skipped.what}: {skipped.reason}: left out")
        made.warnings += [one for one in report.warnings if one not in made.warnings]
        if entry is None:
            reason = _cannot_be_sent(report.skipped[0].reason)
            made.failed.append(UploadOutcome(place, record, "failed", reason))
            continue
        item = UploadItem(place, record, entry)
        try:
            _find(item, options.media_root or Path())
        except (OSError, ValueError) as error:
            unread = _cannot_be_sent(_sentence(error))
            made.failed.append(UploadOutcome(place, record, "failed", unread, rest=entry))
        else:
            made.items.append(item)
    return made


def _find(item: UploadItem, media_root: Path) -> None:
    if not is_local(item.entry.url):
        return
    item.path = local_path(item.entry.url, media_root)
    item.num_bytes = size_of(item.path)
    if not item.record.kind:
        item.record = replace(item.record, kind=_kind_of(item.path))


def _kind_of(path: Path) -> Kind:
    from common_ml.media.kinds import media_kind

    kind = media_kind(path)
    if kind == "unknown":
        raise ValueError(f"{str(path)!r} is neither picture, video nor sound")
    return kind


def _cannot_be_sent(reason: str) -> Status:
    return Status(0, "CANNOT_BE_SENT", reason)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {str(error.filename)!r}"
    return str(error)
