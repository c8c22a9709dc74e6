"""``Grouping``: makes incidents out of signals, and ends them when their signals are quiet."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from tocsin.incidents.applying import Round, apply
from tocsin.incidents.contracts import Deploy, Entry, Incident, Signal, Status
from tocsin.incidents.correlation import correlate
from tocsin.incidents.grouping import Placement, moment, news, place
from tocsin.incidents.grouping_repository import DEPLOY_BEFORE_SECONDS, GroupingRepository, Quiet
from tocsin.incidents.rows import Note
from tocsin.incidents.state_machine import moved
from tocsin.kit.clock import Clock, utc_now
from tocsin.logstore.ports import OrganizationId
from tocsin.topology.contracts import CallGraph

SETTLE = timedelta(minutes=1)
"""Signals that are over must have been so for this long before their incident is: trouble often comes in parts."""

ALERT_QUIET = timedelta(hours=5)
"""An alert from outside that nobody ended is over after this: Alertmanager tells what still fires every 4 hours."""

CallGraphOf: TypeAlias = Callable[[OrganizationId], Awaitable[CallGraph]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """What signals did."""

    #: Those that have the signals, by number.
    incidents: Sequence[Incident]
    told: Sequence[tuple[Entry, Incident]]


class Grouping:
    """Signals and incidents of every organization. Every method may raise ``ServiceUnavailable``."""

    def __init__(self, repository: GroupingRepository, call_graph: CallGraphOf, *, clock: Clock) -> None:
        self._repository = repository
        self._call_graph = call_graph
        self._clock = clock

    async def take(self, organization_id: OrganizationId, signals: Sequence[Signal]) -> Grouped:
        """Group signals with what is known; the same again changes nothing."""
        signals = [_cleaned(signal) for signal in signals]
        graph = await self._call_graph(organization_id)
        async with self._repository.turn(organization_id, utc_now(self._clock)) as turn:
            known = await turn.known(signals)
            fresh = news(known, signals)
            round_ = Round(known, graph, fresh={signal.id: signal for signal in fresh})
            if fresh:
                # A storm of hundreds takes seconds: not of those whom this process serves meanwhile.
                groups = await asyncio.to_thread(
                    correlate,
                    known.groups(),
                    [*known.waiting(), *fresh],
                    graph=graph,
                    deploys=known.deploys,
                    corrections=[each.correction for each in known.corrections],
                )
                homes = known.homes
                await apply(turn, round_, place(groups, homes=homes, votes=homes, incidents=known.incidents))
                await turn.forget_waiting()
        homes_now = {round_.homes[signal.id] for signal in signals if signal.id in round_.homes}
        incidents = sorted((round_.incidents[home] for home in homes_now), key=lambda each: each.number)
        return Grouped(incidents=incidents, told=turn.told)

    async def deployed(self, organization_id: OrganizationId, deploy: Deploy) -> Grouped:
        """Keep a deploy, and work out anew the incidents that may come of it; again it changes nothing."""
        deploy = replace(deploy, service=_text(deploy.service), version=_text(deploy.version))
        graph = await self._call_graph(organization_id)
        async with self._repository.turn(organization_id, utc_now(self._clock)) as turn:
            if not await turn.add_deploy(deploy):
                return Grouped(incidents=(), told=())
            known = await turn.known(())
            due = frozenset(id_ for id_, incident in known.incidents.items() if _may_come_of(incident, deploy))
            round_ = Round(known, graph, due=due)
            placements = [Placement(incident_id=group.id, signals=tuple(group.signals)) for group in known.groups()]
            await apply(turn, round_, placements)
        return Grouped(incidents=round_.touched(), told=turn.told)

    async def resolve_quiet(self, organization_id: OrganizationId, after: timedelta) -> Grouped:
        """Resolve incidents that signals opened, and whose signals are all over, or were quiet for so long."""
        now = utc_now(self._clock)
        minutes = after.total_seconds() / 60
        async with self._repository.turn(organization_id, now) as turn:
            incidents = []
            for incident in await turn.quiet(_quiet(now, after)):
                resolved, change = moved(incident, Status.RESOLVED, at=now)
                text = f"all of its signals are over, or quiet for {minutes:g} minutes"
                incidents.append(await turn.save(resolved, Note(change=change, text=text, by=None, at=now)))
        return Grouped(incidents=incidents, told=turn.told)

    async def with_quiet(self, after: timedelta) -> list[OrganizationId]:
        """The organizations in which ``resolve_quiet`` would find something."""
        return await self._repository.organizations_with_quiet(_quiet(utc_now(self._clock), after))


def _quiet(now: datetime, after: timedelta) -> Quiet:
    return Quiet(findings=now - after, alerts=now - max(after, ALERT_QUIET), over=now - min(after, SETTLE))


def _may_come_of(incident: Incident, deploy: Deploy) -> bool:
    """Whether a deploy is of a service of an open incident, and of its time."""
    services = {incident.service, *incident.affected_services, *(cause.service for cause in incident.causes)}
    start = incident.started_at - timedelta(seconds=DEPLOY_BEFORE_SECONDS)
    return (
        incident.status is not Status.RESOLVED and deploy.service in services and moment(deploy.at_unix_nano) >= start
    )


def _cleaned(signal: Signal) -> Signal:
    service = None if signal.service is None else _text(signal.service)
    return replace(signal, title=_text(signal.title), service=service)


def _text(text: str) -> str:
    """A text that every database takes: PostgreSQL has no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
