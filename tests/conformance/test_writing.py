"""Writes: duplicates, sequence numbers, the ledger, and logs of unusual size."""

from typing import Any
from uuid import UUID

import numpy as np

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventual_totals, messages, scanned, searchable, selection
from tocsin.logstore.ports import IngestTotals, LogStore, Receipt

SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def _rows(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"timestamp": NOON_UNIX_NANO + number * SECOND, "message": f"log {number}"}
        for number in range(first, first + count)
    ]


async def test_a_batch_is_stored_once_when_written_twice(log_store: LogStore, organization_id: UUID) -> None:
    batch = log_batch(_rows(5))
    first = await log_store.write(organization_id, batch, Receipt(received=5))
    again = await log_store.write(organization_id, batch, Receipt(received=5))
    assert (first.stored, first.duplicates) == (5, 0)
    assert (again.stored, again.duplicates) == (0, 5)
    await searchable(log_store, organization_id, 5)
    later = await log_store.write(organization_id, batch, Receipt(received=5))
    assert later.stored == 0
    await searchable(log_store, organization_id, 5)


async def test_only_the_new_rows_are_stored_when_batches_overlap(log_store: LogStore, organization_id: UUID) -> None:
    await log_store.write(organization_id, log_batch(_rows(4)), Receipt(received=4))
    outcome = await log_store.write(organization_id, log_batch(_rows(4, first=2)), Receipt(received=4))
    assert outcome.is_new.tolist() == [False, False, True, True]
    assert outcome.is_new.dtype == np.bool_
    await searchable(log_store, organization_id, 6)


async def test_the_first_is_stored_when_a_row_stands_twice_in_a_batch(
    log_store: LogStore, organization_id: UUID
) -> None:
    row = {"message": "twice", "content_hash": 77}
    outcome = await log_store.write(organization_id, log_batch([row, row, {}]), Receipt(received=3))
    assert outcome.is_new.tolist() == [True, False, True]
    await searchable(log_store, organization_id, 2)


async def test_rows_are_different_logs_when_only_the_timestamp_or_the_hash_is_equal(
    log_store: LogStore, organization_id: UUID
) -> None:
    rows = [
        {"content_hash": 1, "timestamp": NOON_UNIX_NANO},
        {"content_hash": 1, "timestamp": NOON_UNIX_NANO + 1},
        {"content_hash": 2, "timestamp": NOON_UNIX_NANO},
    ]
    outcome = await log_store.write(organization_id, log_batch(rows), Receipt(received=3))
    assert outcome.stored == 3
    await searchable(log_store, organization_id, 3)


async def test_duplicates_are_found_when_they_are_old(log_store: LogStore, organization_id: UUID) -> None:
    old = [{"timestamp": NOON_UNIX_NANO - 40 * DAY, "message": "old"}]
    await log_store.write(organization_id, log_batch(old), Receipt(received=1))
    await searchable(log_store, organization_id, 1)
    await log_store.write(organization_id, log_batch(_rows(3)), Receipt(received=3))
    mixed = log_batch([*old, *_rows(1, first=2), *_rows(1, first=9)])
    outcome = await log_store.write(organization_id, mixed, Receipt(received=3))
    assert outcome.is_new.tolist() == [False, False, True]
    await searchable(log_store, organization_id, 5)


async def test_identical_lines_of_one_request_are_all_kept(log_store: LogStore, organization_id: UUID) -> None:
    batch = log_batch([{"message": "tick"}] * 3)
    assert (await log_store.write(organization_id, batch, Receipt(received=3))).stored == 3
    assert (await log_store.write(organization_id, batch, Receipt(received=3))).stored == 0
    await searchable(log_store, organization_id, 3)


async def test_sequences_grow_in_the_order_of_commits_and_rows(log_store: LogStore, organization_id: UUID) -> None:
    for commit in range(4):
        rows = [
            {"timestamp": NOON_UNIX_NANO - (commit * 10 + row) * SECOND, "message": f"{commit}.{row}"}
            for row in range(3)
        ]
        await log_store.write(organization_id, log_batch(rows), Receipt(received=3))
    await searchable(log_store, organization_id, 12)
    logs = sorted(await scanned(log_store, selection(organization_id)), key=lambda log: log.ingest_sequence)
    assert len({log.ingest_sequence for log in logs}) == 12
    assert [log.message for log in logs] == [f"{commit}.{row}" for commit in range(4) for row in range(3)]


async def test_the_ledger_balances(log_store: LogStore, organization_id: UUID) -> None:
    batch = log_batch(_rows(5))
    await log_store.write(organization_id, batch, Receipt(received=7, dead_letters=2))
    await log_store.write(organization_id, batch, Receipt(received=5))
    await log_store.write(organization_id, log_batch([]), Receipt(received=3, dead_letters=3))
    totals = await eventual_totals(log_store, organization_id, received=15)
    assert totals == IngestTotals(received=15, stored=5, duplicates=5, dead_letters=5)
    assert totals.received == totals.stored + totals.duplicates + totals.dead_letters


async def test_an_empty_batch_stores_nothing(log_store: LogStore, organization_id: UUID) -> None:
    outcome = await log_store.write(organization_id, log_batch([]), Receipt(received=0))
    assert (outcome.stored, outcome.duplicates, outcome.is_new.shape) == (0, 0, (0,))
    assert await messages(log_store, organization_id) == []


async def test_a_message_of_a_megabyte_is_kept(log_store: LogStore, organization_id: UUID) -> None:
    long_message = "é-" * 350_000
    await log_store.write(organization_id, log_batch([{"message": long_message}, {}]), Receipt(received=2))
    await searchable(log_store, organization_id, 2)
    assert await messages(log_store, organization_id) == [long_message, ""]


async def test_extreme_hashes_and_shapes_are_kept(log_store: LogStore, organization_id: UUID) -> None:
    largest = 2**64 - 1
    rows = [{"content_hash": 0, "shape": largest}, {"content_hash": largest, "shape": 0}]
    await log_store.write(organization_id, log_batch(rows), Receipt(received=2))
    await searchable(log_store, organization_id, 2)
    logs = await scanned(log_store, selection(organization_id))
    assert [(log.content_hash, log.shape) for log in logs] == [(0, largest), (largest, 0)]


async def test_the_store_says_that_it_is_ready(log_store: LogStore, organization_id: UUID) -> None:
    await log_store.write(organization_id, log_batch(_rows(2)), Receipt(received=2))
    await searchable(log_store, organization_id, 2)
    health = await log_store.health()
    assert health.ready
    assert health.stored_rows >= 2
    assert health.pending_rows >= 0
