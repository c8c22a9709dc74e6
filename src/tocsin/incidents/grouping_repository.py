"""The rows of signals: which incident has them and why, what people corrected, and deploys."""

from collections.abc import AsyncIterator, Iterable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.database.tables import UtcDateTime
from tocsin.incidents.contracts import Deploy, Edge, Entry, Incident, KeptCorrection, Signal, SignalSource, Status
from tocsin.incidents.grouping import Known, moment
from tocsin.incidents.rows import Note, add, incident_of, load, lock, save, write_note
from tocsin.incidents.tables import DeployRow, IncidentCorrectionRow, IncidentRow, SignalEdgeRow, SignalRow
from tocsin.kit.moments import unix_nano
from tocsin.logstore.ports import OrganizationId

OPEN_SECONDS = 24 * 3_600
"""An open incident without a signal for so long takes no new one: with more, new trouble vanishes in forgotten ones."""

RESOLVED_SECONDS = 3_600
"""A resolved incident is thought of for so long when signals come."""

WAITING_SECONDS = 600
"""A signal that is not enough for an incident waits for so long, since it was last told, for one that it can join."""

DEPLOY_BEFORE_SECONDS = 900
"""So long before an incident a deploy belongs to its story."""

DEPLOYS_KEPT = timedelta(days=90)
MAX_INCIDENTS, MAX_DEPLOYS = 500, 1_000
"""So many of the newest are thought of when signals come."""


class Quiet:
    """Up to when signals of each source must have lasted for an incident to be quiet."""

    def __init__(self, *, findings: datetime, alerts: datetime, over: datetime) -> None:
        """``over`` is for those that are known to be over."""
        self.findings = findings
        self.alerts = alerts
        self.over = over

    def condition(self) -> ColumnElement[bool]:
        """Whether a row of an incident is one that signals opened, is open, and has only quiet ones."""
        limit = case(
            (SignalRow.source == SignalSource.ALERT.value, literal(self.alerts, UtcDateTime)),
            else_=literal(self.findings, UtcDateTime),
        )
        lasts = and_(
            SignalRow.organization_id == IncidentRow.organization_id,
            SignalRow.incident_id == IncidentRow.id,
            or_(
                and_(SignalRow.is_over.is_(False), SignalRow.last_at >= limit),
                and_(SignalRow.is_over.is_(True), SignalRow.last_at >= self.over),
            ),
        )
        return and_(
            IncidentRow.from_signals.is_(True),
            IncidentRow.status != Status.RESOLVED.value,
            ~select(SignalRow.id).where(lasts).exists(),
        )


