"""The PostgreSQL store beyond the conformance suite: several writers, faults, limits of time, and restarts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.logstore.postgres import logs_locked, postgres_store, running_statements
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.postgres import OWNER, PostgresServer
from tests.support.reading import eventually, messages, selection
from tocsin.kit.errors import (
    InvalidSettings,
    QueryTimedOut,
    QueryTooExpensive,
    StartupError,
    StoreUnavailable,
    TocsinError,
)
from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logmodel.batch import logs_of
from tocsin.logstore.backends.postgres import store as store_module
from tocsin.logstore.backends.postgres.connection import PostgresPool
from tocsin.logstore.backends.postgres.schema import partition_name
from tocsin.logstore.backends.postgres.store import PostgresLogStore
from tocsin.logstore.ports import IngestTotals, LogStore, OrganizationId, Receipt, ScanPlan, Selection
from tocsin.query.tree import Matches, Phrase


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.empty_database() as empty:
        yield empty


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresLogStore]:
    async with postgres_store(url) as started:
        yield started


async def _write(store: LogStore, organization_id: OrganizationId, *texts: str, timestamp: int = NOON_UNIX_NANO) -> int:
    rows = [{"message": text, "timestamp": timestamp} for text in texts]
    return (await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))).stored


async def _followed(store: LogStore, organization_id: OrganizationId) -> list[str]:
    return [log.message for log in logs_of(await store.read_after(organization_id, 0, limit=1_000))]


async def test_several_processes_may_start_at_once(url: str) -> None:
    stores = [PostgresLogStore(url) for _ in range(4)]
    await asyncio.gather(*(each.start() for each in stores))
    for each in stores:
        await each.close()


async def test_everything_is_there_after_another_start(url: str) -> None:
    organization_id = uuid4()
    async with postgres_store(url) as store:
        await _write(store, organization_id, "kept")
    async with postgres_store(url) as store:
        assert await messages(store, organization_id) == ["kept"]
        assert await _write(store, organization_id, "kept", "new") == 1
        assert await _followed(store, organization_id) == ["kept", "new"]


async def test_a_log_is_stored_once_when_several_processes_write_it_at_once(url: str) -> None:
    organization_id = uuid4()
    stores = [PostgresLogStore(url) for _ in range(3)]
    await asyncio.gather(*(each.start() for each in stores))
    rows = [{"message": f"log {day}", "timestamp": NOON_UNIX_NANO + day * NANOSECONDS_A_DAY} for day in range(5)]
    outcomes = await asyncio.gather(
        *(each.write(organization_id, log_batch(rows), Receipt(received=5)) for each in stores for _ in range(3))
    )
    totals = await stores[0].totals(organization_id)
    assert sum(outcome.stored for outcome in outcomes) == await stores[0].count(selection(organization_id)) == 5
    assert totals == IngestTotals(received=45, stored=5, duplicates=40)
    for each in stores:
        await each.close()


async def test_a_commit_that_is_late_is_not_skipped(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, release = asyncio.Event(), asyncio.Event()
    insert = store_module._insert

    async def inserted_and_held(*arguments: Any) -> Any:
        positions = await insert(*arguments)
        if not slow.is_set():
            slow.set()
            await release.wait()
        return positions

    monkeypatch.setattr(store_module, "_insert", inserted_and_held)
    organization_id, other_id = uuid4(), uuid4()
    async with postgres_store(url) as one, postgres_store(url) as two:
        first = asyncio.create_task(_write(one, organization_id, "first"))
        await slow.wait()
        second = asyncio.create_task(_write(two, organization_id, "second"))
        assert await _write(two, other_id, "nobody waits for another organization") == 1
        assert await _followed(two, organization_id) == []
        assert await two.last_sequence(organization_id) == 0
        release.set()
        assert (await first, await second) == (1, 1)
        assert await _followed(two, organization_id) == ["first", "second"]


async def test_a_follower_sees_each_log_once_and_in_order_while_several_write(url: str) -> None:
    organization_id = uuid4()
    async with postgres_store(url) as one, postgres_store(url) as two:

        async def write_all(store: LogStore, name: str) -> None:
            for number in range(25):
                await _write(store, organization_id, f"{name} {number}.0", f"{name} {number}.1")

        writing = asyncio.gather(*(write_all(each, f"{n}") for n, each in enumerate((one, one, two, two))))
        seen: list[tuple[int, str]] = []
        while not writing.done() or len(seen) < 200:
            rows = logs_of(await two.read_after(organization_id, seen[-1][0] if seen else 0, limit=7))
            seen += [(log.ingest_sequence, log.message) for log in rows]
        await writing
    assert len({message for _, message in seen}) == len(seen) == 200
    assert seen == sorted(seen)


async def test_a_write_goes_on_after_a_day_was_dropped(store: PostgresLogStore, url: str) -> None:
    organization_id = uuid4()
    await _write(store, organization_id, "gone")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"DROP TABLE {partition_name(NOON_UNIX_NANO // NANOSECONDS_A_DAY)}".encode())
    assert await _write(store, organization_id, "new") == 1
    assert await messages(store, organization_id) == ["new"]
    assert await store.totals(organization_id) == IngestTotals(received=2, stored=2)


async def test_nothing_is_stored_or_counted_when_a_write_is_cancelled(store: PostgresLogStore, url: str) -> None:
    organization_id = uuid4()
    await _write(store, organization_id, "first")
    async with logs_locked(url):
        writing = asyncio.create_task(_write(store, organization_id, "cancelled"))
        await eventually(lambda: running_statements(url), lambda count: count == 1)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert await messages(store, organization_id) == ["first"]
    assert await store.totals(organization_id) == IngestTotals(received=1, stored=1)


async def test_the_server_stops_a_statement_when_its_task_is_cancelled(store: PostgresLogStore, url: str) -> None:
    async with logs_locked(url):
        counting = asyncio.create_task(store.count(selection(uuid4())))
        assert await eventually(lambda: running_statements(url), lambda count: count == 1) == 1
        counting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await counting
        assert await eventually(lambda: running_statements(url), lambda count: count == 0) == 0
    assert await store.count(selection(uuid4())) == 0


@pytest.mark.parametrize("query", [Phrase(("a",)), Matches("a")], ids=str)
@pytest.mark.parametrize("timeout_seconds", [0.05, 0.0])
async def test_a_query_that_takes_too_long_is_given_up(
    store: PostgresLogStore, url: str, query: Phrase | Matches, timeout_seconds: float
) -> None:
    everything = selection(uuid4())
    short = Selection(
        organization_id=everything.organization_id,
        time_range=everything.time_range,
        query=query,
        timeout_seconds=timeout_seconds,
    )
    async with logs_locked(url):
        with pytest.raises(QueryTimedOut):
            await store.count(short)
        with pytest.raises(QueryTimedOut):
            await anext(aiter(store.scan(ScanPlan(selection=short))))
        assert await eventually(lambda: running_statements(url), lambda count: count == 0) == 0


async def test_a_scan_holds_no_connection_while_its_reader_pauses(store: PostgresLogStore, url: str) -> None:
    organization_id = uuid4()
    await _write(store, organization_id, "one", "two", "three")
    scan = aiter(store.scan(ScanPlan(selection=selection(organization_id), batch_rows=1)))
    await anext(scan)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'")
        assert await found.fetchone() == (0,)


async def test_a_lost_connection_is_replaced(store: PostgresLogStore, url: str) -> None:
    organization_id = uuid4()
    await _write(store, organization_id, "before")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await _write(store, organization_id, "after") == 1


async def test_a_server_that_goes_away_is_unavailable() -> None:
    with PostgresServer() as server:
        store = PostgresLogStore(server.url)
        await store.start()
        assert (await store.health()).ready
    health = await store.health()
    assert not health.ready
    with pytest.raises(StoreUnavailable):
        await _write(store, uuid4(), "lost")
    with pytest.raises(StoreUnavailable):
        await store.count(selection(uuid4()))
    await store.close()


async def test_a_server_that_is_not_there_refuses_the_start() -> None:
    with pytest.raises(StartupError, match="is not available"):
        await PostgresLogStore("postgresql://127.0.0.1:9/tocsin").start()


async def test_a_database_of_another_encoding_refuses_the_start(postgres_server: PostgresServer) -> None:
    name = f"ascii_{uuid4().hex}"
    url = postgres_server.url.replace("/postgres?", f"/{name}?")
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'".encode())
        with pytest.raises(StartupError, match="needs UTF8"):
            await PostgresLogStore(url).start()
        await connection.execute(f"DROP DATABASE {name}".encode())


async def test_a_user_that_may_make_nothing_is_told_what_it_has_to_be_allowed(
    postgres_server: PostgresServer, url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as superuser:
        await superuser.execute("CREATE ROLE reader_only LOGIN")
        try:
            with pytest.raises(StartupError, match="allowed to create schemas"):
                await PostgresLogStore(url.replace(f"//{OWNER}:", "//reader_only:", 1)).start()
        finally:
            # Temporary tables are gone with their connection, a moment after it is closed.
            await superuser.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'reader_only'"
            )
            await superuser.execute("DROP ROLE reader_only")


def test_a_url_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidSettings) as caught:
        PostgresLogStore("postgresql://user:hunter2@host:port/name")
    assert "hunter2" not in caught.value.detail


async def test_a_closed_store_says_so(url: str) -> None:
    store = PostgresLogStore(url)
    await store.start()
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await _write(store, uuid4(), "late")
    assert not (await store.health()).ready


@pytest.mark.parametrize(("synchronous_commit", "expected"), [(True, "on"), (False, "off")])
async def test_commits_wait_for_the_disk_as_the_setting_says(url: str, synchronous_commit: bool, expected: str) -> None:
    pool = PostgresPool(url, connections=1, synchronous_commit=synchronous_commit)
    async with pool.transaction() as connection:
        shown = await (await connection.execute("SHOW synchronous_commit")).fetchone()
    await pool.close()
    assert shown == (expected,)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("57014", QueryTimedOut),
        ("53200", QueryTooExpensive),
        ("53400", QueryTooExpensive),
        ("54001", QueryTooExpensive),
        ("53300", StoreUnavailable),
        ("57P03", StoreUnavailable),
        ("25006", StoreUnavailable),
        ("22012", TocsinError),
    ],
)
async def test_an_error_of_the_server_is_told_apart(url: str, state: str, expected: type[TocsinError]) -> None:
    pool = PostgresPool(url, connections=1, synchronous_commit=True)
    with pytest.raises(TocsinError) as caught:
        async with pool.transaction() as connection:
            await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$".encode())
    await pool.close()
    assert type(caught.value) is expected
