"""What the tests of detection share."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID, uuid5

import pyarrow as pa
import pytest
from sqlalchemy import insert

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.detection.contracts import Evidence, Finding, FindingKind
from tocsin.detection.repository import DetectionRepository
from tocsin.detection.service import DetectionService
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
ALARMING = "payment declined"
SECOND = 1_000_000_000


class CountingState:
    """Adds up counts by interval, and finds each interval with a log of the alarming pattern surprising."""

    def __init__(self, dump: bytes | None) -> None:
        self.seen: dict[str, int] = {} if dump is None else json.loads(dump)
        #: How often it was asked, with and without counts.
        self.calls = 0
        self.now_unix_nano = 0
        self.without_a_pattern = 0

    def take(self, counts: pa.Table, catalogue: PatternCatalogue, now_unix_nano: int) -> list[Finding]:
        self.calls += 1
        self.now_unix_nano = now_unix_nano
        alarming = {shape for each in catalogue.patterns.values() if each.template == ALARMING for shape in each.shapes}
        found: list[Finding] = []
        for row in counts.to_pylist():
            self.without_a_pattern += catalogue.pattern_of(row["shape"]) is None
            self.seen[str(row["start"])] = self.seen.get(str(row["start"]), 0) + row["count"]
            if row["shape"] in alarming:
                found.append(finding(row["shape"], row["start"], row["count"]))
        return found

    def wanted_history(self) -> range | None:
        return None

    def learn_history(self, counts: pa.Table, minutes: range, catalogue: PatternCatalogue) -> None:
        raise AssertionError("nothing was wanted")

    def dump(self) -> bytes:
        return json.dumps(self.seen).encode()

    @property
    def total(self) -> int:
        return sum(self.seen.values())


def finding(shape: int, start: int, count: int) -> Finding:
    return Finding(
        id=uuid5(ORGANIZATION, f"{shape} {start}"),
        kind=FindingKind.SPIKE,
        service="checkout",
        pattern=shape,
        level=Level.INFO,
        onset_unix_nano=start,
        last_unix_nano=start,
        score=5,
        expected=0,
        observed=count,
        evidence=Evidence(query="*", start_unix_nano=start, end_unix_nano=start + 1, count=count),
    )


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.unix_nano = NOON_UNIX_NANO

    def now_unix_nano(self) -> int:
        return self.unix_nano

    def pass_seconds(self, seconds: float) -> None:
        self.unix_nano += int(seconds * SECOND)


class Process:
    """A detection service as one process has it, with the states it made and what its listener heard."""

    def __init__(self, database: Database, store: LogStore, clock: SteppedClock, **seconds: Any) -> None:
        self.database = database
        self.states: list[CountingState] = []
        self.heard: list[tuple[UUID, Sequence[Finding]]] = []
        self.patterns = PatternsService(store, PatternsRepository(database), clock=SystemClock(), look_seconds=3_600.0)
        self.service = DetectionService(
            store, self.patterns, DetectionRepository(database), self._new_state, clock=clock, **seconds
        )
        self.service.on_findings(self._listen)

    @property
    def state(self) -> CountingState:
        """The one it has now."""
        return self.states[-1]

    @property
    def found(self) -> list[UUID]:
        return [each.id for _, findings in self.heard for each in findings]

    async def close(self) -> None:
        await self.service.close()
        await self.patterns.close()

    async def _listen(self, organization_id: UUID, findings: Sequence[Finding]) -> None:
        self.heard.append((organization_id, findings))

    def _new_state(self, dump: bytes | None) -> CountingState:
        self.states.append(CountingState(dump))
        return self.states[-1]


Processes = Callable[..., Process]


@pytest.fixture
def store(empty_log_store: LogStore) -> LogStore:
    return empty_log_store


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
async def processes(organizations: Database, store: LogStore, clock: SteppedClock) -> AsyncIterator[Processes]:
    """Makes processes that keep what they know at once unless they are told otherwise, and closes them."""
    made: list[Process] = []

    def make(**seconds: float) -> Process:
        made.append(Process(organizations, store, clock, **({"save_seconds": 0.0} | seconds)))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def write(
    store: LogStore, *messages: str, at: int = NOON_UNIX_NANO, age: int = 0, organization_id: UUID = ORGANIZATION
) -> None:
    rows = [
        {"message": message, "timestamp": at + number - age, "observed_timestamp": at + number}
        for number, message in enumerate(messages)
    ]
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
