"""Makes the engine: which driver a URL means, and how each database is set up for it."""

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tocsin.kit.errors import InvalidSettings

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}

#: How long a writer waits for SQLite's one write lock; migrations and backups hold it longest.
SQLITE_BUSY_TIMEOUT_MILLISECONDS = 10_000

#: Engine option: how SQLite begins a transaction. A writer takes the lock at once, because a reader that turns
#: writer later can't wait for the lock: SQLite fails it.
SQLITE_BEGIN = "tocsin_sqlite_begin"

#: How often, and after which pause, a new connection tries again while others set the file up.
_SQLITE_TURNS, _SQLITE_TURN_SECONDS = 200, 0.01

_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MILLISECONDS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


def driver_url(url: str) -> URL:
    """The URL with the driver that Tocsin uses for its database.

    Raises:
        InvalidSettings: it isn't a URL, or of a database that Tocsin does not run on. The message never contains
            the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidSettings("the database URL can't be read as a URL") from error
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise InvalidSettings(
            f"the database URL begins with {parsed.drivername}://, Tocsin runs on sqlite:// and postgresql://"
        )
    return parsed.set(drivername=driver)


def make_engine(url: str) -> AsyncEngine:
    """An engine with no connection yet.

    Raises:
        InvalidSettings: as ``driver_url``.
    """
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_async_engine(parsed)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(parsed, pool_pre_ping=True)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own idea of when a transaction begins leaves DDL and reads outside of it: _begin_sqlite decides.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        _execute_when_unlocked(cursor, pragma)
    cursor.close()


def _execute_when_unlocked(cursor: Any, pragma: str) -> None:
    """Of several that turn a new file to WAL at once, SQLite refuses all but one, whatever the time-out says."""
    for _ in range(_SQLITE_TURNS):
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_SQLITE_TURN_SECONDS)
        else:
            return
    cursor.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get(SQLITE_BEGIN, "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")