class Turn:
    """One transaction in which nobody else changes the incidents of an organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId, now: datetime) -> None:
        self._session = session
        self.organization_id = organization_id
        self.now = now
        #: What was noted, for those who listen once it is kept.
        self.told: list[tuple[Entry, Incident]] = []

    async def known(self, signals: Sequence[Signal]) -> Known:
        """What bears on these signals: their incidents, those of late, and what waits.

        A signal that begins again long after its incident was resolved is a new one.
        """
        rows = await self._signal_rows(SignalRow.id.in_([signal.id for signal in signals]))
        lately = await self._incidents(self._lately())
        older = {row.incident_id for row in rows if row.incident_id is not None} - lately.keys()
        theirs = await self._incidents(IncidentRow.id.in_(older))
        onsets = {signal.id: signal.onset_unix_nano for signal in signals}
        again = {
            row.id for row in rows if row.incident_id in theirs and _is_after(theirs[row.incident_id], onsets[row.id])
        }
        if again:
            await self._forget(again)
            going_on = {row.incident_id for row in rows if row.id not in again}
            theirs = {id_: incident for id_, incident in theirs.items() if id_ in going_on}
        since = self.now - timedelta(seconds=WAITING_SECONDS)
        waiting = and_(SignalRow.incident_id.is_(None), SignalRow.seen_at >= since)
        return await self._known({**theirs, **lately}, or_(waiting, SignalRow.id.in_(list(onsets))))

    async def known_of(self, incident_ids: Iterable[UUID], signal_ids: Iterable[UUID] = ()) -> Known:
        """What is known of some incidents, and of those that have some signals."""
        rows = await self._signal_rows(SignalRow.id.in_(list(signal_ids)))
        homes = {row.incident_id for row in rows if row.incident_id is not None}
        return await self._known(await self._incidents(IncidentRow.id.in_({*incident_ids, *homes})), None)

    async def open(self, incident: Incident, note: Note) -> Incident:
        """Keep a new incident."""
        opened, entry = await add(self._session, incident, note)
        self.told.append((entry, opened))
        return opened

    async def save(self, incident: Incident, note: Note | None) -> Incident:
        """Keep a changed incident: with the next version and a note, or without both where people see no difference."""
        if note is not None:
            incident = replace(incident, version=incident.version + 1)
        await save(self._session, incident)
        if note is not None:
            self.told.append((await write_note(self._session, incident, note), incident))
        return incident

    async def put(self, signals: Sequence[Signal], homes: dict[UUID, UUID]) -> None:
        """Keep signals as they were told, in their incidents; those without one wait."""
        rows = [self._signal_values(signal, homes.get(signal.id)) for signal in signals]
        if rows:
            kept = insert_into(self._session, SignalRow)
            fresh = ("incident_id", "last_at", "is_over", "seen_at", "signal")
            values = {name: getattr(kept.excluded, name) for name in fresh}
            keys = ["organization_id", "id"]
            await self._session.execute(kept.on_conflict_do_update(index_elements=keys, set_=values), rows)

    async def move(self, signal_ids: Sequence[UUID], incident_id: UUID) -> None:
        """Put known signals into an incident."""
        moved = update(SignalRow).where(self._is_own(SignalRow), SignalRow.id.in_(signal_ids))
        await self._session.execute(moved.values(incident_id=incident_id))

    async def explain(self, edges: Sequence[Edge]) -> None:
        """Keep why signals are where they are."""
        rows = [{"organization_id": self.organization_id, **_edge_values(edge)} for edge in edges]
        if rows:
            await self._session.execute(insert_into(self._session, SignalEdgeRow).on_conflict_do_nothing(), rows)

    async def forget_waiting(self) -> None:
        """Let go of signals that have waited for long enough."""
        since = self.now - timedelta(seconds=WAITING_SECONDS)
        gone = delete(SignalRow).where(
            self._is_own(SignalRow), SignalRow.incident_id.is_(None), SignalRow.seen_at < since
        )
        await self._session.execute(gone)

    async def correct(self, correction: KeptCorrection) -> None:
        """Keep what a person decided."""
        row = {
            "id": correction.id,
            "organization_id": self.organization_id,
            "sequence": correction.sequence,
            "at": correction.at,
            "correction": msgspec.to_builtins(correction),
        }
        await self._session.execute(insert_into(self._session, IncidentCorrectionRow).values(**row))

    async def take_back(self, correction_id: UUID) -> KeptCorrection | None:
        """Forget a correction, and answer it; None where there is none."""
        gone = delete(IncidentCorrectionRow).where(
            self._is_own(IncidentCorrectionRow), IncidentCorrectionRow.id == correction_id
        )
        kept = (await self._session.scalars(gone.returning(IncidentCorrectionRow.correction))).one_or_none()
        return None if kept is None else msgspec.convert(kept, KeptCorrection)

    async def add_deploy(self, deploy: Deploy) -> bool:
        """Keep a deploy; whether it was not known. Very old ones go."""
        until = unix_nano(self.now - DEPLOYS_KEPT)
        await self._session.execute(delete(DeployRow).where(self._is_own(DeployRow), DeployRow.at_unix_nano < until))
        row = {"organization_id": self.organization_id, **msgspec.to_builtins(deploy)}
        kept = insert_into(self._session, DeployRow).values(**row).on_conflict_do_nothing()
        return (await self._session.execute(kept.returning(DeployRow.service))).first() is not None

    async def quiet(self, quiet: Quiet) -> list[Incident]:
        """The incidents that are over by themselves."""
        return list((await self._incidents(quiet.condition())).values())

    async def incident(self, incident_id: UUID) -> Incident | None:
        """The incident with this id."""
        return await load(self._session, self.organization_id, incident_id)

    async def _known(self, incidents: dict[UUID, Incident], others: ColumnElement[bool] | None) -> Known:
        wanted = SignalRow.incident_id.in_(list(incidents))
        rows = await self._signal_rows(wanted if others is None else or_(wanted, others))
        signals = {row.id: msgspec.convert(row.signal, Signal) for row in rows}
        began = min((signal.onset_unix_nano for signal in signals.values()), default=unix_nano(self.now))
        return Known(
            incidents=incidents,
            signals=signals,
            homes={row.id: row.incident_id for row in rows if row.incident_id in incidents},
            edges=await self._edges(list(incidents)),
            corrections=await self._corrections(min((row.taken_at for row in rows), default=self.now)),
            deploys=await self._deploys(began),
        )

    def _lately(self) -> ColumnElement[bool]:
        open_since = self.now - timedelta(seconds=OPEN_SECONDS)
        resolved_since = self.now - timedelta(seconds=RESOLVED_SECONDS)
        is_resolved = IncidentRow.status == Status.RESOLVED.value
        latest = func.coalesce(IncidentRow.last_signal_at, IncidentRow.opened_at)
        return or_(
            and_(~is_resolved, latest >= open_since),
            and_(is_resolved, IncidentRow.merged_into.is_(None), IncidentRow.resolved_at >= resolved_since),
        )

    async def _incidents(self, wanted: ColumnElement[bool]) -> dict[UUID, Incident]:
        asked = select(IncidentRow).where(self._is_own(IncidentRow), wanted)
        newest = asked.order_by(IncidentRow.number.desc()).limit(MAX_INCIDENTS)
        # Not what this session read before: it was changed by statements since.
        rows = await self._session.scalars(newest.execution_options(populate_existing=True))
        return {row.id: incident_of(row) for row in rows}

    async def _signal_rows(self, wanted: ColumnElement[bool]) -> list[SignalRow]:
        asked = select(SignalRow).where(self._is_own(SignalRow), wanted).order_by(SignalRow.id)
        return list(await self._session.scalars(asked.execution_options(populate_existing=True)))

    async def _edges(self, incident_ids: Sequence[UUID]) -> dict[UUID, Edge]:
        return {edge.second: edge for edge in await _edges(self._session, self.organization_id, incident_ids)}

    async def _corrections(self, since: datetime) -> list[KeptCorrection]:
        asked = (
            select(IncidentCorrectionRow.correction)
            .where(self._is_own(IncidentCorrectionRow), IncidentCorrectionRow.at >= since)
            .order_by(IncidentCorrectionRow.sequence)
        )
        return [msgspec.convert(kept, KeptCorrection) for kept in await self._session.scalars(asked)]

    async def _deploys(self, began_unix_nano: int) -> list[Deploy]:
        start, end = began_unix_nano - DEPLOY_BEFORE_SECONDS * 10**9, unix_nano(self.now + timedelta(days=1))
        return await _deploys(self._session, self.organization_id, start, end)

    async def _forget(self, signal_ids: Set[UUID]) -> None:
        touching = or_(SignalEdgeRow.first.in_(signal_ids), SignalEdgeRow.second.in_(signal_ids))
        await self._session.execute(delete(SignalEdgeRow).where(self._is_own(SignalEdgeRow), touching))
        await self._session.execute(delete(SignalRow).where(self._is_own(SignalRow), SignalRow.id.in_(signal_ids)))

    def _signal_values(self, signal: Signal, incident_id: UUID | None) -> dict[str, Any]:
        return {
            "organization_id": self.organization_id,
            "id": signal.id,
            "incident_id": incident_id,
            "source": signal.source.value,
            "last_at": moment(signal.last_unix_nano),
            "is_over": signal.is_over,
            "taken_at": self.now,
            "seen_at": self.now,
            "signal": msgspec.to_builtins(signal),
        }

    def _is_own(self, table: type[Any]) -> ColumnElement[bool]:
        owned: ColumnElement[bool] = table.organization_id == self.organization_id
        return owned


class GroupingRepository:
    """Every method may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def turn(self, organization_id: OrganizationId, now: datetime) -> AsyncIterator[Turn]:
        """A transaction in which nobody else changes the organization's incidents."""
        async with self._database.session(organization_id) as session:
            await lock(session, organization_id)
            yield Turn(session, organization_id, now)

    async def signals(self, organization_id: OrganizationId, incident_id: UUID) -> tuple[list[Signal], list[Edge]]:
        """The signals of an incident by onset, and why each is there."""
        asked = select(SignalRow.signal).where(
            SignalRow.organization_id == organization_id, SignalRow.incident_id == incident_id
        )
        async with self._database.read_session(organization_id) as session:
            signals = [msgspec.convert(kept, Signal) for kept in await session.scalars(asked)]
            edges = await _edges(session, organization_id, [incident_id])
        ids = {signal.id for signal in signals}
        signals.sort(key=lambda signal: (signal.onset_unix_nano, signal.id))
        return signals, [edge for edge in edges if edge.first in ids]

    async def corrections(self, organization_id: OrganizationId, incident_id: UUID) -> list[KeptCorrection]:
        """What people decided about an incident, the latest first."""
        asked = (
            select(IncidentCorrectionRow.correction)
            .where(IncidentCorrectionRow.organization_id == organization_id)
            .order_by(IncidentCorrectionRow.sequence.desc())
        )
        async with self._database.read_session(organization_id) as session:
            kept = [msgspec.convert(each, KeptCorrection) for each in await session.scalars(asked)]
        return [each for each in kept if incident_id in each.incident_ids]

    async def deploys(self, organization_id: OrganizationId, start: datetime, end: datetime) -> list[Deploy]:
        """The deploys from one moment to another, in order."""
        async with self._database.read_session(organization_id) as session:
            return await _deploys(session, organization_id, unix_nano(start), unix_nano(end))

    async def organizations_with_quiet(self, quiet: Quiet) -> list[OrganizationId]:
        """Those that have incidents which are over by themselves."""
        asked = select(IncidentRow.organization_id).where(quiet.condition()).distinct()
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return list(await session.scalars(asked))


