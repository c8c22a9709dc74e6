"""A caller who goes away stops what was asked, down to the engine; over the real HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pytest
from litestar import Litestar

from tests.logstore.clickhouse import clickhouse
from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock, given
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import questions_by
from tests.support.reading import eventually
from tests.support.serving import asked, served
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import Receipt, ScanPlan, Selection
from tocsin.search.endpoints import LogsController
from tocsin.search.export import ExportService
from tocsin.search.export_endpoints import ExportController
from tocsin.search.limits import QueryLimits
from tocsin.search.service import SearchService

_ENDLESS = "SELECT count() FROM numbers(1000000000000000) WHERE sipHash64(number) = 1"
_RUNNING = """
SELECT count() AS queries FROM system.processes
WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%system.processes%'"""


class _EndlessReader(ClickHouseReader):
    """A reader whose counts take longer than anybody waits."""

    async def count(self, selection: Selection) -> int:
        table = await self.fetch(_ENDLESS, Printer(), timeout_seconds=selection.timeout_seconds)
        return int(table.num_rows)


async def _running(pool: ClickHousePool) -> int:
    return int((await pool.fetch(_RUNNING))["queries"][0].as_py())


async def test_the_engine_stops_a_query_when_its_caller_disconnects(tmp_path: Path) -> None:
    async with clickhouse(tmp_path) as pool:
        limits = QueryLimits(max_concurrent=1, timeout_seconds=600)
        search = SearchService(_EndlessReader(pool), questions_by(HeldClock(NOON_UNIX_NANO)), limits=limits)  # type: ignore[arg-type]
        app = Litestar([LogsController], dependencies={"principal": given(PRINCIPAL), "search_service": given(search)})
        async with served(app) as port:
            # Twice, since the first must give its slot back.
            for _ in range(2):
                _, writer = await asked(port, "/v1/logs/count")
                assert await eventually(lambda: _running(pool), lambda queries: queries == 1) == 1
                writer.close()
                assert await eventually(lambda: _running(pool), lambda queries: queries == 0) == 0


class _EndlessStore(MemoryLogStore):
    """A store with logs without end, that knows whether somebody reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.readers = 0

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        self.readers += 1
        try:
            async for batch in super().scan(plan):
                while True:
                    yield batch
        finally:
            self.readers -= 1


@pytest.mark.parametrize("taken_bytes", [1, 3_000_000])
async def test_an_export_ends_its_scan_when_its_caller_disconnects(taken_bytes: int) -> None:
    store = _EndlessStore()
    rows = [{"timestamp": NOON_UNIX_NANO - n - 1, "message": f"log {n}"} for n in range(1_000)]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
    limits = QueryLimits(max_concurrent=1, timeout_seconds=600)
    export = ExportService(store, questions_by(HeldClock(NOON_UNIX_NANO)), limits=limits)
    app = Litestar([ExportController], dependencies={"principal": given(PRINCIPAL), "export_service": given(export)})

    async def readers() -> int:
        return store.readers

    async with served(app) as port:
        for _ in range(2):
            reader, writer = await asked(port, "/v1/logs/export")
            await reader.readexactly(taken_bytes)
            assert store.readers == 1
            writer.close()
            async with asyncio.timeout(10):
                assert await eventually(readers, lambda count: count == 0) == 0
