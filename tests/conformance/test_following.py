"""Following: reads in the order of ``ingest_sequence``, from any position, without a gap or a repetition."""

import asyncio
from uuid import UUID, uuid4

import pyarrow as pa
import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventually, searchable
from tocsin.logmodel.batch import STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.ports import LogStore, Receipt

HOUR = 3_600_000_000_000


async def _write(store: LogStore, organization_id: UUID, *messages: str, timestamp: int = NOON_UNIX_NANO) -> None:
    batch = log_batch([{"message": message, "timestamp": timestamp} for message in messages])
    await store.write(organization_id, batch, Receipt(received=len(messages)))


async def _followed(store: LogStore, organization_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Log]:
    """All that a consumer sees now, from a position, ``limit`` logs at a time; every batch is checked for its form."""
    logs: list[Log] = []
    while True:
        rows: pa.RecordBatch = await store.read_after(organization_id, after, limit=limit)
        assert rows.schema.equals(STORED_LOG_SCHEMA)
        assert rows.num_rows <= limit
        if not rows.num_rows:
            return logs
        logs += logs_of(rows)
        after = logs[-1].ingest_sequence


async def _all_followed(store: LogStore, organization_id: UUID, count: int, *, limit: int = 1_000) -> list[Log]:
    return await eventually(lambda: _followed(store, organization_id, limit=limit), lambda logs: len(logs) >= count)


def _messages(logs: list[Log]) -> list[str]:
    return [log.message for log in logs]


async def test_logs_follow_in_the_order_of_their_commits_when_their_times_differ(
    log_store: LogStore, organization_id: UUID
) -> None:
    await _write(log_store, organization_id, "first", "second")
    await _write(log_store, organization_id, "late", timestamp=NOON_UNIX_NANO - 30 * 24 * HOUR)
    await _write(log_store, organization_id, "early", timestamp=NOON_UNIX_NANO + HOUR)
    logs = await _all_followed(log_store, organization_id, 4)
    assert _messages(logs) == ["first", "second", "late", "early"]
    sequences = [log.ingest_sequence for log in logs]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("limit", [1, 3, 7, 1_000])
async def test_every_log_is_seen_once_when_read_in_pieces(
    log_store: LogStore, organization_id: UUID, limit: int
) -> None:
    for number in range(6):
        await _write(log_store, organization_id, *(f"log {number}.{row}" for row in range(4)))
    expected = [f"log {number}.{row}" for number in range(6) for row in range(4)]
    assert _messages(await _all_followed(log_store, organization_id, 24, limit=limit)) == expected


async def test_following_goes_on_from_any_log(log_store: LogStore, organization_id: UUID) -> None:
    for number in range(5):
        await _write(log_store, organization_id, f"log {number}.0", f"log {number}.1")
    logs = await _all_followed(log_store, organization_id, 10)
    for seen, log in enumerate(logs, start=1):
        rest = await _followed(log_store, organization_id, after=log.ingest_sequence)
        assert rest == logs[seen:]


async def test_the_same_logs_follow_once_they_are_searchable(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, *(f"log {row}" for row in range(20)))
    at_first = await _all_followed(log_store, organization_id, 20)
    await searchable(log_store, organization_id, 20)
    assert await _followed(log_store, organization_id) == at_first


async def test_nothing_is_missed_or_repeated_when_followed_during_writes(
    log_store: LogStore, organization_id: UUID
) -> None:
    async def write_all() -> None:
        for number in range(30):
            await _write(log_store, organization_id, *(f"log {number}.{row}" for row in range(number % 4 + 1)))

    writing = asyncio.create_task(write_all())
    followed: list[Log] = []
    while not writing.done():
        after = followed[-1].ingest_sequence if followed else 0
        followed += await _followed(log_store, organization_id, after=after, limit=5)
        await asyncio.sleep(0.002)
    await writing
    after = followed[-1].ingest_sequence if followed else 0
    missing = sum(number % 4 + 1 for number in range(30)) - len(followed)
    followed += await eventually(
        lambda: _followed(log_store, organization_id, after=after), lambda logs: len(list(logs)) >= missing
    )
    assert _messages(followed) == [f"log {number}.{row}" for number in range(30) for row in range(number % 4 + 1)]


async def test_a_duplicate_does_not_follow_again(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, "one", "two")
    await _write(log_store, organization_id, "two", "three")
    assert _messages(await _all_followed(log_store, organization_id, 3)) == ["one", "two", "three"]


async def test_others_logs_are_not_followed(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    # Written at the same time, so that a store may take them into one commit.
    await asyncio.gather(
        *(
            _write(log_store, owner, f"{name} {number}")
            for number in range(5)
            for owner, name in ((organization_id, "ours"), (other_id, "theirs"))
        )
    )
    assert sorted(_messages(await _all_followed(log_store, organization_id, 5))) == [f"ours {n}" for n in range(5)]
    assert sorted(_messages(await _all_followed(log_store, other_id, 5))) == [f"theirs {n}" for n in range(5)]


async def test_the_last_sequence_is_that_of_the_last_log_that_follows(
    log_store: LogStore, organization_id: UUID
) -> None:
    await _write(log_store, organization_id, "one", "two")
    await _write(log_store, organization_id, "three", timestamp=NOON_UNIX_NANO - HOUR)
    logs = await _all_followed(log_store, organization_id, 3)
    last = await log_store.last_sequence(organization_id)
    assert last == logs[-1].ingest_sequence
    assert await _followed(log_store, organization_id, after=last) == []


async def test_nothing_follows_when_the_organization_is_unknown(log_store: LogStore, organization_id: UUID) -> None:
    assert await log_store.last_sequence(organization_id) == 0
    assert await _followed(log_store, organization_id) == []
