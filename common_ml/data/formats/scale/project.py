"""Read the tasks of a live project with Scale's client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.items import Item
from common_ml.errors import MissingExtraError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from common_ml.data.formats.scale.task_filter import TaskFilter


def tasks(
    project: str, wanted: TaskFilter, api_key: str | None, api_url: str | None = None
) -> Iterator[Item]:
    """Yield all tasks of a project or some of its batches; the service filters dates only.

    Raises:
        ServiceError: no key, or the service refuses.
        MissingExtraError: scaleapi is not installed.
    """
    try:
        # an optional library, without types
        from scaleapi import ScaleClient  # type: ignore[import-untyped] # it has no types
        from scaleapi.exceptions import ScaleException  # type: ignore[import-untyped] # nor has this
    except ImportError as error:
        raise MissingExtraError("scaleapi", extra="scale") from error

    place = f"scale://{project}"
    key = api_key or os.environ.get("SCALE_API_KEY", "")
    if not key:
        raise ServiceError(
            "a live project needs a key: set SCALE_API_KEY, or name a file that holds it", url=place
        )
    client = ScaleClient(key, api_instance_url=api_url)
    number = 0
    try:
        for batch in wanted.batches or (None,):
            # status and the rest are filtered here, so that skipped tasks are reported
            found = client.get_tasks(
                project_name=project,
                batch_name=batch,
                created_after=_time(wanted.created_after),
                created_before=_time(wanted.created_before),
            )
            for task in found:
                number += 1
                yield Item(task.as_dict(), place, f"item {number}")
    except ScaleException as error:
        hint = " (is the key right?)" if error.code == 401 else ""
        raise ServiceError(f"{place}: {error}{hint}", url=place, status=error.code) from error


def _time(day: date | None) -> str | None:
    return None if day is None else f"{day.isoformat()}T00:00:00.000Z"
