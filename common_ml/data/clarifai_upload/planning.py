"""What an upload would send: records as jobs, with all that shows before the first call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.data.clarifai_upload.job import Job
from common_ml.data.clarifai_upload.local_files import is_local, local_path, size_of
from common_ml.data.clarifai_upload.outcomes import Outcome
from common_ml.data.clarifai_upload.statuses import Status
from common_ml.data.formats.clarifai_inputs import input_of
from common_ml.data.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.clarifai_upload.options import Options
    from common_ml.data.record import Kind, Record


@dataclass
class Plan:
    """The records of an upload."""

    jobs: list[Job] = field(default_factory=list)
    """What can be sent."""
    failed: list[Outcome] = field(default_factory=list)
    """What cannot be."""
    warnings: list[str] = field(default_factory=list)
    """What is changed or left out on the way."""

    def chunks(self, size: int) -> Iterator[list[Job]]:
        """The jobs in order, `size` at a time."""
        for start in range(0, len(self.jobs), size):
            yield self.jobs[start : start + size]

    @property
    def num_annotations(self) -> int:
        """That follow inputs with regions."""
        entries = (job.entry for job in self.jobs if job.late_concepts)
        return sum(len(entry.regions) + bool(entry.concepts) for entry in entries)

    @property
    def num_bytes(self) -> int:
        """Of local files."""
        return sum(job.num_bytes for job in self.jobs)


def plan(records: Iterable[Record], options: Options) -> Plan:
    """Takes all records; reads the sizes of local files, and sends nothing."""
    made = Plan()
    for place, record in enumerate(records):
        report = Report()
        entry = input_of(record, report)
        for skipped in report.skipped if entry is not None else ():
            made.warnings.append(f"{skipped.what}: {skipped.reason}: left out")
        made.warnings += [one for one in report.warnings if one not in made.warnings]
        if entry is None:
            reason = _cannot_be_sent(report.skipped[0].reason)
            made.failed.append(Outcome(place, record, "failed", reason))
            continue
        job = Job(place, record, entry)
        try:
            _find(job, options.media_root or Path())
        except (OSError, ValueError) as error:
            unread = _cannot_be_sent(_sentence(error))
            made.failed.append(Outcome(place, record, "failed", unread, rest=entry))
        else:
            made.jobs.append(job)
    return made


def _find(job: Job, media_root: Path) -> None:
    if not is_local(job.entry.url):
        return
    job.path = local_path(job.entry.url, media_root)
    job.num_bytes = size_of(job.path)
    if not job.record.kind:
        job.record = replace(job.record, kind=_kind_of(job.path))


def _kind_of(path: Path) -> Kind:
    from common_ml.media.kinds import media_kind  # noqa: PLC0415 - loads PyAV, and few need it

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
