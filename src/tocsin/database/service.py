"""The database: sessions in transactions, and a schema that is up to date."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tocsin.database.driver_errors import translated_driver_errors
from tocsin.database.engine import SQLITE_BEGIN, make_engine
from tocsin.database.scopes import ALL_ORGANIZATIONS, SET_SCOPE, Scope, scope_text


class Database:
    """One relational database, SQLite or PostgreSQL. Safe to share among tasks of one event loop.

    On PostgreSQL, row-level security keeps a session to the rows of its scope, whatever its statements say
    (``row_security``). SQLite has nothing of the kind: there the statements alone do.
    """

    def __init__(self, url: str) -> None:
        """Take note of the URL; nothing is opened before the first use.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user@host/name``.

        Raises:
            InvalidSettings: the URL is not one of those.
        """
        self._engine = make_engine(url)
        self._has_row_security = self._engine.dialect.name == "postgresql"
        self._writing = async_sessionmaker(self._engine, expire_on_commit=False)
        self._reading = async_sessionmaker(
            self._engine.execution_options(**{SQLITE_BEGIN: "DEFERRED", "postgresql_readonly": True}),
            expire_on_commit=False,
        )

    @asynccontextmanager
    async def session(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end of the block, rolled back when the block raises.

        On SQLite it holds the one write lock from its first statement on: keep it short, and use ``read_session``
        where nothing is written.

        Raises:
            ServiceUnavailable: the database can't be reached, is locked for too long, or has no room.
        """
        with translated_driver_errors():
            async with self._writing.begin() as session:
                await self._enter(session, scope)
                yield session

    @asynccontextmanager
    async def read_session(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        """A session that waits for no writer, and sees one state of the database on SQLite.

        Raises:
            ServiceUnavailable: the database can't be reached, or has no connection free.
        """
        with translated_driver_errors():
            async with self._reading.begin() as session:
                await self._enter(session, scope)
                yield session

    async def _enter(self, session: AsyncSession, scope: Scope) -> None:
        if self._has_row_security:
            await session.execute(SET_SCOPE, {"scope": scope_text(scope)})

    async def migrate(self) -> None:
        """Bring the schema up to date. Safe when several processes do it at once: one does, the others wait.

        Raises:
            ServiceUnavailable: the database can't be reached, or another process holds it for too long.
        """
        # Only a starting server migrates; a command should not pay for the import.
        from tocsin.database import migration

        with translated_driver_errors():
            async with self._engine.begin() as connection:
                await connection.run_sync(migration.upgrade)

    async def revert(self, revision: str) -> None:
        """Take the schema back to a revision ("base": no tables), with the loss of what only newer ones can hold.

        Raises:
            ServiceUnavailable: as ``migrate``.
        """
        from tocsin.database import migration

        with translated_driver_errors():
            async with self._engine.begin() as connection:
                await connection.run_sync(migration.downgrade, revision)

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            ServiceUnavailable: it does not.
        """
        async with self.read_session(ALL_ORGANIZATIONS) as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection. The next use would open new ones."""
        await self._engine.dispose()
