"""Transactions on SQLite and PostgreSQL, with retries while the database is busy or unavailable."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import QueuePool

from common_ml.backoff import Backoff
from common_ml.errors import (
    DatabaseFullError,
    DatabaseUnavailableError,
    InvalidRequestError,
    MissingExtraError,
    PredictionServiceError,
)
from common_ml.service.db.notifications import FileNotifications, channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sqlalchemy import Connection, Engine
    from typing_extensions import Self

    from common_ml.service.db.notifications import Topic

_LOG = logging.getLogger(__name__)
Result = TypeVar("Result")
_BUSY_SECONDS = 30
_CONNECT_SECONDS = 4
"""Connection timeout in seconds, for each address of a PostgreSQL server."""
_SILENT_SECONDS = 8
"""Retry time in seconds while a server does not respond at all, unlike one that restarts."""
_TOPICS = "topics"
"""Key, in the `info` of a connection, of the topics to notify at its commit."""
_PAUSE = Backoff(first_seconds=0.05, longest_seconds=2)
_REPEATED_STATES = ("40001", "40P01", "55P03")
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock, lock not available."""
_KINDS = "hint: give postgresql://user:password@host/name, or leave it out for SQLite"
_BROKEN = (
    "disk I/O error",
    "file is not a database",
    "disk image is malformed",
    "unable to open database file",
    "readonly database",
)
"""Error messages of SQLite about its file, not the statement."""


class Database:
    """An engine with two kinds of transactions: `read` and `write`.

    A function that is given to `write` may run more than once, and so must be idempotent: where the
    connection was lost during the commit, its outcome is unknown.
    """

    def __init__(
        self,
        url: str,
        *,
        wait_seconds: float = 30,
        pool_size: int = 10,
        durable: bool = True,
    ) -> None:
        """Initialise; nothing is connected yet.

        Args:
            url: Of SQLAlchemy: `sqlite:///path` or `postgresql+psycopg://...`.
            wait_seconds: How long transactions are retried while the database is unavailable.
            pool_size: Connections in the pool.
            durable: Whether a commit on SQLite survives a power loss; without, the last ones may be
                lost then, which a worker can afford: its work is redone.

        Raises:
            MissingExtraError: PostgreSQL without psycopg.
        """
        self.url = url
        self.wait_seconds = wait_seconds
        self.engine = _make_engine(url, pool_size=pool_size, durable=durable)
        self.is_postgresql = self.engine.dialect.name == "postgresql"
        file = self.engine.url.database
        has_files = not self.is_postgresql and file not in {None, "", ":memory:"}
        self.notifications = FileNotifications(str(file)) if has_files else None
        """Commit notifications of SQLite."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self.notifications is not None:
            self.notifications.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the database answers; log the address of a server before the first attempt.

        Args:
            seconds: How long to try; an attempt that has begun by then may take 4 s more.

        Raises:
            DatabaseUnavailableError: it does not answer by then.
        """
        if self.is_postgresql:
            url = self.engine.url
            place = f"{url.host or 'its socket'}:{url.port or 5432}"
            _LOG.info("connecting to PostgreSQL at %s, database %s", place, url.database or "")
        self._repeated(
            lambda connection: connection.execute(text("SELECT 1")),
            for_writing=False,
            wait_seconds=min(seconds, self.wait_seconds),
        )

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run a function in a read transaction, on one snapshot of all tables.

        Raises:
            DatabaseUnavailableError: the database is away for longer than `wait_seconds`, or its
                server has been silent for some 10 s.
            InvalidRequestError: a value is none that the database can hold.
        """
        return self._repeated(work, for_writing=False, wait_seconds=self.wait_seconds)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run a function in a transaction that is committed when it returns.

        Raises:
            DatabaseUnavailableError: as in `read`.
            InvalidRequestError: as in `read`.
        """
        return self._repeated(work, for_writing=True, wait_seconds=self.wait_seconds)

    def announce(self, connection: Connection, topic: Topic) -> None:
        """Notify the `Listener`s of a topic when this transaction is committed."""
        if self.is_postgresql:
            notify = text("SELECT pg_notify(:channel, '')")
            connection.execute(notify, {"channel": channel(topic)})
        else:
            connection.info.setdefault(_TOPICS, set()).add(topic)

    @contextmanager
    def connection(self, *, for_writing: bool = False) -> Iterator[Connection]:
        """Open one transaction, without retries."""
        options: dict[str, Any] = {"for_writing": for_writing}
        if self.is_postgresql and not for_writing:
            options["isolation_level"] = "REPEATABLE READ"
        with self.engine.connect() as plain:
            connection = plain.execution_options(**options)
            topics: set[Topic] = set()
            connection.info[_TOPICS] = topics
            with connection.begin():
                yield connection
        if self.notifications is not None:
            for topic in topics:
                self.notifications.notify(topic)

    def _repeated(
        self,
        work: Callable[[Connection], Result],
        *,
        for_writing: bool,
        wait_seconds: float,
    ) -> Result:
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                with self.connection(for_writing=for_writing) as connection:
                    return work(connection)
            except DBAPIError as error:
                if not _is_passing(error):
                    known = translated(error)
                    if known is None:
                        raise
                    raise known from error
                attempt += 1
                pause = _PAUSE.delay_seconds(attempt)
                limit = min(wait_seconds, _SILENT_SECONDS) if _is_silent(error) else wait_seconds
                if time.monotonic() + pause > started + limit:
                    raise translated(error) or _no_answer(error) from error
                time.sleep(pause)


