"""The merger of small parts, on real ones."""

import asyncio
from pathlib import Path

from tests.logstore.clickhouse import clickhouse, store_rows
from tests.logstore.commits import numbered_logs
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool
from tocsin.logstore.backends.clickhouse.merger import IdleMerger
from tocsin.logstore.backends.clickhouse.schema import LOGS

_IDLE_SECONDS = 0.05
_DEADLINE_SECONDS = 20


async def _parts(pool: ClickHousePool) -> int:
    """Active parts with rows."""
    table = await pool.fetch("SELECT count() AS parts FROM system.parts WHERE active AND table = 'logs' AND rows > 0")
    return int(table["parts"][0].as_py())


async def _end(merger: IdleMerger, pool: ClickHousePool) -> None:
    """Close it as the store does."""
    await asyncio.to_thread(merger.close, lambda: None)
    await pool.execute(f"SYSTEM START MERGES {LOGS}")


async def test_what_a_burst_left_is_merged_when_it_is_over(tmp_path: Path) -> None:
    async with clickhouse(tmp_path) as pool:
        merger = await asyncio.to_thread(IdleMerger, tmp_path, idle_seconds=_IDLE_SECONDS)
        for part in range(3):
            await store_rows(pool, numbered_logs([part]), [part])
        assert await _parts(pool) == 3
        merger.inserted()
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while await _parts(pool) > 1:  # noqa: ASYNC110  (ClickHouse tells nobody when a merge ends)
                await asyncio.sleep(0.01)
        await _end(merger, pool)


async def test_a_day_that_is_merged_already_is_left_alone(tmp_path: Path) -> None:
    async with clickhouse(tmp_path) as pool:
        await store_rows(pool, numbered_logs(range(5_000)), range(5_000))
        await store_rows(pool, numbered_logs([5_000]), [5_000])
        merger = await asyncio.to_thread(IdleMerger, tmp_path, idle_seconds=_IDLE_SECONDS)
        merger.inserted()
        await asyncio.sleep(5 * _IDLE_SECONDS)
        await _end(merger, pool)
        assert await _parts(pool) == 2


async def test_closing_stops_the_merges_and_ends_the_thread(tmp_path: Path) -> None:
    async with clickhouse(tmp_path) as pool:
        merger = await asyncio.to_thread(IdleMerger, tmp_path, idle_seconds=60)
        merger.inserted()
        stopped: list[bool] = []
        await asyncio.to_thread(merger.close, lambda: stopped.append(True))
        assert stopped
        assert await _parts(pool) == 0