async def _edges(session: AsyncSession, organization_id: OrganizationId, incident_ids: Sequence[UUID]) -> list[Edge]:
    is_theirs = and_(SignalRow.organization_id == SignalEdgeRow.organization_id, SignalRow.id == SignalEdgeRow.second)
    asked = (
        select(SignalEdgeRow)
        .join(SignalRow, is_theirs)
        .where(SignalEdgeRow.organization_id == organization_id, SignalRow.incident_id.in_(incident_ids))
        .order_by(SignalEdgeRow.second)
    )
    rows = await session.scalars(asked)
    return [Edge(first=row.first, second=row.second, weight=row.weight, reason=row.reason) for row in rows]


async def _deploys(session: AsyncSession, organization_id: OrganizationId, start: int, end: int) -> list[Deploy]:
    asked = (
        select(DeployRow)
        .where(DeployRow.organization_id == organization_id, DeployRow.at_unix_nano.between(start, end))
        .order_by(DeployRow.at_unix_nano.desc(), DeployRow.service, DeployRow.version)
        .limit(MAX_DEPLOYS)
    )
    rows = list(await session.scalars(asked))
    return [Deploy(service=row.service, version=row.version, at_unix_nano=row.at_unix_nano) for row in reversed(rows)]


def _edge_values(edge: Edge) -> dict[str, Any]:
    return {"first": edge.first, "second": edge.second, "weight": edge.weight, "reason": edge.reason}


def _is_after(incident: Incident, onset_unix_nano: int) -> bool:
    return incident.resolved_at is not None and onset_unix_nano > unix_nano(incident.resolved_at)
