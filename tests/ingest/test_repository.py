import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.ingest.conftest import ORGANIZATION, OTHER_ORGANIZATION, add_organizations
from tocsin.database.service import Database
from tocsin.ingest.contracts import Reject, RejectReason
from tocsin.ingest.repository import MAX_RAW_BYTES, IngestRepository

NOON = datetime(2025, 12, 3, 12, tzinfo=UTC)


@pytest.fixture
async def repository(database: Database) -> IngestRepository:
    """On SQLite and on PostgreSQL."""
    await add_organizations(database)
    return IngestRepository(database)


def _reject(raw: bytes) -> Reject:
    return Reject(RejectReason.BAD_TIMESTAMP, "not a time", raw)


async def test_dead_letter_is_as_it_was_kept(repository: IngestRepository) -> None:
    raw = bytes(range(256))
    await repository.add_dead_letters(ORGANIZATION, "api", [_reject(raw)], received_at=NOON)
    [letter] = await repository.dead_letters(ORGANIZATION, limit=10)
    assert (letter.service, letter.reason, letter.detail) == ("api", RejectReason.BAD_TIMESTAMP, "not a time")
    assert (letter.raw, letter.truncated, letter.received_at) == (raw, False, NOON)


async def test_dead_letter_says_so_when_it_was_cut(repository: IngestRepository) -> None:
    rejects = [_reject(b"x" * MAX_RAW_BYTES), _reject(b"y" * (MAX_RAW_BYTES + 1))]
    await repository.add_dead_letters(ORGANIZATION, "api", rejects, received_at=NOON)
    letters = await repository.dead_letters(ORGANIZATION, limit=10)
    kept = {letter.raw[:1]: (len(letter.raw), letter.truncated) for letter in letters}
    assert kept == {b"x": (MAX_RAW_BYTES, False), b"y": (MAX_RAW_BYTES, True)}


async def test_newest_dead_letters_come_first(repository: IngestRepository) -> None:
    for number in range(5):
        received_at = NOON + timedelta(seconds=number)
        await repository.add_dead_letters(ORGANIZATION, "api", [_reject(b"%d" % number)], received_at=received_at)
    assert [letter.raw for letter in await repository.dead_letters(ORGANIZATION, limit=3)] == [b"4", b"3", b"2"]


async def test_dead_letters_are_the_organizations_own(repository: IngestRepository) -> None:
    await repository.add_dead_letters(ORGANIZATION, "api", [_reject(b"a")], received_at=NOON)
    assert await repository.dead_letters(OTHER_ORGANIZATION, limit=10) == []


async def test_first_time_counts_when_an_idempotency_key_comes_again(repository: IngestRepository) -> None:
    assert await repository.first_received(ORGANIZATION, "k", now_unix_nano=5) == 5
    assert await repository.first_received(ORGANIZATION, "k", now_unix_nano=9) == 5
    assert await repository.first_received(ORGANIZATION, "K", now_unix_nano=9) == 9
    assert await repository.first_received(OTHER_ORGANIZATION, "k", now_unix_nano=9) == 9


async def test_one_time_counts_when_an_idempotency_key_comes_several_times_at_once(
    repository: IngestRepository,
) -> None:
    times = [repository.first_received(ORGANIZATION, "k", now_unix_nano=now) for now in range(4)]
    assert len(set(await asyncio.gather(*times))) == 1


async def test_idempotency_key_is_new_again_when_it_was_forgotten(repository: IngestRepository) -> None:
    await repository.first_received(ORGANIZATION, "old", now_unix_nano=5)
    await repository.first_received(ORGANIZATION, "young", now_unix_nano=6)
    await repository.forget_idempotency_keys(before_unix_nano=6)
    assert await repository.first_received(ORGANIZATION, "old", now_unix_nano=9) == 9
    assert await repository.first_received(ORGANIZATION, "young", now_unix_nano=9) == 6
