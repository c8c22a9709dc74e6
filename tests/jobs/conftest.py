"""What the tests of jobs share."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from sqlalchemy import insert

from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.backends.leased import LeasedJobs
from tocsin.jobs.repository import JobsRepository
from tocsin.kit.clock import SystemClock, utc_now

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")

Workers = Callable[[], LeasedJobs]


@pytest.fixture
async def organizations(database: Database) -> Database:
    """The database with the two organizations that the tests are about."""
    rows = [
        {"id": each, "slug": slug, "name": slug, "content_hash_seed": 1, "created_at": utc_now(SystemClock())}
        for each, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    return database


@pytest.fixture
def repository(organizations: Database) -> JobsRepository:
    return JobsRepository(organizations)


@pytest.fixture
async def workers(repository: JobsRepository) -> AsyncIterator[Workers]:
    """Makes workers that look often and have short leases, and closes them."""
    made: list[LeasedJobs] = []

    def make() -> LeasedJobs:
        made.append(LeasedJobs(repository, clock=SystemClock(), lease_seconds=1.0, poll_seconds=0.05))
        return made[-1]

    yield make
    for each in made:
        await each.close()
