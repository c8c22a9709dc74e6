import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from sqlalchemy import delete

from tests.ingest.conftest import KEY, ORGANIZATION, OTHER_ORGANIZATION, HeldClock, add_organizations
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS, Scope
from tocsin.database.service import Database
from tocsin.ingest.contracts import IngestOutcome, RejectReason
from tocsin.ingest.usage import IDLE_SECONDS, UsageMeter
from tocsin.ingest.usage_repository import KeyDay, Usage, UsageRepository
from tocsin.kit.errors import ServiceUnavailable
from tocsin.kit.moments import NANOSECONDS_A_DAY

TODAY = date(2025, 12, 3)
TOMORROW = TODAY + timedelta(days=1)
OTHER_KEY = replace(KEY, key_id=UUID(int=2))
STRANGERS_KEY = replace(KEY, key_id=UUID(int=3), organization_id=OTHER_ORGANIZATION)
OUTCOME = IngestOutcome(received=10, stored=6, duplicates_skipped=3, rejected=Counter({RejectReason.BAD_LEVEL: 1}))
ONCE = Usage(received=10, stored=6, duplicates=3, dead_letters=1, bytes=500)
TWICE = Usage(received=20, stored=12, duplicates=6, dead_letters=2, bytes=1_000)


class SwitchedDatabase(Database):
    """A database that can be away."""

    is_away = False

    def session(self, scope: Scope) -> Any:
        self._check()
        return super().session(scope)

    def read_session(self, scope: Scope) -> Any:
        self._check()
        return super().read_session(scope)

    def _check(self) -> None:
        if self.is_away:
            raise ServiceUnavailable("the database is not available right now")


@pytest.fixture
async def switched(database_url: str) -> AsyncIterator[SwitchedDatabase]:
    database = SwitchedDatabase(database_url)
    await add_organizations(database)
    yield database
    await database.close()


class Process:
    """One process's meter, over the database of all."""

    def __init__(self, database: Database, clock: HeldClock, **options: Any) -> None:
        self.meter = UsageMeter(UsageRepository(database), clock=clock, **options)

    async def found(self, *, organization_id: UUID = ORGANIZATION, key_id: UUID | None = None) -> dict[KeyDay, Usage]:
        return await self.meter.between(organization_id, TODAY, TOMORROW, key_id=key_id)


@pytest.fixture
async def process(switched: SwitchedDatabase, clock: HeldClock) -> AsyncIterator[Process]:
    process = Process(switched, clock)
    yield process
    switched.is_away = False
    await process.meter.close()


@pytest.fixture
async def other_process(switched: SwitchedDatabase, clock: HeldClock) -> AsyncIterator[Process]:
    process = Process(switched, clock)
    yield process
    await process.meter.close()


async def test_usage_is_told_by_key_and_day_before_and_after_it_is_written(process: Process, clock: HeldClock) -> None:
    process.meter.add(KEY, OUTCOME, 500)
    process.meter.add(KEY, OUTCOME, 500)
    process.meter.add(OTHER_KEY, OUTCOME, 500)
    process.meter.add(STRANGERS_KEY, OUTCOME, 500)
    clock.unix_nano += NANOSECONDS_A_DAY
    process.meter.add(KEY, OUTCOME, 500)
    expected = {
        KeyDay(TODAY, KEY.key_id): TWICE,
        KeyDay(TODAY, OTHER_KEY.key_id): ONCE,
        KeyDay(TOMORROW, KEY.key_id): ONCE,
    }
    assert await process.found() == expected
    await process.meter.flush()
    assert await process.found() == expected
    process.meter.add(KEY, OUTCOME, 500)
    assert await process.found() == expected | {KeyDay(TOMORROW, KEY.key_id): TWICE}
    assert await process.found(organization_id=OTHER_ORGANIZATION) == {KeyDay(TODAY, STRANGERS_KEY.key_id): ONCE}


