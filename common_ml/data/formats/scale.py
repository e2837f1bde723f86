"""Scale: the tasks of an export file, or of a live project; read only.

Read: a JSON list of tasks, or `scale://<project>` through scaleapi (`pip install
'common-ml[scale]'`), with the key in `SCALE_API_KEY` or an option.

Kept: of `imageannotation` tasks boxes, polygons, and, in `attributes["geometry"]` in pixels, lines,
points, ellipses, cuboids and turned boxes, and every box as it was given; `attributes` and `uuid`
of each. An annotation without a label has an empty one. Of `segmentannotation` tasks one annotation
a label (or instance), with the label image and number as its mask; one without pixels has value 0.
Its number is `attributes["index"]`. The task's own metadata, with `task_id`, `type`, `status`,
`review_status`, `batch`, `project`, `created_at`, `global_attributes` and `classes` (what was to be
annotated, sorted). The record's id is the task's.

Lost: the rest of a task's parameters. Exports have no sizes: unless a picture is found or a size is
given, the record's unit is "pixel". Addresses of pictures and masks expire.

Tasks that the filters or their type leave out are told to `on_skip`, which logs a warning; those
left out for their date are not told.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

from common_ml.data.formats import scale_project
from common_ml.data.formats.items import items_of, load_json
from common_ml.data.formats.pixels import in_ratio
from common_ml.data.formats.scale_filter import TaskFilter
from common_ml.data.formats.scale_tasks import RECORD_OF
from common_ml.data.report import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from common_ml.data.formats.items import Item
    from common_ml.data.record import Record

NAME = "scale"

Status = Literal["pending", "completed", "canceled", "error"]
ReviewStatus = Literal["accepted", "fixed", "commented", "rejected", "pending"]
LIVE = "scale://"
logger = logging.getLogger(__name__)


def log_skipped(skipped: Skipped) -> None:
    """Tell about a task that is left out."""
    logger.warning("task %s: %s", skipped.what, skipped.reason)


def read(  # noqa: PLR0913 - independent options, all keyword-only
    source: str | os.PathLike[str],
    *,
    batches: Sequence[str] = (),
    created_after: date | None = None,
    created_before: date | None = None,
    status: Status | None = "completed",
    review_status: Sequence[ReviewStatus] = (),
    size: tuple[int, int] | None = None,
    media_root: str | os.PathLike[str] | None = None,
    api_key: str | None = None,
    api_url: str | None = None,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[Record]:
    """The tasks of an export or a project, in order.

    Args:
        source: The JSON file, or `scale://<project>`.
        batches: Names of those to read; none: all.
        created_after: Only tasks created after that day's beginning (UTC).
        created_before: Only tasks created before that day's beginning (UTC).
        status: Which tasks; None: all.
        review_status: Which tasks; none: all, reviewed or not.
        size: Width and height of every picture, where they are all alike.
        media_root: Folder of the pictures under the names of their addresses.
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
    name = os.fspath(source)
    if name.startswith(LIVE):
        tasks = scale_project.tasks(name.removeprefix(LIVE), wanted, api_key, api_url)
    else:
        tasks = items_of(load_json(source), name, what="a list of tasks")
    for task in tasks:
        record = _record(task, wanted, on_skip)
        if record is not None:
            yield in_ratio(record, size=size, media_root=media_root)


def _record(task: Item, wanted: TaskFilter, on_skip: Callable[[Skipped], None]) -> Record | None:
    if not wanted.has_date(task):
        return None
    kind = task.text("type", default="")
    reason = wanted.refusal(task)
    if reason is None and kind not in RECORD_OF:
        reason = f"its type is {kind!r}; read are {' and '.join(RECORD_OF)}"
    if reason is not None:
        on_skip(Skipped(task.text("task_id"), reason))
        return None
    return RECORD_OF[kind](task)
