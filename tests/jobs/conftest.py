"""What the tests of jobs share."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.backends.leased import LEASE_SECONDS, LeasedJobs
from tocsin.jobs.repository import Claim, JobsRepository
from tocsin.jobs.tables import JobRow
from tocsin.kit.clock import SystemClock, utc_now

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")


class Workers(Protocol):
    """Makes workers."""

    def __call__(self, *, lease_seconds: float = ..., close_seconds: float = ...) -> LeasedJobs: ...


async def kept(database: Database) -> list[JobRow]:
    """Every job there is, oldest first."""
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        return list(await session.scalars(select(JobRow).order_by(JobRow.created_at)))


async def none_left(database: Database) -> bool:
    return await kept(database) == []


def claim(worker: UUID, *, now: datetime, **changes: Any) -> Claim:
    """What a worker with nothing to do asks for: notes, for a second."""
    asked = Claim(
        kind="note",
        worker=worker,
        places=16,
        places_an_organization=8,
        running=(),
        held={},
        max_attempts=10,
        now=now,
        until=now + timedelta(seconds=1),
    )
    return replace(asked, **changes)


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
    """Makes workers that look often and close soon, and closes them."""
    made: list[LeasedJobs] = []

    def make(*, lease_seconds: float = LEASE_SECONDS, close_seconds: float = 0.05) -> LeasedJobs:
        made.append(
            LeasedJobs(
                repository,
                clock=SystemClock(),
                lease_seconds=lease_seconds,
                poll_seconds=0.05,
                close_seconds=close_seconds,
            )
        )
        return made[-1]

    yield make
    for each in made:
        await each.close()
