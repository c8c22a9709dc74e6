"""Translates the drivers' errors at the border: which of them mean "not now"."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tocsin.kit.errors import ServiceUnavailable

log = structlog.get_logger(__name__)

#: SQLite's extended codes say more in their higher bits.
_PRIMARY_CODE = 0xFF
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


@contextmanager
def translated_driver_errors() -> Iterator[None]:
    """Let a driver's error through as what it means for the caller.

    Raises:
        ServiceUnavailable: the database can't be reached, is locked for too long, or has no room. Errors that say
            that a statement is wrong, or that a constraint forbids it, pass as they are.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise ServiceUnavailable("all connections to the database are busy") from error
    except DBAPIError as error:
        if error.connection_invalidated or _means_unavailable(error.orig):
            # The driver's words are for the operator: they name hosts and users.
            log.warning("database.unavailable", reason=str(error.orig).strip())
            raise ServiceUnavailable("the database is not available right now") from error
        raise


def _means_unavailable(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        code: int | None = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & _PRIMARY_CODE in _SQLITE_UNAVAILABLE
    return isinstance(error, psycopg.OperationalError)
