"""Translate a search query into SQL conditions on files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, BigInteger, func, literal, literal_column, select, text, union_all

from common_ml.errors import InvalidRequestError
from common_ml.service.db import schema as t
from common_ml.service.db.texts import text_hash
from common_ml.service.operations import visibility

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from common_ml.service.operations.actor import Actor

_MIN_INDEXED = 3
"""Characters of a word that the index of sequences of three finds."""
MAX_WORDS = 20
_f, _l, _p = t.file.c, t.label.c, t.prediction.c
_ANY_NAME = t.file_name.alias("any_name")
_LABEL_REQUEST = t.request.alias("label_request")
_ANY_PREDICTION = t.prediction.alias("any_prediction")


@dataclass(frozen=True)
class Query:
    """A search query; all given conditions must hold."""

    text: str = ""
    """Words, each contained in a label, a tag or a name of the file; case-insensitive."""
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Model to labels, one of which the model has found, exactly so; none given: any label."""
    min_confidence: float | None = None
    """Minimum confidence of those labels, 0..1."""
    kinds: Sequence[str] = ()
    models: Sequence[str] = ()
    """With a prediction of one of these models."""
    states: Sequence[str] = ()
    """With a prediction in one of these states, of one of `models` if they are given."""
    tags: Sequence[str] = ()
    """With all of these tags that people gave."""


def conditions(
    connection: Connection, actor: Actor, query: Query, *, among: Sequence[int] | None = None
) -> list[Any]:
    """Return the SQL conditions on a row of `file`.

    Args:
        connection: For its dialect.
        actor: Who looks.
        query: The conditions.
        among: Numbers of the files that may fit at all; no other ones are looked at, however many
            there are. None for all files.

    Raises:
        InvalidRequestError: too many words.
    """
    words = query.text.split()
    if len(words) > MAX_WORDS:
        raise InvalidRequestError(f"expected at most {MAX_WORDS} words, got {len(words)}")
    chosen = None if among is None else _numbers(connection, among)
    found: list[Any] = [visibility.sees_file(actor, _f.id)]
    if actor.sees_all:  # files without any name are not found
        n = _ANY_NAME
        found = [visibility.any_row(n, n.c.file_id == _f.id)]
    if chosen is not None:
        found.append(_f.id.in_(chosen))
    of_words = (_with_word(connection, actor, word, chosen) for word in words)
    of_labels = (_with_label(actor, *one, query.min_confidence, chosen) for one in _labels(query))
    found += [_f.id.in_(files) for files in (*of_words, *of_labels)]
    if query.kinds:
        found.append(_f.kind.in_(query.kinds))
    if query.models or query.states:
        found.append(_has_prediction(actor, query))
    for tag in query.tags:
        given = select(t.tag.c.file_id).where(t.tag.c.tag == tag, visibility.sees_tag(actor))
        found.append(_f.id.in_(_only(given, t.tag.c.file_id, chosen)))
    return found


def rare_files(connection: Connection, query: Query, *, limit: int) -> list[int] | None:
    """Return the files of the first selective word or label; None if all are frequent.

    Args:
        connection: Of a transaction.
        query: The query; its other conditions and the actor's visibility are not applied.
        limit: Maximum rows of a selective word or label; no more are read for each.
    """
    everything = [
        *(_with_word(connection, None, word, None) for word in query.text.split()),
        *(_with_label(None, *one, None, None) for one in _labels(query) if one[1]),
    ]
    for files in everything:
        found = connection.execute(files.limit(limit + 1)).scalars().all()
        if len(found) <= limit:
            return sorted(set(found))
    return None


def _labels(query: Query) -> Iterator[tuple[str | None, Sequence[str]]]:
    if query.min_confidence is not None and not query.labels:
        yield None, ()
    yield from query.labels.items()


def _numbers(connection: Connection, numbers: Sequence[int]) -> Any:
    """Return a subquery of numbers, passed as one parameter."""
    if connection.dialect.name == "postgresql":
        values = func.unnest(literal(list(numbers), ARRAY(BigInteger))).column_valued("chosen")
        return select(values)
    return select(func.json_each(json.dumps(list(numbers))).table_valued("value").c.value)


def _only(files: Any, column: Any, chosen: Any) -> Any:
    return files if chosen is None else files.where(column.in_(chosen))


def _labels_of(files: Any, chosen: Any) -> Any:
    """Restrict labels to those of chosen files, by the index of predictions of a file."""
    if chosen is None:
        return files
    return files.where(_l.prediction_id.in_(select(_p.id).where(_p.file_id.in_(chosen))))


def _with_word(connection: Connection, actor: Actor | None, word: str, chosen: Any) -> Any:
    """Files with a label, a name or a tag that contains a word; no actor sees everything."""
    texts = _texts_with(connection, word)
    n = t.file_name.c
    of_labels = select(_l.file_id).where(_l.text_id.in_(texts), *sees_label(actor))
    of_names = select(n.file_id).where(n.text_id.in_(texts))
    of_tags = select(t.tag.c.file_id).where(t.tag.c.text_id.in_(texts))
    if actor is not None:
        of_names = of_names.where(visibility.sees_of_user(actor, n.file_id, n.user_id))
        of_tags = of_tags.where(visibility.sees_tag(actor))
    return union_all(
        _labels_of(of_labels, chosen),
        _only(of_names, n.file_id, chosen),
        _only(of_tags, t.tag.c.file_id, chosen),
    )


def _texts_with(connection: Connection, word: str) -> Any:
    """The numbers of texts that contain a word."""
    clean = word.replace("\0", "")
    escaped = clean.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if connection.dialect.name == "postgresql":
        c = t.content_text.c
        return select(c.id).where(c.text.ilike(f"%{escaped}%", escape="\\"))
    if len(clean) < _MIN_INDEXED:
        c = t.content_text.c
        return select(c.id).where(c.text.like(f"%{escaped}%", escape="\\"))
    phrase = '"' + clean.replace('"', '""') + '"'
    matches = literal_column("search").op("MATCH")(literal(phrase))
    return select(literal_column("rowid")).select_from(text("search")).where(matches)


def _with_label(
    actor: Actor | None,
    model: str | None,
    labels: Sequence[str],
    min_confidence: float | None,
    chosen: Any,
) -> Any:
    wanted = _labels_of(select(_l.file_id).where(*sees_label(actor)), chosen)
    if model is not None:
        wanted = wanted.where(_l.model == model)
    if labels:
        c = t.content_text.c
        texts = select(c.id).where(c.hash.in_([text_hash(label) for label in labels]))
        wanted = wanted.where(_l.text_id.in_(texts))
    if min_confidence is not None:
        wanted = wanted.where(_l.best >= min_confidence)
    return wanted


def sees_label(actor: Actor | None) -> list[Any]:
    """Return what a label must fulfil: only those of predictions that the actor sees count."""
    if actor is None or actor.sees_all:
        return []
    r = _LABEL_REQUEST
    visible = visibility.sees_of_user(actor, _l.file_id, r.c.user_id)
    return [visibility.any_row(r, r.c.prediction_id == _l.prediction_id, visible)]


def _has_prediction(actor: Actor, query: Query) -> Any:
    p = _ANY_PREDICTION
    conditions = [p.c.file_id == _f.id, visibility.sees_prediction(actor, p)]
    if query.models:
        conditions.append(p.c.model.in_(query.models))
    if query.states:
        conditions.append(visibility.seen_state(actor, p).in_(query.states))
    return visibility.any_row(p, *conditions)
