"""What the tests of the topology's service share."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.topology.repository import TopologyRepository
from tocsin.topology.service import TopologyService

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
SECOND, MS = 10**9, 10**6


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.unix_nano = NOON_UNIX_NANO

    def now_unix_nano(self) -> int:
        return self.unix_nano

    def pass_seconds(self, seconds: float) -> None:
        self.unix_nano += int(seconds * SECOND)


Processes = Callable[..., TopologyService]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


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
async def processes(
    organizations: Database, empty_log_store: LogStore, clock: SteppedClock
) -> AsyncIterator[Processes]:
    """Makes the services of several processes, and closes them."""
    made: list[TopologyService] = []

    def make(**seconds: float) -> TopologyService:
        made.append(TopologyService(empty_log_store, TopologyRepository(organizations), clock=clock, **seconds))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def write_traces(
    store: LogStore,
    *chains: tuple[str, ...],
    at: int = NOON_UNIX_NANO,
    organization_id: UUID = ORGANIZATION,
    severity_number: int = 9,
) -> None:
    """For each chain a trace in which the first service calls the second, and so on; the last one logs the severity."""
    rows = []
    for number, chain in enumerate(chains):
        for depth, service in enumerate(chain):
            for moment in (depth, 100 - depth):
                is_last = depth == len(chain) - 1
                rows.append(
                    {
                        "timestamp": at + number * 200 * MS + moment * MS,
                        "service": service,
                        "trace_id": f"{at + number:032x}",
                        "span_id": f"{depth + 1:016x}",
                        "severity_number": severity_number if is_last else 9,
                    }
                )
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
