"""What the tests of intake share."""

import copy
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.support.logs import NOON_UNIX_NANO, SEED
from tocsin.accounts.contracts import KeyIdentity
from tocsin.accounts.services import Services
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.ingest.contracts import RecordColumns
from tocsin.ingest.normalise import Normalised, Stamp, check, join
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.usage import UsageMeter
from tocsin.ingest.usage_repository import UsageRepository
from tocsin.kit.clock import utc_now
from tocsin.logstore.ports import LogStore

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
KEY = KeyIdentity(
    key_id=UUID(int=1),
    organization_id=ORGANIZATION,
    default_service="checkout",
    allows_other_services=True,
    content_hash_seed=SEED,
)


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.unix_nano = NOON_UNIX_NANO

    def now_unix_nano(self) -> int:
        return self.unix_nano


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def store(empty_log_store: LogStore) -> LogStore:
    return empty_log_store


async def add_organizations(database: Database) -> None:
    """The two organizations that the tests are about."""
    rows = [
        {
            "id": organization_id,
            "name": str(organization_id),
            "slug": str(organization_id),
            "content_hash_seed": SEED,
            "created_at": utc_now(HeldClock()),
        }
        for organization_id in (ORGANIZATION, OTHER_ORGANIZATION)
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)


@pytest.fixture
async def sqlite(tmp_path: Path, migrated_sqlite_file: Path) -> AsyncIterator[Database]:
    """A database with both organizations, on SQLite."""
    shutil.copy(migrated_sqlite_file, tmp_path / "tocsin.db")
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    await add_organizations(database)
    yield database
    await database.close()


@pytest.fixture
async def repository(sqlite: Database) -> IngestRepository:
    return IngestRepository(sqlite)


@pytest.fixture
async def usage(sqlite: Database, clock: HeldClock) -> UsageMeter:
    """Closed by the service that it is given to."""
    return UsageMeter(UsageRepository(sqlite), clock=clock)


@pytest.fixture
async def services(sqlite: Database, clock: HeldClock) -> Services:
    return Services(sqlite, clock=clock)


def rows_of(records: RecordColumns) -> list[dict[str, object]]:
    """The columns as one dict a record."""
    columns = [getattr(records, name) for name in RecordColumns.__slots__]
    return [dict(zip(RecordColumns.__slots__, row, strict=True)) for row in zip(*columns, strict=True)]


def columns_of(records: Sequence[Mapping[str, object]]) -> RecordColumns:
    """Records as the columns that a protocol would make of them; later changes to either leave the other alone."""
    return RecordColumns(*([copy.deepcopy(record.get(name)) for record in records] for name in RecordColumns.__slots__))


def normalise(parts: Sequence[RecordColumns], stamp: Stamp) -> Normalised:
    """Several requests as the pipeline takes them: each checked by itself, then joined."""
    return join([check(part, source, stamp) for source, part in enumerate(parts)], stamp)