def _make_engine(url: str, *, pool_size: int, durable: bool) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnavailableError(f"no URL of a database; {_KINDS}") from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise DatabaseUnavailableError(f"{parsed.drivername}:// is not supported; {_KINDS}")
    options: dict[str, Any] = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 30}
    if parsed.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
    else:
        options["pool_pre_ping"] = True
        options["connect_args"] = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "common-ml",
            # TCP keep-alive: the system closes a connection whose packets are lost
            "keepalives_idle": 5,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,  # milliseconds
        }
    try:
        engine = create_engine(parsed, **options)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "psycopg", extra="postgres") from error
    if parsed.get_backend_name() == "postgresql":
        _watch_postgresql(engine)
    if parsed.get_backend_name() == "sqlite":
        prepare = partial(_prepare_sqlite, synchronous="FULL" if durable else "NORMAL")
        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _watch_postgresql(engine: Engine) -> None:
    from common_ml.service.db.timeouts import LastTimeout, WatchedConnection  # psycopg is an extra

    last_timeout = LastTimeout()

    def connect(dialect: Any, record: Any, args: Any, options: Any) -> WatchedConnection:
        del dialect, record
        return WatchedConnection.open(last_timeout, *args, **options)

    event.listen(engine, "do_connect", connect)


def _prepare_sqlite(connection: Any, record: Any, *, synchronous: str) -> None:
    del record
    connection.isolation_level = None  # the service begins transactions, not the module sqlite3
    settings = (
        "journal_mode=WAL",  # readers and one writer side by side
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_SECONDS * 1000}",
        "temp_store=MEMORY",
        "cache_size=-65536",  # KiB
        "mmap_size=268435456",
    )
    try:
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()
    except BaseException:
        connection.close()  # keep a connection that could not be prepared out of the pool
        raise


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that reads first and writes later would fail at once while another one writes
    writes = connection.get_execution_options().get("for_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def translated(error: DBAPIError) -> PredictionServiceError | None:
    """Translate an error of the database itself; return None where the statement is at fault."""
    message = str(error.orig).strip()
    if isinstance(error, DataError):  # PostgreSQL has no text with NUL, for one
        return InvalidRequestError(f"a value is none that the database can hold: {message}")
    if getattr(error.orig, "sqlstate", None) == "53100" or "database or disk is full" in message:
        return DatabaseFullError(
            "the database is full: nothing was kept; hint: free space on its disk"
        )
    if any(known in message for known in _BROKEN):
        return DatabaseUnavailableError(f"the database cannot be used: {message}")
    return None


def _no_answer(error: DBAPIError) -> DatabaseUnavailableError:
    reason = " ".join(str(error.orig).split())  # psycopg writes a line for each address
    hint = "another program holds its lock"
    if _is_silent(error):
        hint = "its processes are frozen, or packets to it are lost: look at its machine"
    elif type(error.orig).__module__.startswith("psycopg"):
        hint = "is the server running, and do host, port, user and password of --database fit?"
    return DatabaseUnavailableError(f"the database does not answer: {reason}; hint: {hint}")


def _is_silent(error: DBAPIError) -> bool:
    """Whether a server neither answers nor refuses: it is frozen, or packets are lost."""
    return type(error.orig).__name__ == "SilentServerError"


def _is_passing(error: DBAPIError) -> bool:
    """Whether the error is transient: a retry may succeed."""
    if error.connection_invalidated or _is_silent(error):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # class 57P: the server shuts down or starts; class 08 and 53: connections, resources
        return state in _REPEATED_STATES or state.startswith(("57P", "08", "53"))
    message = str(error.orig)
    if "database is locked" in message or "database table is locked" in message:
        return True
    # psycopg without a state: no server answers
    return isinstance(error, (OperationalError, InterfaceError)) and type(
        error.orig
    ).__module__.startswith("psycopg")
