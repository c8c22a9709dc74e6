"""Scans: order, limits, pages, time ranges and batches."""

from uuid import UUID, uuid4

import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventual_totals, messages, scanned, searchable, selection
from tocsin.logmodel.log import Log
from tocsin.logstore.ports import LogStore, Order, Position, Receipt, TimeRange

SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def _position(log: Log) -> Position:
    return Position(log.timestamp_unix_nano, log.ingest_sequence)


async def _write_unordered(store: LogStore, organization_id: UUID, rows: int = 60) -> None:
    """Logs whose order of arrival is not that of their timestamps, several to a timestamp, over several days."""
    offsets = [(row * 37 % rows // 3) * 7 * 3_600 * SECOND for row in range(rows)]
    written = [
        {"timestamp": NOON_UNIX_NANO + offset, "message": f"log number {row}", "service": f"service-{row % 5}"}
        for row, offset in enumerate(offsets)
    ]
    for start in range(0, rows, 20):
        await store.write(organization_id, log_batch(written[start : start + 20]), Receipt(received=20))
    await searchable(store, organization_id, rows)


async def test_scan_returns_what_was_written(log_store: LogStore, organization_id: UUID) -> None:
    row = {
        "timestamp": NOON_UNIX_NANO + 123_456_789,
        "observed_timestamp": NOON_UNIX_NANO + 5 * SECOND + 1,
        "severity_number": 18,
        "service": "payments",
        "message": "charge 17 failed",
        "metadata": {"http.status": 500, "user": "é", "ok": False, "note": None, "ratio": 0.25},
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }
    batch = log_batch([row])
    await log_store.write(organization_id, batch, Receipt(received=1))
    await searchable(log_store, organization_id, 1)
    [log] = await scanned(log_store, selection(organization_id))
    found = {name: getattr(log, name) for name in ("severity_number", "service", "message", "metadata")}
    found |= {"timestamp": log.timestamp_unix_nano, "observed_timestamp": log.observed_timestamp_unix_nano}
    found |= {"trace_id": log.trace_id, "span_id": log.span_id}
    assert found == row
    assert log.content_hash == batch.rows["content_hash"][0].as_py()
    assert log.shape == batch.rows["shape"][0].as_py()


@pytest.mark.parametrize("order", list(Order))
async def test_scan_is_ordered_by_timestamp_and_sequence(
    log_store: LogStore, organization_id: UUID, order: Order
) -> None:
    await _write_unordered(log_store, organization_id)
    positions = [_position(log) for log in await scanned(log_store, selection(organization_id), order=order)]
    assert len(positions) == 60
    assert positions == sorted(positions, reverse=order is Order.NEWEST_FIRST)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limit", [1, 7, 60, 100])
async def test_limit_cuts_the_end_off(log_store: LogStore, organization_id: UUID, order: Order, limit: int) -> None:
    await _write_unordered(log_store, organization_id)
    everything = await scanned(log_store, selection(organization_id), order=order)
    assert await scanned(log_store, selection(organization_id), order=order, limit=limit) == everything[:limit]


@pytest.mark.parametrize("order", list(Order))
async def test_pages_join_to_one_big_scan(log_store: LogStore, organization_id: UUID, order: Order) -> None:
    await _write_unordered(log_store, organization_id)
    everything = await scanned(log_store, selection(organization_id), order=order)
    paged: list[Log] = []
    while page := await scanned(
        log_store, selection(organization_id), order=order, limit=7, after=_position(paged[-1]) if paged else None
    ):
        paged.extend(page)
    assert paged == everything


async def test_batches_are_no_larger_than_asked_for(log_store: LogStore, organization_id: UUID) -> None:
    await _write_unordered(log_store, organization_id)
    everything = await scanned(log_store, selection(organization_id))
    assert await scanned(log_store, selection(organization_id), batch_rows=9) == everything


async def test_a_scan_may_be_left_early(log_store: LogStore, organization_id: UUID) -> None:
    await _write_unordered(log_store, organization_id)
    for _ in range(10):
        assert len(await scanned(log_store, selection(organization_id), limit=1, batch_rows=1)) == 1
    assert len(await scanned(log_store, selection(organization_id))) == 60


async def test_a_time_range_includes_its_start_and_not_its_end(log_store: LogStore, organization_id: UUID) -> None:
    rows = [{"timestamp": NOON_UNIX_NANO + offset, "message": f"at {offset}"} for offset in (-1, 0, 1, 9, 10, 11)]
    await log_store.write(organization_id, log_batch(rows), Receipt(received=6))
    await searchable(log_store, organization_id, 6)
    selected = selection(organization_id, time_range=TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO + 10))
    assert [log.message for log in await scanned(log_store, selected)] == ["at 0", "at 1", "at 9"]
    assert await log_store.count(selected) == 3


async def test_an_empty_time_range_holds_nothing(log_store: LogStore, organization_id: UUID) -> None:
    await log_store.write(organization_id, log_batch([{}]), Receipt(received=1))
    await searchable(log_store, organization_id, 1)
    selected = selection(organization_id, time_range=TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO))
    assert await scanned(log_store, selected) == []
    assert await log_store.count(selected) == 0


async def test_logs_of_long_ago_and_far_ahead_are_found(log_store: LogStore, organization_id: UUID) -> None:
    moments = [1, 86_400 * SECOND - 1, NOON_UNIX_NANO, NOON_UNIX_NANO + 10_000 * DAY]
    rows = [{"timestamp": moment, "message": str(moment)} for moment in moments]
    await log_store.write(organization_id, log_batch(rows), Receipt(received=4))
    await searchable(log_store, organization_id, 4)
    assert await messages(log_store, organization_id) == [str(moment) for moment in moments]


async def test_organizations_see_only_their_own(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    await log_store.write(organization_id, log_batch([{"message": "ours"}]), Receipt(received=1))
    await log_store.write(other_id, log_batch([{"message": "theirs"}, {"message": "also"}]), Receipt(received=2))
    await searchable(log_store, organization_id, 1)
    await searchable(log_store, other_id, 2)
    assert await messages(log_store, organization_id) == ["ours"]
    assert sorted(await messages(log_store, other_id)) == ["also", "theirs"]
    assert (await eventual_totals(log_store, organization_id, received=1)).received == 1


async def test_the_same_log_is_stored_for_each_organization(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    batch = log_batch([{"message": "same"}])
    for owner in (organization_id, other_id):
        outcome = await log_store.write(owner, batch, Receipt(received=1))
        assert outcome.is_new.tolist() == [True]
        await searchable(log_store, owner, 1)


async def test_an_unknown_organization_has_nothing(log_store: LogStore, organization_id: UUID) -> None:
    assert await messages(log_store, organization_id) == []
    assert await log_store.count(selection(organization_id)) == 0
    assert await log_store.histogram(selection(organization_id), interval_nano=SECOND) == []
    assert await log_store.top_shapes(selection(organization_id), limit=5) == []
    assert await log_store.get(organization_id, timestamp_unix_milli=1, content_hash=1) is None
    assert (await log_store.totals(organization_id)).received == 0


async def test_reads_see_writes_that_come_after_others_were_read(log_store: LogStore, organization_id: UUID) -> None:
    for written in range(1, 6):
        await log_store.write(organization_id, log_batch([{"message": f"log {written}"}]), Receipt(received=1))
        await searchable(log_store, organization_id, written)
