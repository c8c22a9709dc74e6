"""What the reader adds to SQL: each log once, pages, limits and Tocsin's errors."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.logstore.clickhouse import ORGANIZATION, clickhouse, store_rows
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive, StoreUnavailable, TocsinError
from tocsin.logmodel.batch import logs_of
from tocsin.logstore.backends.clickhouse import reader as reader_module
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.ports import Order, Position, ScanPlan, Selection, TimeRange
from tocsin.query.tree import Node, Substring

RANGE = TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO + 1_000)
COPIES = 3
LOGS_AT_ONE_TIME = 20


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClickHousePool]:
    """Forty logs at two timestamps, each of them stored by three writers."""
    async with clickhouse(tmp_path_factory.mktemp("reader")) as opened:
        rows = [
            {"timestamp": NOON_UNIX_NANO + second, "message": f"{second}-{index}", "shape": index % 4}
            for second in range(2)
            for index in range(LOGS_AT_ONE_TIME)
        ]
        for writer in range(COPIES):
            await store_rows(opened, log_batch(rows), range(writer, COPIES * len(rows), COPIES))
        yield opened


def _selection(query: Node | None = None, *, timeout_seconds: float = 30.0) -> Selection:
    everything = Selection(organization_id=ORGANIZATION, time_range=RANGE, timeout_seconds=timeout_seconds)
    return everything if query is None else Selection(organization_id=ORGANIZATION, time_range=RANGE, query=query)


async def _scan(pool: ClickHousePool, plan: ScanPlan) -> list[tuple[Position, str]]:
    return [
        (Position(log.timestamp_unix_nano, log.ingest_sequence), log.message)
        async for batch in ClickHouseReader(pool).scan(plan)
        for log in logs_of(batch)
    ]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("batch_rows", [1, 3, 1_000])
async def test_each_log_is_shown_once_when_several_writers_have_stored_it(
    pool: ClickHousePool, order: Order, batch_rows: int
) -> None:
    found = await _scan(pool, ScanPlan(selection=_selection(), order=order, batch_rows=batch_rows))
    assert len({message for _, message in found}) == len(found) == 2 * LOGS_AT_ONE_TIME
    positions = [position for position, _ in found]
    assert positions == sorted(positions, reverse=order is Order.NEWEST_FIRST)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("order", list(Order))
async def test_each_log_is_shown_once_when_a_scan_is_continued(pool: ClickHousePool, order: Order) -> None:
    whole = await _scan(pool, ScanPlan(selection=_selection(), order=order))
    continued: list[tuple[Position, str]] = []
    while len(continued) < len(whole):
        after = continued[-1][0] if continued else None
        page = await _scan(pool, ScanPlan(selection=_selection(), order=order, limit=7, after=after))
        assert len(page) == min(7, len(whole) - len(continued))
        continued += page
    assert continued == whole


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scan_is_the_same_when_it_takes_many_pages(
    pool: ClickHousePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ScanPlan(selection=_selection(), limit=33)
    whole = await _scan(pool, plan)
    monkeypatch.setattr(reader_module, "MAX_PAGE_ROWS", 4)
    assert await _scan(pool, plan) == whole
    assert len(whole) == 33


@pytest.mark.asyncio(loop_scope="module")
async def test_the_exemplar_of_a_shape_is_its_newest_log(pool: ClickHousePool) -> None:
    top = await ClickHouseReader(pool).top_shapes(_selection(), limit=2)
    assert [(each.shape, each.exemplar.shape) for each in top] == [(0, 0), (1, 1)]
    assert {each.exemplar.timestamp_unix_nano for each in top} == {NOON_UNIX_NANO + 1}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_log_counts_as_often_as_it_is_stored_when_shapes_are_counted(pool: ClickHousePool) -> None:
    counted = await ClickHouseReader(pool).shape_counts(_selection(), interval_nano=1)
    stored_of_a_shape = COPIES * 2 * LOGS_AT_ONE_TIME // 4
    assert sorted(zip(counted["shape"].to_pylist(), counted["count"].to_pylist(), strict=True)) == [
        (shape, stored_of_a_shape) for shape in range(4)
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_log_is_once_in_a_sample_when_several_writers_have_stored_it(pool: ClickHousePool) -> None:
    sample = await ClickHouseReader(pool).sample(_selection(), slices=25, rows_per_slice=2 * LOGS_AT_ONE_TIME - 1)
    found = [(log.timestamp_unix_nano, log.message) for batch in sample.to_batches() for log in logs_of(batch)]
    assert len(found) == len(set(found)) == 2 * LOGS_AT_ONE_TIME - 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_read_is_given_up_when_its_time_is_over(pool: ClickHousePool) -> None:
    reader = ClickHouseReader(pool)
    with pytest.raises(QueryTimedOut):
        await reader.count(_selection(timeout_seconds=0.0))
    with pytest.raises(QueryTimedOut):
        await reader.shape_counts(_selection(timeout_seconds=0.0), interval_nano=1)
    with pytest.raises(QueryTimedOut):
        await reader.sample(_selection(timeout_seconds=0.0), slices=2, rows_per_slice=1)
    with pytest.raises(QueryTimedOut):
        await _scan(pool, ScanPlan(selection=_selection(timeout_seconds=0.0)))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_query_is_refused_when_it_needs_too_much_memory(
    pool: ClickHousePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MAX_MEMORY_BYTES", 1)
    with pytest.raises(QueryTooExpensive) as refused:
        await ClickHouseReader(pool).count(_selection(Substring("x")))
    assert (refused.value.limit, refused.value.maximum) == ("memory_bytes", 1)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT count() FROM numbers(1000000000000) SETTINGS max_execution_time = 0.1", QueryTimedOut),
        ("SELECT groupArray(number) FROM numbers(9000000) SETTINGS max_memory_usage = 1000000", QueryTooExpensive),
        ("SELECT match(toString(number), repeat('\\\\pL+', 5000)) FROM numbers(1)", QueryTooExpensive),
        ("SELECT no_such_column FROM tocsin.logs", TocsinError),
    ],
)
async def test_the_drivers_errors_become_tocsins(
    pool: ClickHousePool, statement: str, error: type[TocsinError]
) -> None:
    with pytest.raises(TocsinError) as raised:
        await pool.fetch(statement)
    assert type(raised.value) is error


@pytest.mark.asyncio(loop_scope="module")
async def test_reads_can_not_write_or_open_files(pool: ClickHousePool) -> None:
    reader = ClickHouseReader(pool)
    for statement in ("SELECT * FROM file('/etc/hostname', 'LineAsString')", "SELECT * FROM url('http://localhost')"):
        with pytest.raises(TocsinError, match="READONLY"):
            await reader.fetch(statement, Printer(), timeout_seconds=1.0)


async def test_a_closed_pool_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        await ClickHouseReader(ClickHousePool(lambda: pytest.fail("connected"), connections=1)).count(_selection())