async def test_usage_of_one_key_and_of_some_days_is_told_alone(process: Process, clock: HeldClock) -> None:
    async def found(first: date, last: date, key_id: UUID | None = None) -> list[KeyDay]:
        return sorted(await process.meter.between(ORGANIZATION, first, last, key_id=key_id))

    today, other, tomorrow = (
        KeyDay(TODAY, KEY.key_id),
        KeyDay(TODAY, OTHER_KEY.key_id),
        KeyDay(TOMORROW, KEY.key_id),
    )
    for is_written in (False, True):
        if is_written:
            clock.unix_nano -= NANOSECONDS_A_DAY
            await process.meter.flush()
        else:
            process.meter.add(KEY, OUTCOME, 500)
            process.meter.add(OTHER_KEY, OUTCOME, 500)
            clock.unix_nano += NANOSECONDS_A_DAY
            process.meter.add(KEY, OUTCOME, 500)
        assert await found(TODAY, TOMORROW) == [today, other, tomorrow]
        assert await found(TODAY, TODAY) == [today, other]
        assert await found(TOMORROW, TOMORROW) == [tomorrow]
        assert await found(TODAY, TOMORROW, KEY.key_id) == [today, tomorrow]


async def test_processes_add_to_the_same_rows(process: Process, other_process: Process) -> None:
    for _ in range(3):
        process.meter.add(KEY, OUTCOME, 500)
        other_process.meter.add(KEY, OUTCOME, 500)
        await asyncio.gather(process.meter.flush(), other_process.meter.flush())
    [(_, usage)] = (await process.found()).items()
    assert usage == Usage(60, 36, 18, 6, 3_000)
    assert await other_process.found() == await process.found()


async def test_what_is_counted_while_it_is_written_is_neither_lost_nor_counted_twice(process: Process) -> None:
    async def count() -> None:
        for _ in range(200):
            process.meter.add(KEY, OUTCOME, 500)
            await asyncio.sleep(0)

    async def flush() -> None:
        for _ in range(10):
            await process.meter.flush()
            least = await process.meter.bytes_of_today(ORGANIZATION)
            found = (await process.found())[today].bytes
            assert least <= found <= await process.meter.bytes_of_today(ORGANIZATION)

    today = KeyDay(TODAY, KEY.key_id)
    await asyncio.gather(count(), flush(), flush())
    await process.meter.flush()
    assert (await process.found())[today] == Usage(2_000, 1_200, 600, 200, 100_000)
    assert await process.meter.bytes_of_today(ORGANIZATION) == 100_000


async def test_usage_waits_in_memory_while_the_database_is_away(process: Process, switched: SwitchedDatabase) -> None:
    switched.is_away = True
    process.meter.add(KEY, OUTCOME, 500)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await process.meter.flush()
        process.meter.add(KEY, OUTCOME, 500)
        switched.is_away = False
        for _ in range(2):
            await process.meter.flush()
    assert [entry["event"] for entry in logs] == ["ingest.usage_waits_for_the_database", "ingest.usage_written_again"]
    assert await process.found() == {KeyDay(TODAY, KEY.key_id): TWICE}


async def test_usage_is_written_when_the_meter_closes(
    switched: SwitchedDatabase, process: Process, clock: HeldClock
) -> None:
    ending = Process(switched, clock)
    ending.meter.add(KEY, OUTCOME, 500)
    await ending.meter.close()
    assert await process.found() == {KeyDay(TODAY, KEY.key_id): ONCE}


async def test_meter_says_what_is_lost_when_it_closes_without_a_database(
    switched: SwitchedDatabase, clock: HeldClock
) -> None:
    ending = Process(switched, clock)
    ending.meter.add(KEY, OUTCOME, 500)
    switched.is_away = True
    with structlog.testing.capture_logs() as logs:
        await ending.meter.close()
    assert {"event": "ingest.usage_lost", "logs": 10, "log_level": "warning"} in logs


async def test_usage_is_written_by_itself_after_a_while(switched: SwitchedDatabase, clock: HeldClock) -> None:
    quick = Process(switched, clock, flush_seconds=0.01)
    written = UsageRepository(switched)
    for times in (1, 2):
        quick.meter.add(KEY, OUTCOME, 500)
        async with asyncio.timeout(30):
            while True:
                if await written.bytes_of(ORGANIZATION, TODAY) == times * 500:
                    break
                await asyncio.sleep(0.01)
    await quick.meter.close()


