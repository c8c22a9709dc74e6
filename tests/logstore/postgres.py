"""PostgreSQL stores of a test's own, and a look below the port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from tocsin.logstore.backends.postgres.schema import LOGS
from tocsin.logstore.backends.postgres.store import PostgresLogStore

ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"


@asynccontextmanager
async def postgres_store(url: str) -> AsyncIterator[PostgresLogStore]:
    """A started store, closed at the end."""
    store = PostgresLogStore(url)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def logs_locked(url: str) -> AsyncIterator[None]:
    """Let every read and write of logs wait, until the end of the block."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"LOCK TABLE {LOGS} IN ACCESS EXCLUSIVE MODE".encode())
        yield


async def running_statements(url: str) -> int:
    """How many statements of others run in the database."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(ACTIVE)).fetchone()
    assert row is not None
    return int(row[0]) - 1
