from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database

LARGEST_SEED = 2**63 - 1


async def store(database: Database, created_at: datetime) -> UUID:
    identifier = uuid4()
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(
            insert(OrganizationRow).values(
                id=identifier, name="n", slug="s", content_hash_seed=LARGEST_SEED, created_at=created_at
            )
        )
    return identifier


async def load(database: Database, identifier: UUID) -> OrganizationRow:
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        return (await session.execute(select(OrganizationRow).where(OrganizationRow.id == identifier))).scalar_one()


async def test_a_moment_comes_back_in_utc_when_stored_in_another_zone(database: Database) -> None:
    moment = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    row = await load(database, await store(database, moment))
    assert row.created_at == moment
    assert row.created_at.tzinfo is UTC


async def test_moments_compare_as_moments_when_their_zones_differ(database: Database) -> None:
    await store(database, datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    later_by_the_clock_only = datetime(2026, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=2)))
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        after = select(OrganizationRow.id).where(OrganizationRow.created_at > later_by_the_clock_only)
        assert len((await session.execute(after)).all()) == 1


async def test_a_moment_is_refused_when_it_has_no_zone(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        await store(database, datetime(2026, 3, 1))


async def test_ids_and_large_numbers_come_back_as_they_were(database: Database) -> None:
    identifier = await store(database, datetime(2026, 3, 1, tzinfo=UTC))
    row = await load(database, identifier)
    assert (row.id, row.content_hash_seed) == (identifier, LARGEST_SEED)
