"""Scale: the tasks of an export file, or of a live project; read only.

Read: a JSON list of tasks, JSON Lines, one task, or an answer of the API (`docs`), also at an
address such as `s3://` (the extra `cloud`), or `scale://<project>` through scaleapi (the extra
`scale`), with the key in `SCALE_API_KEY` or an option.

Kept: of `imageannotation` tasks boxes, polygons, and, in `attributes["geometry"]` in pixels, lines,
points, ellipses, cuboids and turned boxes, and every box as it was given; `attributes` and `uuid`
of each. An annotation without a label has an empty one. Of `segmentannotation` tasks one annotation
a label (or instance), with the label image and number as its mask; one without pixels has value 0.
Its number is `attributes["index"]`. The task's own metadata, with `task_id`, `type`, `status`,
`review_status`, `batch`, `project`, `created_at`, `global_attributes` and `classes` (what was to be
annotated, sorted). The record's id is the task's.

Lost: the rest of a task's parameters. Exports have no sizes: unless a picture is found or a size is
given, the record's unit is "pixel". Addresses of pictures and masks expire.

Tasks that the filters or their type leave out are given to `on_skip`, which logs a warning; those
left out for their date are not.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common_ml.data.formats.scale import project
from common_ml.data.formats.scale.task_filter import TaskFilter
from common_ml.data.formats.scale.tasks import RECORD_OF
from common_ml.data.formats.shared.downloads import is_cloud, local_copy
from common_ml.data.formats.shared.items import items_of
from common_ml.data.formats.shared.json_file import load_json_or_lines
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.unique import UniqueIds
from common_ml.data.report import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.data.report import Report
    from common_ml.types import StrPath

NAME = "scale"

Status = Literal["pending", "completed", "canceled", "error"]
ReviewStatus = Literal["accepted", "fixed", "commented", "rejected", "pending"]
LIVE = "scale://"
MAX_EXPORT_BYTES = 8 << 30
"""Size limit of an export that is read from a cloud, in bytes."""
logger = logging.getLogger(__name__)


def log_skipped(skipped: Skipped) -> None:
    """Log a task that is skipped."""
    logger.warning("task %s: %s", skipped.what, skipped.reason)


def read(
    source: StrPath,
    *,
    batches: Sequence[str] = (),
    created_after: date | None = None,
    created_before: date | None = None,
    status: Status | None = "completed",
    review_status: Sequence[ReviewStatus] = (),
    size: tuple[int, int] | None = None,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
    api_key: str | None = None,
    api_url: str | None = None,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[Record]:
    """Yield the tasks of an export or a project, in order.

    Args:
        source: The JSON file, or `scale://<project>`.
        batches: Names of those to read; none: all.
        created_after: Only tasks created after that day's beginning (UTC).
        created_before: Only tasks created before that day's beginning (UTC).
        status: Which tasks; None: all.
        review_status: Which tasks; none: all, reviewed or not.
        size: Width and height of every picture, where all have the same.
        on_error: Whether an annotation that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Folder of the pictures under the names of their addresses.
        download: Fetch pictures from addresses that are not found there.
        api_key: For a live project; by default SCALE_API_KEY.
        api_url: For a live project: where the service is.
        on_skip: Called with each task that is left out for another reason than its date.

    Raises:
        FormatError: a wrong value, with item and field.
        ServiceError: the live project cannot be read.
        MissingExtraError: a live project is asked for, and scaleapi is not installed.
        OSError: the file cannot be read.
    """
    wanted = TaskFilter(tuple(batches), created_after, created_before, status, tuple(review_status))
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    name = os.fspath(source)
    if name.startswith(LIVE):
        tasks = project.tasks(name.removeprefix(LIVE), wanted, api_key, api_url)
    else:
        tasks = _tasks_of(name, policy)
    return _records(tasks, wanted, on_skip, policy, media, size)


def _tasks_of(name: str, policy: ErrorPolicy) -> Iterator[Item]:
    if is_cloud(name):
        with tempfile.TemporaryDirectory(prefix="common-ml-") as folder:
            path = local_copy(name, Path(folder), max_bytes=MAX_EXPORT_BYTES)
            data = load_json_or_lines(path)
    else:
        data = load_json_or_lines(name)
    if isinstance(data, dict) and "task_id" in data:
        data = [data]
    elif isinstance(data, dict) and isinstance(data.get("docs"), list):  # an answer of the API
        data = data["docs"]
    return items_of(data, name, what="a list of tasks", policy=policy)


def _records(
    tasks: Iterable[Item],
    wanted: TaskFilter,
    on_skip: Callable[[Skipped], None],
    policy: ErrorPolicy,
    media: MediaFiles,
    size: tuple[int, int] | None,
) -> Iterator[Record]:
    ids = UniqueIds()
    for task in tasks:
        record = None
        with policy:
            record = _record(task, wanted, on_skip, policy)
            if record is not None:
                ids.add(record.id, task, field="task_id")
                record = media.finished(record, size=size)
        if record is not None:
            yield record


def _record(
    task: Item, wanted: TaskFilter, on_skip: Callable[[Skipped], None], policy: ErrorPolicy
) -> Record | None:
    if not wanted.has_date(task):
        return None
    kind = task.text("type", default="")
    reason = wanted.refusal(task)
    if reason is None and kind not in RECORD_OF:
        reason = f"its type is {kind!r}; read are {' and '.join(RECORD_OF)}"
    if reason is not None:
        on_skip(Skipped(task.text("task_id"), reason))
        return None
    return RECORD_OF[kind](task, policy)
