"""What the tests of patterns share."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
SOMEBODY = UUID(int=7)
NEVER_SECONDS = 3_600.0


@pytest.fixture
def store(empty_log_store: LogStore) -> LogStore:
    return empty_log_store


@pytest.fixture
async def organizations(database: Database) -> Database:
    """The database with the two organizations that the tests are about."""
    rows = [
        {
            "id": organization_id,
            "slug": slug,
            "name": slug,
            "content_hash_seed": 1,
            "created_at": utc_now(SystemClock()),
        }
        for organization_id, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    return database


@pytest.fixture
async def service(organizations: Database, store: LogStore) -> AsyncIterator[PatternsService]:
    """A service that looks when it is told to."""
    service = new_service(organizations, store)
    yield service
    await service.close()


def new_service(database: Database, store: LogStore) -> PatternsService:
    return PatternsService(store, PatternsRepository(database), clock=SystemClock(), look_seconds=NEVER_SECONDS)


async def write(
    store: LogStore, *messages: str, at: int = NOON_UNIX_NANO, organization_id: UUID = ORGANIZATION
) -> None:
    rows = [{"message": message, "timestamp": at + number} for number, message in enumerate(messages)]
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
