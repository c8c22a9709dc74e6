"""The whole way: logs are stored, and one incident comes of them."""

from collections.abc import Sequence

import numpy as np

from tests.detection.conftest import ORGANIZATION, SECOND, SteppedClock
from tests.support.logs import log_batch
from tocsin.database.service import Database
from tocsin.detection.contracts import Finding
from tocsin.detection.core import new_detection
from tocsin.detection.exemplars import Exemplars
from tocsin.detection.repository import DetectionRepository
from tocsin.detection.service import DetectionService
from tocsin.incidents.contracts import Incident, IncidentFilter
from tocsin.incidents.from_findings import signal_of
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService
from tocsin.kit.clock import SystemClock
from tocsin.logstore.ports import LogStore, OrganizationId, Receipt
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService
from tocsin.search.questions import Questions

HISTORY_SECONDS = 3 * 3_600


class Running:
    """Detection and incidents as a process has them, over a store that logs are written to."""

    def __init__(self, database: Database, store: LogStore, clock: SteppedClock) -> None:
        self.clock = clock
        self._store = store
        self._random = np.random.default_rng(4)
        patterns = PatternsService(store, PatternsRepository(database), clock=SystemClock(), look_seconds=3_600.0)
        self.patterns = patterns
        self.incidents = IncidentsService(IncidentsRepository(database), clock=clock)
        exemplars = Exemplars(store, Questions(patterns, clock=clock))
        self.detection = DetectionService(
            store,
            patterns,
            DetectionRepository(database),
            lambda dump: new_detection(dump, 1.0),
            exemplars,
            clock=clock,
        )
        self.detection.on_findings(self._take)

    async def _take(self, organization_id: OrganizationId, findings: Sequence[Finding]) -> None:
        await self.incidents.take_signals(organization_id, [signal_of(finding) for finding in findings])

    async def write(self, seconds: int, *, errors_a_second: float = 0.0) -> None:
        """What two services say in the seconds before now, and payment's errors among it."""
        first = self.clock.now_unix_nano() - seconds * SECOND
        rows = [
            row | {"timestamp": first + int(at * SECOND), "observed_timestamp": first + int(at * SECOND)}
            for row, rate in (
                ({"service": "cart", "message": "cart is read"}, 0.5),
                ({"service": "payment", "message": "charge made"}, 0.5),
                ({"service": "payment", "message": "charge failed: no route", "severity_number": 17}, errors_a_second),
            )
            for at in np.sort(self._random.uniform(0, seconds, self._random.poisson(rate * seconds)))
        ]
        if rows:
            await self._store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))

    async def go_on(self, seconds: int, *, errors_a_second: float = 0.0) -> None:
        for _ in range(seconds // 5):
            self.clock.pass_seconds(5)
            await self.write(5, errors_a_second=errors_a_second)
            await self.detection.look(ORGANIZATION)

    async def opened(self) -> list[Incident]:
        return await self.incidents.find(ORGANIZATION, IncidentFilter())


async def test_errors_in_stored_logs_become_one_incident_with_its_cause_and_evidence(
    organizations: Database, store: LogStore, clock: SteppedClock
) -> None:
    running = Running(organizations, store, clock)
    await running.write(HISTORY_SECONDS)
    await running.detection.look(ORGANIZATION)
    await running.go_on(60)
    assert await running.opened() == []
    await running.go_on(40, errors_a_second=1.0)
    [incident] = await running.opened()
    assert (incident.service, incident.causes[0].service) == ("payment", "payment")
    signals, _ = await running.incidents.signals(ORGANIZATION, incident.id)
    [new] = [signal for signal in signals if signal.kind == "new_pattern"]
    assert new.evidence is not None
    assert new.evidence.count > 10
    assert new.evidence.log_ids
    await running.go_on(60, errors_a_second=1.0)
    assert [each.number for each in await running.opened()] == [incident.number]
    await running.detection.close()
    await running.patterns.close()
