"""``HealthService``: how the services of an organization are, put together from what other rooms know."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

from tocsin.accounts.contracts import Service
from tocsin.accounts.services import Services
from tocsin.health.activity import SILENT, ActivityReader, Logged
from tocsin.health.contracts import Dependency, ServiceHealth
from tocsin.health.judging import MINUTES_NOW, judged, usual_logs_per_minute
from tocsin.health.uptime import DAYS, uptime
from tocsin.incidents.contracts import Incident, IncidentFilter, Status
from tocsin.incidents.service import MAX_INCIDENTS, IncidentsService
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import NotFound
from tocsin.logstore.ports import LogStore, OrganizationId
from tocsin.topology.contracts import CallGraph
from tocsin.topology.service import TopologyService

FRESH_SECONDS = 5.0
"""For so long an answer serves all who ask."""

MOST_PAGES = 8
"""Of incidents that are looked through: older ones of the 30 days do not count then."""


@dataclass(slots=True)
class _Answer:
    """What was answered last to one organization."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    services: Sequence[ServiceHealth] = ()
    #: In monotonic seconds.
    made_at: float = float("-inf")


class HealthService:
    """The health of services; what is answered is at most ``FRESH_SECONDS`` old, except for what is said of them."""

    def __init__(
        self,
        store: LogStore,
        services: Services,
        incidents: IncidentsService,
        topology: TopologyService,
        *,
        clock: Clock,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._activity = ActivityReader(store)
        self._services = services
        self._incidents = incidents
        self._topology = topology
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._answers: dict[OrganizationId, _Answer] = {}

    async def services(self, organization_id: OrganizationId) -> Sequence[ServiceHealth]:
        """Every service that is registered or has logged in the last 24 hours, by name.

        Raises:
            ServiceUnavailable: a database or the log store can't be reached.
            QueryTimedOut: counting took too long.
        """
        answer = self._answers.setdefault(organization_id, _Answer())
        async with answer.turn:
            registered = {each.name: each for each in await self._services.all_of(organization_id)}
            is_fresh = monotonic() - answer.made_at < self._fresh_seconds
            # What a person has just changed shows at once.
            if not is_fresh or {each.name: each.service for each in answer.services if each.service} != registered:
                answer.services = await self._looked(organization_id, registered)
                answer.made_at = monotonic()
            return answer.services

    async def service(self, organization_id: OrganizationId, service_id: UUID) -> ServiceHealth:
        """One registered service.

        Raises:
            NotFound: the organization has none with this id.
            ServiceUnavailable: a database or the log store can't be reached.
            QueryTimedOut: counting took too long.
        """
        for each in await self.services(organization_id):
            if each.service is not None and each.service.id == service_id:
                return each
        raise NotFound("there is no such service")

    async def _looked(
        self, organization_id: OrganizationId, registered: Mapping[str, Service]
    ) -> Sequence[ServiceHealth]:
        now = self._clock.now_unix_nano()
        logged, incidents, graph = await asyncio.gather(
            self._activity.read(organization_id, now),
            self._of_the_month(organization_id),
            self._topology.call_graph(organization_id),
        )
        logging = {name for name, each in logged.items() if each.activity.now.logs or each.activity.usual.logs}
        named = _by_service(incidents)
        return [
            _health(name, registered.get(name), logged.get(name, SILENT), named.get(name, ()), graph, now)
            for name in sorted(registered.keys() | logging)
        ]

    async def _of_the_month(self, organization_id: OrganizationId) -> list[Incident]:
        """The incidents of the last 30 days, and older ones that are not resolved."""
        since = utc_now(self._clock) - timedelta(days=DAYS[-1])
        still_open = IncidentFilter(statuses=frozenset(Status) - {Status.RESOLVED})
        found = {each.id: each for each in await self._incidents.find(organization_id, still_open, limit=MAX_INCIDENTS)}
        below: int | None = None
        for _ in range(MOST_PAGES):
            page = await self._incidents.find(organization_id, IncidentFilter(), below=below, limit=MAX_INCIDENTS)
            found |= {each.id: each for each in page if each.resolved_at is None or each.resolved_at >= since}
            if len(page) < MAX_INCIDENTS or page[-1].opened_at < since:
                break
            below = page[-1].number
        return list(found.values())


def _health(
    name: str,
    service: Service | None,
    logged: Logged,
    incidents: Sequence[Incident],
    graph: CallGraph,
    now_unix_nano: int,
) -> ServiceHealth:
    activity = logged.activity
    status, reasons = judged(name, activity, incidents)
    return ServiceHealth(
        name=name,
        service=service,
        status=status,
        reasons=reasons,
        activity=activity,
        logs_per_minute=activity.now.logs / MINUTES_NOW,
        usual_logs_per_minute=usual_logs_per_minute(activity),
        uptime=uptime(logged.hours, incidents, now_unix_nano=now_unix_nano),
        last_incident=max(incidents, key=lambda each: each.number, default=None),
        callees=_dependencies(graph, [(name, callee) for callee in graph.callees(name)], place=1),
        callers=_dependencies(graph, [(caller, name) for caller in graph.callers(name)], place=0),
        at=datetime.fromtimestamp(now_unix_nano // 1000 / 1e6, tz=UTC),
    )


def _by_service(incidents: Sequence[Incident]) -> Mapping[str, list[Incident]]:
    named: dict[str, list[Incident]] = defaultdict(list)
    for each in incidents:
        for name in {*each.affected_services, *([each.service] if each.service else [])}:
            named[name].append(each)
    return named


def _dependencies(graph: CallGraph, pairs: Sequence[tuple[str, str]], *, place: int) -> list[Dependency]:
    found = [
        Dependency(service=pair[place], calls=graph.calls[pair], failed_share=graph.failed_share(*pair))
        for pair in pairs
    ]
    return sorted(found, key=lambda each: (-each.calls, each.service))
