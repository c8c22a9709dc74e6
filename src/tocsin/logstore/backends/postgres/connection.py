"""Connections to PostgreSQL, transactions on them, and what the driver's errors mean."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tocsin.kit.errors import InvalidSettings, QueryTimedOut, QueryTooExpensive, StoreUnavailable, TocsinError
from tocsin.logstore.backends.postgres.schema import CONNECTION_STATEMENTS

Value = str | int | float | bytes | list[int] | list[str]
"""A value that is bound to a placeholder such as ``%(p0)s``."""

Row = tuple[Any, ...]

CONNECT_TIMEOUT_SECONDS = 10
POOL_TIMEOUT_SECONDS = 30

# Classes of SQLSTATE: memory, disk and locks; and limits of the program.
_OUT_OF_RESOURCES = ("53", "54")
_TIMED_OUT = "the query ran longer than it may"

log = structlog.get_logger(__name__)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into Tocsin's.

    Raises:
        QueryTimedOut: the statement ran longer than its ``statement_timeout``.
        QueryTooExpensive: it needed more memory, disk or locks than there are.
        StoreUnavailable: PostgreSQL can't be reached, has no connection free, or takes no writes.
        TocsinError: it refused the statement for another reason.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailable("all connections to PostgreSQL are busy") from error
    except DBAPIError as error:
        raise _translated(error.orig) from error
    except psycopg.Error as error:
        raise _translated(error) from error


def _translated(error: BaseException | None) -> TocsinError:
    match error:
        case errors.QueryCanceled():
            return QueryTimedOut(_TIMED_OUT)
        case errors.TooManyConnections():
            return StoreUnavailable("PostgreSQL has no connection free")
        case errors.InsufficientPrivilege():
            log.error("logstore.postgres_refused", reason=str(error).strip())
            return TocsinError(
                "PostgreSQL's user may not do this: it has to be allowed to create schemas and temporary tables"
            )
        case psycopg.Error(sqlstate=str(state)) if state.startswith(_OUT_OF_RESOURCES):
            return QueryTooExpensive("the query needs more than PostgreSQL has for it; narrow its time range")
        case psycopg.OperationalError() | psycopg.InterfaceError() | errors.ReadOnlySqlTransaction():
            # The driver's words are for the operator: they name hosts and users.
            log.warning("logstore.postgres_unavailable", reason=str(error).strip())
            return StoreUnavailable("PostgreSQL is not available right now")
        case psycopg.Error():
            log.error("logstore.postgres_refused", reason=str(error).strip())
            return TocsinError(f"PostgreSQL refused a statement: {error.sqlstate or type(error).__name__}")
        case _:
            return StoreUnavailable("PostgreSQL is not available right now")


class PostgresPool:
    """Up to so many connections, each used by one task at a time.

    Cancelling a task cancels its statement on the server. Everything raises as ``translated_errors`` does.
    """

    def __init__(self, url: str, *, connections: int, synchronous_commit: bool) -> None:
        """Take note of the URL; nothing is opened before the first use.

        Raises:
            InvalidSettings: it isn't a URL. The message never contains it, since it may hold a password.
        """
        self._engine: AsyncEngine | None = create_async_engine(
            _driver_url(url),
            isolation_level="AUTOCOMMIT",
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            pool_pre_ping=True,
            connect_args={
                # Each statement is planned for its own time range: that decides which partitions it opens.
                "prepare_threshold": None,
                "client_encoding": "utf8",
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "tocsin",
            },
        )
        self._setup = (*CONNECTION_STATEMENTS, _commit_setting(synchronous_commit=synchronous_commit))
        event.listen(self._engine.sync_engine, "connect", self._set_up)

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """A connection in a transaction, committed at the end of the block, rolled back when the block raises."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def reading(self, *, timeout_seconds: float) -> AsyncIterator["Reading"]:
        """A transaction that sees one state of the database, and may take so long altogether."""
        deadline = time.monotonic() + timeout_seconds
        async with self._connection() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield Reading(connection, deadline)
            finally:
                if not connection.closed:
                    await connection.rollback()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        if self._engine is None:
            raise StoreUnavailable("the log store is closed", retry_after_seconds=5)
        with translated_errors():
            async with self._engine.connect() as pooled:
                raw = await pooled.get_raw_connection()
                connection = raw.driver_connection
                if not isinstance(connection, AsyncConnection):
                    raise TypeError(f"not a connection of psycopg: {connection!r}")
                yield connection

    def _set_up(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in self._setup:
            cursor.execute(statement)
        cursor.close()


def _driver_url(url: str) -> URL:
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise InvalidSettings("TOCSIN_LOGSTORE_URL can't be read as a URL") from error


def _commit_setting(*, synchronous_commit: bool) -> str:
    if not synchronous_commit:
        return "SET synchronous_commit = off"
    # A server that waits for its standbys too is left to do so.
    return "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


class Reading:
    """A read transaction, and the time that is left for it."""

    def __init__(self, connection: AsyncConnection[TupleRow], deadline: float) -> None:
        self.connection = connection
        self._deadline = deadline

    async def limit_time(self) -> None:
        """Let the next statements run for no longer than the time that is left.

        Raises:
            QueryTimedOut: none is left.
        """
        milliseconds = int((self._deadline - time.monotonic()) * 1_000)
        if milliseconds <= 0:
            raise QueryTimedOut(_TIMED_OUT)
        await self.connection.execute(f"SET LOCAL statement_timeout = {min(milliseconds, 2**31 - 1):d}")

    async def fetch(self, sql: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """The rows of a query."""
        await self.limit_time()
        async with self.connection.cursor(binary=True) as cursor:
            await cursor.execute(sql, parameters)
            return await cursor.fetchall()
