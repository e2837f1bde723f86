"""Filter Scale's tasks by batch, date, status and review."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common_ml.data.formats.shared.items import Item

_FORMATS = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f",
            "%Y-%m-%dT%H:%M:%S")  # fmt: skip


@dataclass(frozen=True)
class TaskFilter:
    """Conditions on tasks."""

    batches: tuple[str, ...] = ()
    """Names; empty: any."""
    created_after: date | None = None
    """Strictly after midnight UTC of that day."""
    created_before: date | None = None
    """Strictly before midnight UTC of that day."""
    status: str | None = "completed"
    """None: any."""
    review_statuses: tuple[str, ...] = ()
    """Empty: any, and also none."""

    def has_date(self, task: Item) -> bool:
        """Whether the task was created in time.

        Raises:
            FormatError: there is a limit, and the task has no date.
        """
        if self.created_after is None and self.created_before is None:
            return True
        created = _created(task)
        after, before = _midnight(self.created_after), _midnight(self.created_before)
        return (after is None or created > after) and (before is None or created < before)

    def refusal(self, task: Item) -> str | None:
        """Return why the task is skipped; None: it is not."""
        batch, status = task.text("batch", default=""), task.text("status", default="")
        if self.batches and batch not in self.batches:
            return f"its batch is {batch!r}, wanted: {', '.join(self.batches)}"
        if self.status is not None and status != self.status:
            return f"its status is {status!r}, wanted: {self.status}"
        review = review_status(task)
        if self.review_statuses and review not in self.review_statuses:
            return f"its review status is {review!r}, wanted: {', '.join(self.review_statuses)}"
        return None


def review_status(task: Item) -> str:
    """Return the status of the customer's review; "" without one."""
    key = "customer_review_status"
    return task.text(key if key in task else "customerReviewStatus", default="")


def _created(task: Item) -> datetime:
    text = task.text("created_at")
    for form in _FORMATS:
        try:
            created = datetime.strptime(text, form)
        except ValueError:
            continue
        return created if created.tzinfo else created.replace(tzinfo=timezone.utc)
    raise task.error(f"must be a time such as 2022-02-02T02:22:22.222Z, got {text!r}",
                     field="created_at")  # fmt: skip


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
