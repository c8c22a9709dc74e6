"""What the tests of incidents share."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.incidents.signals import SHOP
from tests.support.logs import NOON_UNIX_NANO
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.incidents.contracts import Incident, Severity, Status
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.topology.contracts import CallGraph

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
ANN, BOB = UUID(int=7), UUID(int=8)


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.unix_nano = NOON_UNIX_NANO

    def now_unix_nano(self) -> int:
        return self.unix_nano

    def pass_seconds(self, seconds: int) -> None:
        self.unix_nano += seconds * 10**9


def incident(**values: Any) -> Incident:
    opened_at = values.pop("opened_at", datetime(2026, 11, 25, 3, tzinfo=UTC))
    return Incident(
        **{
            "id": UUID(int=1),
            "organization_id": ORGANIZATION,
            "number": 7,
            "title": "checkout answers 500",
            "status": Status.OPEN,
            "severity": Severity.HIGH,
            "service": "checkout",
            "affected_services": ("checkout",),
            "started_at": opened_at,
            "opened_at": opened_at,
        }
        | values
    )


@pytest.fixture
def stepped_clock() -> SteppedClock:
    return SteppedClock()


async def add_organizations(database: Database) -> None:
    """The two organizations that the tests are about."""
    rows = [
        {"id": each, "slug": slug, "name": slug, "content_hash_seed": 1, "created_at": utc_now(SystemClock())}
        for each, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)


@pytest.fixture
async def organizations(database: Database) -> Database:
    """The database with the two organizations that the tests are about."""
    await add_organizations(database)
    return database


async def shop(_organization_id: UUID) -> CallGraph:
    return SHOP


@pytest.fixture
def service(organizations: Database, stepped_clock: SteppedClock) -> IncidentsService:
    """Knows who calls whom in the shop."""
    return IncidentsService(IncidentsRepository(organizations), clock=stepped_clock, call_graph=shop)
