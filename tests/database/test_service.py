import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from structlog.testing import capture_logs

from tests.support.postgres import PostgresServer
from tocsin.database import engine
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.errors import InvalidSettings, ServiceUnavailable

INSERT = text("INSERT INTO idempotency_keys VALUES (:id, :key, 1)")
COUNT = text("SELECT count(*) FROM idempotency_keys")
ID = "00000000000000000000000000000001"


async def count(database: Database) -> int:
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        return int((await session.execute(COUNT)).scalar_one())


async def drivers_threads_ended() -> None:
    # After a connection that failed, aiosqlite's thread reports its end to the event loop, and nobody waits for it.
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    yield database
    await database.close()


async def test_session_commits_when_the_block_ends(database: Database) -> None:
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(INSERT, {"id": ID, "key": "a"})
    assert await count(database) == 1


async def test_session_rolls_back_when_the_block_raises(database: Database) -> None:
    async def write_and_raise() -> None:
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(INSERT, {"id": ID, "key": "a"})
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_raise()
    assert await count(database) == 0


async def test_session_passes_the_error_on_when_a_constraint_forbids_a_row(database: Database) -> None:
    async def write_twice() -> None:
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(INSERT, {"id": ID, "key": "a"})
            await session.execute(INSERT, {"id": ID, "key": "a"})

    with pytest.raises(IntegrityError):
        await write_twice()
    assert await count(database) == 0


async def test_session_passes_the_error_on_when_a_statement_is_wrong(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(text("SELECT * FROM no_such_table"))


async def test_session_refuses_a_row_when_its_owner_does_not_exist(database: Database) -> None:
    orphan = text("INSERT INTO memberships VALUES (:id, :id, 'ADMIN')")
    with pytest.raises(IntegrityError):
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(orphan, {"id": ID})


async def test_sessions_all_commit_when_they_read_before_they_write(database: Database) -> None:
    async def add_one(key: int) -> None:
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(COUNT)
            await session.execute(INSERT, {"id": ID, "key": str(key)})

    await asyncio.gather(*(add_one(key) for key in range(8)))
    assert await count(database) == 8


async def test_read_session_reads_while_another_writes(database: Database) -> None:
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(INSERT, {"id": ID, "key": "a"})
        assert await count(database) == 0


async def test_read_session_refuses_to_write_on_postgres(postgres_server: PostgresServer) -> None:
    with postgres_server.migrated_database() as url:
        database = Database(url)
        with pytest.raises(DBAPIError, match="read-only"):
            async with database.read_session(ALL_ORGANIZATIONS) as session:
                await session.execute(INSERT, {"id": ID, "key": "a"})
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(INSERT, {"id": ID, "key": "a"})
        await database.close()


async def test_sqlite_is_durable_and_checks_foreign_keys_when_connected(sqlite: Database) -> None:
    async with sqlite.read_session(ALL_ORGANIZATIONS) as session:
        pragmas = {
            name: (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": engine.SQLITE_BUSY_TIMEOUT_MILLISECONDS,
    }


async def test_session_is_unavailable_when_another_process_holds_sqlite_for_too_long(
    sqlite: Database, tmp_path: Path
) -> None:
    async with sqlite.read_session(ALL_ORGANIZATIONS) as session:
        # The one connection of the pool, so the next session has it too.
        await session.execute(text("PRAGMA busy_timeout = 1"))
    holder = sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ServiceUnavailable):
        async with sqlite.session(ALL_ORGANIZATIONS) as session:
            await session.execute(text("SELECT 1"))
    holder.close()


async def test_session_is_unavailable_when_sqlite_has_no_room(sqlite: Database) -> None:
    async with sqlite.session(ALL_ORGANIZATIONS) as session:
        await session.execute(text("CREATE TABLE boxes (content BLOB)"))

    async def fill() -> None:
        async with sqlite.session(ALL_ORGANIZATIONS) as session:
            await session.execute(text("PRAGMA max_page_count = 10"))
            await session.execute(text("INSERT INTO boxes VALUES (zeroblob(1000000))"))

    with pytest.raises(ServiceUnavailable):
        await fill()


async def test_session_is_unavailable_when_postgres_goes_away_in_the_middle(postgres_server: PostgresServer) -> None:
    with postgres_server.migrated_database() as url:
        database = Database(url)

        async def write_and_lose_the_connection() -> None:
            async with database.session(ALL_ORGANIZATIONS) as session:
                await session.execute(INSERT, {"id": ID, "key": "a"})
                await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        with pytest.raises(ServiceUnavailable):
            await write_and_lose_the_connection()
        assert await count(database) == 0
        await database.close()


async def test_session_is_unavailable_when_every_connection_is_busy(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_arguments: object, **_options: object) -> None:
        raise PoolTimeoutError

    monkeypatch.setattr("sqlalchemy.pool.QueuePool.connect", busy)
    with pytest.raises(ServiceUnavailable, match="busy"):
        await sqlite.ping()


async def test_the_reason_is_for_the_operator_alone_when_the_database_is_unavailable(
    tmp_path: Path,
) -> None:
    database = Database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with capture_logs() as logged, pytest.raises(ServiceUnavailable) as refusal:
        await database.ping()
    await database.close()
    assert str(tmp_path) not in refusal.value.detail
    [event] = logged
    assert event["event"] == "database.unavailable"
    assert str(tmp_path) in event["reason"]


async def test_ping_answers_when_the_database_is_there(database: Database) -> None:
    await database.ping()


async def test_ping_is_unavailable_when_the_directory_of_sqlite_is_missing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'tocsin.db'}")
    with pytest.raises(ServiceUnavailable):
        await database.ping()
    await database.close()
    await drivers_threads_ended()


async def test_ping_is_unavailable_when_postgres_is_not_there(tmp_path: Path) -> None:
    database = Database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(ServiceUnavailable):
        await database.ping()
    await database.close()


async def test_ping_answers_when_postgres_has_dropped_the_connections_since(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url:
        database, other = Database(url), Database(url)
        await database.ping()
        async with other.session(ALL_ORGANIZATIONS) as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await database.ping()
        await database.close()
        await other.close()


@pytest.mark.parametrize("url", ["", "tocsin.db", "mysql://root:hunter2@localhost/tocsin"])
def test_database_refuses_to_start_when_the_url_is_not_one_of_its_own(url: str) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        Database(url)
    assert "hunter2" not in refusal.value.detail
