"""The rows of incidents: each change and its entry in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from tocsin.database.inserting import insert_into
from tocsin.database.service import Database
from tocsin.incidents.contracts import (
    Change,
    Entry,
    Incident,
    IncidentChanged,
    IncidentFilter,
    LinkedLog,
    Severity,
    Status,
)
from tocsin.incidents.tables import IncidentCounterRow, IncidentEntryRow, IncidentLogRow, IncidentRow
from tocsin.logstore.ports import OrganizationId

_ESCAPE = "\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an entry says; its number follows when it is kept."""

    change: Change
    text: str = ""
    by: UUID | None
    at: datetime


class IncidentsRepository:
    """Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, incident: Incident, note: Note) -> tuple[Incident, Entry]:
        """Keep a new incident under the next number; the one it came with does not count."""
        async with self._database.session(incident.organization_id) as session:
            number = await _next(session, incident.organization_id, IncidentCounterRow.incidents)
            values = _values(incident) | {"number": number}
            row = (await session.scalars(insert(IncidentRow).values(**values).returning(IncidentRow))).one()
            added = _incident(row)
            return added, await _note(session, added, note)

    async def get(self, organization_id: OrganizationId, incident_id: UUID) -> Incident | None:
        """The incident with this id."""
        async with self._database.read_session(organization_id) as session:
            row = (await session.scalars(select(IncidentRow).where(*_is(organization_id, incident_id)))).one_or_none()
            return None if row is None else _incident(row)

    async def find(
        self, organization_id: OrganizationId, wanted: IncidentFilter, *, below: int | None, limit: int
    ) -> list[Incident]:
        """The incidents that match with a number below this one, the newest first."""
        conditions = [IncidentRow.organization_id == organization_id, *_conditions(wanted)]
        if below is not None:
            conditions.append(IncidentRow.number < below)
        asked = select(IncidentRow).where(*conditions).order_by(IncidentRow.number.desc()).limit(limit)
        async with self._database.read_session(organization_id) as session:
            return [_incident(row) for row in await session.scalars(asked)]

    async def opened_since(self, organization_id: OrganizationId, since: datetime) -> list[Incident]:
        """The incidents that were opened at or after this moment, oldest first."""
        asked = (
            select(IncidentRow)
            .where(IncidentRow.organization_id == organization_id, IncidentRow.opened_at >= since)
            .order_by(IncidentRow.number)
        )
        async with self._database.read_session(organization_id) as session:
            return [_incident(row) for row in await session.scalars(asked)]

    async def save(self, after: Incident, note: Note) -> tuple[Incident, Entry] | None:
        """Keep an incident that was changed, with the next version; None where it has another version by now."""
        values = _values(after) | {"version": after.version + 1}
        seen = (*_is(after.organization_id, after.id), IncidentRow.version == after.version)
        changed = update(IncidentRow).where(*seen).values(**values).returning(IncidentRow)
        async with self._database.session(after.organization_id) as session:
            row = (await session.scalars(changed)).one_or_none()
            if row is None:
                return None
            saved = _incident(row)
            return saved, await _note(session, saved, note)

    async def comment(self, incident: Incident, note: Note) -> Entry:
        """Keep a note that changes nothing of the incident."""
        async with self._database.session(incident.organization_id) as session:
            return await _note(session, incident, note)

    async def entries(self, organization_id: OrganizationId, incident_id: UUID) -> list[Entry]:
        """What happened in an incident, in order."""
        asked = (
            select(IncidentEntryRow)
            .where(IncidentEntryRow.organization_id == organization_id, IncidentEntryRow.incident_id == incident_id)
            .order_by(IncidentEntryRow.sequence)
        )
        async with self._database.read_session(organization_id) as session:
            return [_entry(row) for row in await session.scalars(asked)]

    async def events_after(
        self, organization_id: OrganizationId, sequence: int, *, limit: int
    ) -> list[IncidentChanged]:
        """The next events, each with its incident as it is now."""
        asked = (
            select(IncidentEntryRow, IncidentRow)
            .join(IncidentRow, IncidentRow.id == IncidentEntryRow.incident_id)
            .where(IncidentEntryRow.organization_id == organization_id, IncidentEntryRow.sequence > sequence)
            .order_by(IncidentEntryRow.sequence)
            .limit(limit)
        )
        async with self._database.read_session(organization_id) as session:
            rows = (await session.execute(asked)).all()
            return [changed(_entry(entry), _incident(incident)) for entry, incident in rows]

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """Of the latest event; 0 where there is none."""
        asked = select(IncidentCounterRow.events).where(IncidentCounterRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return (await session.scalar(asked)) or 0

    async def link(self, incident: Incident, links: Sequence[LinkedLog], note: Note) -> Entry:
        """Keep logs with an incident; one that is linked already stays as it was."""
        async with self._database.session(incident.organization_id) as session:
            for each in links:
                row = {
                    "incident_id": incident.id,
                    "log_id": each.log_id,
                    "organization_id": incident.organization_id,
                    "log": dict(each.log),
                    "linked_by": each.linked_by,
                    "linked_at": each.linked_at,
                }
                await session.execute(insert_into(session, IncidentLogRow).values(**row).on_conflict_do_nothing())
            return await _note(session, incident, note)

    async def unlink(self, organization_id: OrganizationId, incident_id: UUID, log_id: str) -> bool:
        """Forget a linked log; whether there was one."""
        gone = delete(IncidentLogRow).where(
            IncidentLogRow.organization_id == organization_id,
            IncidentLogRow.incident_id == incident_id,
            IncidentLogRow.log_id == log_id,
        )
        async with self._database.session(organization_id) as session:
            return (await session.execute(gone.returning(IncidentLogRow.log_id))).first() is not None

    async def links(self, organization_id: OrganizationId, incident_id: UUID) -> list[LinkedLog]:
        """The logs that are linked to an incident, in the order in which that was done."""
        asked = (
            select(IncidentLogRow)
            .where(IncidentLogRow.organization_id == organization_id, IncidentLogRow.incident_id == incident_id)
            .order_by(IncidentLogRow.linked_at, IncidentLogRow.log_id)
        )
        async with self._database.read_session(organization_id) as session:
            return [
                LinkedLog(log_id=row.log_id, log=row.log, linked_by=row.linked_by, linked_at=row.linked_at)
                for row in await session.scalars(asked)
            ]


def changed(entry: Entry, incident: Incident) -> IncidentChanged:
    """The event that an entry is."""
    return IncidentChanged(sequence=entry.sequence, change=entry.change, incident=incident, at=entry.at)


async def _next(session: AsyncSession, organization_id: OrganizationId, counter: InstrumentedAttribute[int]) -> int:
    """Count on; whoever else counts waits until this transaction ends, so no number is missing or comes late."""
    first = {"organization_id": organization_id, "incidents": 0, "events": 0} | {counter.key: 1}
    counted = (
        insert_into(session, IncidentCounterRow)
        .values(**first)
        .on_conflict_do_update(index_elements=["organization_id"], set_={counter.key: counter + 1})
        .returning(counter)
    )
    return (await session.execute(counted)).scalar_one()


async def _note(session: AsyncSession, incident: Incident, note: Note) -> Entry:
    sequence = await _next(session, incident.organization_id, IncidentCounterRow.events)
    row = IncidentEntryRow(
        organization_id=incident.organization_id,
        sequence=sequence,
        incident_id=incident.id,
        change=note.change.value,
        text=note.text,
        by=note.by,
        at=note.at,
    )
    session.add(row)
    return _entry(row)


def _is(organization_id: OrganizationId, incident_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (IncidentRow.organization_id == organization_id, IncidentRow.id == incident_id)


def _conditions(wanted: IncidentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(IncidentRow.status.in_([each.value for each in wanted.statuses]))
    if wanted.severities:
        conditions.append(IncidentRow.severity.in_([each.value for each in wanted.severities]))
    if wanted.service is not None:
        conditions.append(IncidentRow.service == wanted.service)
    if wanted.text:
        escaped = wanted.text
        for special in (_ESCAPE, "%", "_"):
            escaped = escaped.replace(special, f"{_ESCAPE}{special}")
        conditions.append(or_(IncidentRow.title.ilike(f"%{escaped}%", escape=_ESCAPE)))
    return conditions


def _values(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "organization_id": incident.organization_id,
        "number": incident.number,
        "title": incident.title,
        "status": incident.status.value,
        "severity": incident.severity.value,
        "service": incident.service,
        "affected_services": list(incident.affected_services),
        "started_at": incident.started_at,
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_at": incident.resolved_at,
        "assignee": incident.assignee,
        "tags": list(incident.tags),
        "version": incident.version,
    }


def _incident(row: IncidentRow) -> Incident:
    return Incident(
        id=row.id,
        organization_id=row.organization_id,
        number=row.number,
        title=row.title,
        status=Status(row.status),
        severity=Severity(row.severity),
        service=row.service,
        affected_services=tuple(row.affected_services),
        started_at=row.started_at,
        opened_at=row.opened_at,
        acknowledged_at=row.acknowledged_at,
        resolved_at=row.resolved_at,
        assignee=row.assignee,
        tags=tuple(row.tags),
        version=row.version,
    )


def _entry(row: IncidentEntryRow) -> Entry:
    return Entry(
        sequence=row.sequence,
        incident_id=row.incident_id,
        change=Change(row.change),
        text=row.text,
        by=row.by,
        at=row.at,
    )
