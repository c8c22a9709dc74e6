"""A query that nobody waits for any more is stopped: embedded, and on a server over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.logstore.clickhouse import clickhouse
from tests.support.clickhouse_gateway import clickhouse_gateway
from tests.support.reading import eventually
from tocsin.kit.errors import TocsinError
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool, EmbeddedConnection, http_client

ENDLESS = "SELECT count() FROM numbers(1000000000000000) WHERE sipHash64(number) = 1"
_RUNNING = "SELECT count() AS queries FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND elapsed > 0"


@pytest.fixture(params=["embedded", "http"])
async def pool(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHousePool]:
    """A pool of two connections."""
    if request.param == "embedded":
        async with clickhouse(tmp_path) as opened:
            yield opened
        return
    with clickhouse_gateway(tmp_path) as url:
        opened = ClickHousePool(lambda: http_client(url), connections=2)
        await opened.open()
        yield opened
        await opened.close()


async def _running(pool: ClickHousePool) -> int:
    table = await pool.fetch(f"{_RUNNING} AND query NOT LIKE '%system.processes%'")
    return int(table["queries"][0].as_py())


async def test_a_query_is_stopped_when_its_caller_is_cancelled(pool: ClickHousePool) -> None:
    caller = asyncio.create_task(pool.fetch(ENDLESS))
    assert await eventually(lambda: _running(pool), lambda queries: queries == 1) == 1
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await eventually(lambda: _running(pool), lambda queries: queries == 0) == 0


async def test_connections_are_free_again_when_many_queries_are_cancelled_at_once(pool: ClickHousePool) -> None:
    """More than there are connections: some run, some have just been sent, and some wait in line."""
    callers = [asyncio.create_task(pool.fetch(ENDLESS)) for _ in range(6)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(pool.fetch(f"SELECT {n} AS n") for n in range(4)))
    assert [answer["n"][0].as_py() for answer in answers] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "failing",
    [
        "SELECT sleepEachRow(0.01) AS stale FROM numbers(9999) SETTINGS max_execution_time = 0.2, max_block_size = 10",
        "SELECT throwIf(number = 500000) AS stale FROM numbers(1000000)",
    ],
)
async def test_an_answer_holds_nothing_of_a_query_that_failed_before_it(pool: ClickHousePool, failing: str) -> None:
    for n in range(4):
        with pytest.raises(TocsinError):
            await pool.fetch(failing)
        answer = await pool.fetch(f"SELECT {n} AS n")
        assert answer.to_pydict() == {"n": [n]}


def test_nor_does_one_on_the_connection_that_a_thread_keeps(tmp_path: Path) -> None:
    connection = EmbeddedConnection(tmp_path)
    for n in range(4):
        with pytest.raises(TocsinError):
            connection.fetch("SELECT throwIf(number = 500000) AS stale FROM numbers(1000000)")
        assert connection.fetch(f"SELECT {n} AS n").to_pydict() == {"n": [n]}
    connection.close()