async def test_others_are_written_when_an_organization_is_gone(process: Process, switched: SwitchedDatabase) -> None:
    process.meter.add(replace(KEY, organization_id=uuid4()), OUTCOME, 500)
    process.meter.add(STRANGERS_KEY, OUTCOME, 500)
    process.meter.add(KEY, OUTCOME, 500)
    async with switched.session(ALL_ORGANIZATIONS) as session:
        await session.execute(delete(OrganizationRow).where(OrganizationRow.id == OTHER_ORGANIZATION))
    with structlog.testing.capture_logs() as logs:
        await process.meter.flush()
        await process.meter.flush()
    assert [entry["event"] for entry in logs] == ["ingest.usage_of_a_removed_organization"] * 2
    assert await process.found() == {KeyDay(TODAY, KEY.key_id): ONCE}
    assert await process.found(organization_id=OTHER_ORGANIZATION) == {}


async def test_bytes_of_today_are_those_of_all_processes(process: Process, other_process: Process) -> None:
    process.meter.add(KEY, OUTCOME, 500)
    other_process.meter.add(OTHER_KEY, OUTCOME, 70)
    assert await process.meter.bytes_of_today(ORGANIZATION) == 500
    assert await other_process.meter.bytes_of_today(ORGANIZATION) == 70
    await other_process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 500
    await process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 570
    assert await process.meter.bytes_of_today(OTHER_ORGANIZATION) == 0


async def test_database_is_asked_for_the_total_once_and_not_on_a_requests_path(
    process: Process, switched: SwitchedDatabase
) -> None:
    await asyncio.gather(*(process.meter.bytes_of_today(ORGANIZATION) for _ in range(5)))
    switched.is_away = True
    process.meter.add(KEY, OUTCOME, 500)
    with structlog.testing.capture_logs() as logs:
        assert await process.meter.bytes_of_today(ORGANIZATION) == 500
    assert logs == []


async def test_total_is_read_anew_when_nobody_asked_for_a_while(
    process: Process, other_process: Process, clock: HeldClock
) -> None:
    assert await process.meter.bytes_of_today(ORGANIZATION) == 0
    clock.unix_nano += (IDLE_SECONDS + 1) * 1_000_000_000
    await process.meter.flush()
    other_process.meter.add(KEY, OUTCOME, 500)
    await other_process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 500


async def test_bytes_begin_anew_at_midnight(process: Process, other_process: Process, clock: HeldClock) -> None:
    process.meter.add(KEY, OUTCOME, 500)
    await process.meter.flush()
    process.meter.add(KEY, OUTCOME, 20)
    assert await process.meter.bytes_of_today(ORGANIZATION) == 520
    clock.unix_nano += NANOSECONDS_A_DAY // 2 - 1
    assert await process.meter.bytes_of_today(ORGANIZATION) == 520
    clock.unix_nano += 1
    assert await process.meter.bytes_of_today(ORGANIZATION) == 0
    process.meter.add(KEY, OUTCOME, 3)
    other_process.meter.add(KEY, OUTCOME, 4)
    await other_process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 3
    await process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 7
    assert {each.day: usage.bytes for each, usage in (await process.found()).items()} == {TODAY: 520, TOMORROW: 7}


async def test_bytes_are_right_when_the_clock_is_set_back_over_midnight(process: Process, clock: HeldClock) -> None:
    clock.unix_nano += NANOSECONDS_A_DAY
    process.meter.add(KEY, OUTCOME, 3)
    assert await process.meter.bytes_of_today(ORGANIZATION) == 3
    clock.unix_nano -= NANOSECONDS_A_DAY
    process.meter.add(KEY, OUTCOME, 500)
    await process.meter.flush()
    assert await process.meter.bytes_of_today(ORGANIZATION) == 500


async def test_total_counts_as_nothing_when_the_database_is_away(process: Process, switched: SwitchedDatabase) -> None:
    process.meter.add(KEY, OUTCOME, 500)
    await process.meter.flush()
    other = Process(switched, HeldClock())
    switched.is_away = True
    assert await other.meter.bytes_of_today(ORGANIZATION) == 0
    switched.is_away = False
    await other.meter.flush()
    assert await other.meter.bytes_of_today(ORGANIZATION) == 500
    await other.meter.close()
