"""What the tests of the health service share."""

from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.health.things import NOW
from tests.support.logs import log_batch
from tocsin.accounts.services import Services
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.health.service import HealthService
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService
from tocsin.kit.moments import unix_nano
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.topology.repository import TopologyRepository
from tocsin.topology.service import TopologyService

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
MINUTE = 60 * 10**9


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.unix_nano = unix_nano(NOW)

    def now_unix_nano(self) -> int:
        return self.unix_nano


class House:
    """The health service and the parts that it asks."""

    def __init__(self, database: Database, store: LogStore) -> None:
        self.clock = SteppedClock()
        self.database = database
        self.store = store
        self.services = Services(database, clock=self.clock)
        self.incidents = IncidentsService(IncidentsRepository(database), clock=self.clock)
        self.topology = TopologyService(store, TopologyRepository(database), clock=self.clock, look_seconds=0.0)
        self.health = self.anew()

    def anew(self, *, fresh_seconds: float = 0.0) -> HealthService:
        """The health service of another process."""
        return HealthService(
            self.store,
            self.services,
            self.incidents,
            self.topology,
            clock=self.clock,
            fresh_seconds=fresh_seconds,
        )

    async def write(
        self,
        service: str,
        *,
        ago: float,
        logs: int = 1,
        severity_number: int = 9,
        organization_id: UUID = ORGANIZATION,
    ) -> None:
        """Store logs that are so many minutes old."""
        at = self.clock.unix_nano - int(ago * MINUTE)
        rows = [
            {"service": service, "timestamp": at + number, "severity_number": severity_number} for number in range(logs)
        ]
        await self.store.write(organization_id, log_batch(rows), Receipt(received=logs))


@pytest.fixture
async def house(database: Database, empty_log_store: LogStore) -> House:
    house = House(database, empty_log_store)
    rows = [
        {"id": each, "slug": slug, "name": slug, "content_hash_seed": 1, "created_at": NOW}
        for each, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    return house
