"""Database schema. Times are Unix times in seconds; JSON is stored as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from common_ml.service.db.unicode_text import UnicodeText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only for the type INTEGER
_ID = BigInteger().with_variant(Integer, "sqlite")
_TIME = Float(53)


def _id() -> Column[Any]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _to(target: str, name: str, **options: Any) -> Column[Any]:
    return Column(name, _ID, ForeignKey(f"{target}.id", ondelete="CASCADE"), **options)


user = Table(
    "user",
    metadata,
    _id(),
    Column("name", UnicodeText, nullable=False, unique=True),
    Column("password_hash", UnicodeText),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", _TIME, nullable=False),
)
user_role = Table(
    "user_role",
    metadata,
    _to("user", "user_id", primary_key=True),
    Column("role", UnicodeText, primary_key=True),
)
token = Table(
    "token",
    metadata,
    _id(),
    Column("hash", UnicodeText, nullable=False, unique=True),
    _to("user", "user_id", nullable=False, index=True),
    Column("kind", UnicodeText, nullable=False),  # session, key or setup
    Column("name", UnicodeText, nullable=False, server_default=""),
    Column("scopes", UnicodeText),  # a JSON list of rights; NULL for all of the owner's
    Column("created_at", _TIME, nullable=False),
    Column("expires_at", _TIME),
    Column("used_at", _TIME),
)
model = Table(
    "model",
    metadata,
    _id(),
    Column("name", UnicodeText, nullable=False, unique=True),
    Column("target", UnicodeText, nullable=False),
    Column("revision", UnicodeText, nullable=False),
    Column("types", UnicodeText, nullable=False),  # a JSON list of kinds of files
    Column("tags", UnicodeText, nullable=False, server_default="[]"),
    Column("fields", UnicodeText, nullable=False, server_default="{}"),
    Column("params", UnicodeText, nullable=False, server_default="{}"),  # its defaults
    Column("params_schema", UnicodeText, nullable=False, server_default="{}"),
    Column("description", UnicodeText, nullable=False, server_default=""),
    Column("slots", Integer, nullable=False, server_default="1"),
    Column("gpu", UnicodeText, nullable=False, server_default=""),
    Column("seen_at", _TIME, nullable=False),
)
file = Table(
    "file",
    metadata,
    _id(),
    Column("sha256", UnicodeText, nullable=False, unique=True),
    Column("md5", UnicodeText, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("kind", UnicodeText, nullable=False),
    # of its name when first stored
    Column("suffix", UnicodeText, nullable=False, server_default=""),
    Column("key", UnicodeText, nullable=False),  # in the store
    Column("created_at", _TIME, nullable=False),
)
content_text = Table(  # what can be searched for, each text once
    "content_text",
    metadata,
    _id(),
    Column("text", UnicodeText, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),  # texts may be too long for an index
)
file_name = Table(
    "file_name",
    metadata,
    _id(),
    _to("file", "file_id", nullable=False),
    _to("user", "user_id", nullable=False),
    Column("name", UnicodeText, nullable=False),
    Column("text_id", _ID, ForeignKey("content_text.id"), nullable=False, index=True),
    Column("created_at", _TIME, nullable=False),
    UniqueConstraint("file_id", "user_id", "name"),
    Index(None, "user_id", "id"),
)
prediction = Table(
    "prediction",
    metadata,
    _id(),
    _to("file", "file_id", nullable=False),
    Column("model", UnicodeText, nullable=False),
    Column("revision", UnicodeText, nullable=False),
    Column("params_sha", UnicodeText, nullable=False),
    Column("params", UnicodeText, nullable=False),
    Column("state", UnicodeText, nullable=False),  # queued, running, done, failed, cancelled
    _to("user", "user_id", nullable=False),  # whose share of the queue it takes
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("turn", BigInteger, nullable=False, server_default="0"),  # see operations.scheduling
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("owner", UnicodeText),  # the worker
    Column("lease_until", _TIME),
    Column("not_before", _TIME, nullable=False, server_default="0"),
    Column("cancel", Boolean, nullable=False, server_default=text("false")),
    Column("part", BigInteger),  # the fence in the name of the part that counts
    Column("progress", Float),  # 0..1
    Column("error", UnicodeText),
    Column("num_tags", BigInteger),
    Column("created_at", _TIME, nullable=False),
    Column("queued_at", _TIME, nullable=False),
    Column("started_at", _TIME),
    Column("finished_at", _TIME),
    UniqueConstraint("file_id", "model", "revision", "params_sha"),
)
Index(
    "ix_prediction_queue",
    prediction.c.model,
    prediction.c.priority.desc(),
    prediction.c.turn,
    prediction.c.id,
    sqlite_where=prediction.c.state == "queued",
    postgresql_where=prediction.c.state == "queued",
)
Index(
    "ix_prediction_share",
    prediction.c.user_id,
    prediction.c.model,
    prediction.c.turn,
    sqlite_where=prediction.c.state.in_(["queued", "running"]),
    postgresql_where=prediction.c.state.in_(["queued", "running"]),
)
Index(
    "ix_prediction_turn",
    prediction.c.model,
    prediction.c.turn,
    sqlite_where=prediction.c.state.in_(["queued", "running"]),
    postgresql_where=prediction.c.state.in_(["queued", "running"]),
)
Index(
    "ix_prediction_running",
    prediction.c.owner,
    prediction.c.lease_until,
    sqlite_where=prediction.c.state == "running",
    postgresql_where=prediction.c.state == "running",
)
Index("ix_prediction_state", prediction.c.model, prediction.c.state)
request = Table(  # who asked for a prediction, and may see it
    "request",
    metadata,
    _to("prediction", "prediction_id", primary_key=True),
    _to("user", "user_id", primary_key=True),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", _TIME, nullable=False),
    Index(None, "user_id", "prediction_id"),
)
idempotency = Table(
    "idempotency",
    metadata,
    _to("user", "user_id", primary_key=True),
    Column("key", UnicodeText, primary_key=True),
    Column("body_sha", UnicodeText, nullable=False),
    Column("predictions", UnicodeText, nullable=False),  # a JSON list of ids
    Column("created_at", _TIME, nullable=False, index=True),
)
label = Table(
    "label",
    metadata,
    _to("prediction", "prediction_id", primary_key=True),
    Column("text_id", _ID, ForeignKey("content_text.id"), primary_key=True),
    Column("file_id", _ID, nullable=False),
    Column("model", UnicodeText, nullable=False),
    Column("n", Integer, nullable=False),
    Column("best", Float),  # the highest confidence, if any tag had one
    Index(None, "text_id", "model", "file_id"),
)
tag = Table(  # given by people
    "tag",
    metadata,
    _to("file", "file_id", primary_key=True),
    _to("user", "user_id", primary_key=True),  # its author
    Column("tag", UnicodeText, primary_key=True),
    Column("text_id", _ID, ForeignKey("content_text.id"), nullable=False, index=True),
    Column("created_at", _TIME, nullable=False),
)
tag_role = Table(  # roles that may see and tag a user's file
    "tag_role",
    metadata,
    _to("file", "file_id", primary_key=True),
    _to("user", "user_id", primary_key=True),  # who opened the file to the role
    Column("role", UnicodeText, primary_key=True),
    Index(None, "role", "file_id"),
)
event = Table(
    "event",
    metadata,
    _id(),
    Column("kind", UnicodeText, nullable=False),
    _to("user", "user_id"),  # who may see it, besides administrators
    # such as the prediction's id
    Column("subject", UnicodeText, nullable=False, server_default=""),
    Column("data", UnicodeText, nullable=False),
    Column("created_at", _TIME, nullable=False, index=True),
    Index(None, "user_id", "id"),
    sqlite_autoincrement=True,  # an id is never given twice
)
webhook = Table(
    "webhook",
    metadata,
    _id(),
    _to("user", "user_id", nullable=False, index=True),
    Column("url", UnicodeText, nullable=False),
    Column("secret", UnicodeText, nullable=False),
    Column("events", UnicodeText, nullable=False),  # a JSON list of kinds
    Column("failures", Integer, nullable=False, server_default="0"),  # since the last success
    Column("created_at", _TIME, nullable=False),
)
webhook_outbox = Table(
    "webhook_outbox",
    metadata,
    _id(),
    _to("webhook", "webhook_id", nullable=False, index=True),
    Column("event_id", _ID, nullable=False),
    Column("body", UnicodeText, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", _TIME, nullable=False),
    Column("state", UnicodeText, nullable=False),  # waiting, delivered or failed
    Column("error", UnicodeText),
    Column("created_at", _TIME, nullable=False),
)
Index(
    "ix_webhook_outbox_due",
    webhook_outbox.c.not_before,
    sqlite_where=webhook_outbox.c.state == "waiting",
    postgresql_where=webhook_outbox.c.state == "waiting",
)
worker = Table(
    "worker",
    metadata,
    Column("id", UnicodeText, primary_key=True),
    Column("host", UnicodeText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("models", UnicodeText, nullable=False),  # a JSON object: name to slots
    Column("started_at", _TIME, nullable=False),
    Column("seen_at", _TIME, nullable=False),
)
audit = Table(
    "audit",
    metadata,
    _id(),
    Column("user_id", _ID),  # stays when the user is removed
    Column("user_name", UnicodeText, nullable=False),
    Column("action", UnicodeText, nullable=False),
    Column("object", UnicodeText, nullable=False, server_default=""),
    Column("data", UnicodeText, nullable=False, server_default="{}"),
    Column("created_at", _TIME, nullable=False, index=True),
)
