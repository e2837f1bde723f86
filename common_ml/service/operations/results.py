"""Results of predictions: tags as messages, and labels with their counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import select

from common_ml.errors import ConflictError, StoreError
from common_ml.parts import PartKey
from common_ml.service.db import schema as t
from common_ml.service.operations import predictions
from common_ml.service.operations.naming import with_name
from common_ml.tagging.messages import Error, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor
    from common_ml.service.operations.predictions import Prediction
    from common_ml.tagging.messages import Message

_CHUNK = 500


@dataclass(frozen=True)
class Label:
    """A text that a model has tagged a file with."""

    text: str
    n: int
    """Number of tags with this text."""
    best: float | None
    """The highest confidence, if any tag had one."""


def part_key(prediction: Prediction) -> PartKey:
    """Return the key of the tags of a prediction, in `core.parts`.

    Raises:
        ConflictError: there are none.
    """
    if prediction.part is None:
        raise ConflictError(
            f"prediction {prediction.id} is {prediction.state} and has no tags; "
            "hint: wait until it is done"
        )
    return PartKey(
        prediction.sha256, prediction.revision, prediction.params_sha, fence=prediction.part
    )


def tags(core: Core, actor: Actor, number: int, *, name: str | None = None) -> Iterator[Message]:
    """Return the messages of a prediction, as `common-ml run` writes them.

    Args:
        core: The service.
        actor: Who asks.
        number: The prediction.
        name: Their `source_media`; None for the name of the file.

    Raises:
        NotFoundError: the actor does not see it.
        ConflictError: it has no tags yet.
        StoreError: the store does not answer.
    """
    return messages_of(core, predictions.get(core, actor, number), name=name)


def messages_of(
    core: Core, prediction: Prediction, *, name: str | None = None
) -> Iterator[Message]:
    """Return the messages of a prediction that the actor may see; see `tags`."""
    key = part_key(prediction)
    shown = prediction.name if name is None else name
    try:
        messages = core.parts.read(key)
        first = next(messages, None)
    except OSError as error:
        raise StoreError(f"the tags of {prediction.id} cannot be read: {error}") from error
    return _renamed(first, messages, prediction, shown)


def labels(
    core: Core, numbers: Sequence[int], *, limit: int | None = None
) -> dict[int, list[Label]]:
    """Return the labels of predictions that the actor sees, most frequent first.

    Args:
        core: The service.
        numbers: Ids from `predictions`.
        limit: How many of each at most.
    """
    found: dict[int, list[Label]] = {number: [] for number in numbers}

    def work(connection: Connection) -> None:
        for start in range(0, len(numbers), _CHUNK):
            chunk = numbers[start : start + _CHUNK]
            wanted = (
                select(t.label, t.content_text.c.text)
                .join(t.content_text, t.content_text.c.id == t.label.c.text_id)
                .where(t.label.c.prediction_id.in_(chunk))
                .order_by(t.label.c.n.desc(), t.content_text.c.text)
            )
            found.update({number: [] for number in chunk})  # the function may run more than once
            for row in connection.execute(wanted):
                entries = found[row.prediction_id]
                if limit is None or len(entries) < limit:
                    entries.append(Label(row.text, row.n, row.best))

    core.database.read(work)
    return found


def _renamed(
    first: Message | None, messages: Iterator[Message], prediction: Prediction, name: str
) -> Iterator[Message]:
    for message in () if first is None else chain([first], messages):
        if isinstance(message, Error):
            text = with_name(message.message, prediction.sha256, name)
            source = None if message.source_media is None else name
            yield replace(message, message=text, source_media=source)
        elif isinstance(message, (Tag, Progress)):
            yield replace(message, source_media=name)
        else:
            yield message
