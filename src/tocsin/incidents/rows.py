"""Incidents and their entries as rows, and the one lock that every change of an organization's incidents takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from tocsin.database.inserting import insert_into
from tocsin.incidents.contracts import Cause, Change, Entry, Incident, IncidentChanged, Severity, Status
from tocsin.incidents.tables import IncidentCounterRow, IncidentEntryRow, IncidentRow
from tocsin.logstore.ports import OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an entry says; its number follows when it is kept."""

    change: Change
    text: str = ""
    by: UUID | None
    at: datetime


async def lock(session: AsyncSession, organization_id: OrganizationId) -> None:
    """Wait for whoever changes the organization's incidents now; the next one waits until this transaction ends.

    Always first: two that took the lock of an incident before it could wait for each other for ever.
    """
    first = {"organization_id": organization_id, "incidents": 0, "events": 0}
    same = {"events": IncidentCounterRow.events}
    counted = insert_into(session, IncidentCounterRow).values(**first)
    await session.execute(counted.on_conflict_do_update(index_elements=["organization_id"], set_=same))


async def next_number(
    session: AsyncSession, organization_id: OrganizationId, counter: InstrumentedAttribute[int]
) -> int:
    """Count on; whoever else counts waits until this transaction ends, so no number is missing or comes late."""
    first = {"organization_id": organization_id, "incidents": 0, "events": 0} | {counter.key: 1}
    counted = (
        insert_into(session, IncidentCounterRow)
        .values(**first)
        .on_conflict_do_update(index_elements=["organization_id"], set_={counter.key: counter + 1})
        .returning(counter)
    )
    return (await session.execute(counted)).scalar_one()


async def load(session: AsyncSession, organization_id: OrganizationId, incident_id: UUID) -> Incident | None:
    """The incident with this id."""
    row = (await session.scalars(select(IncidentRow).where(*is_incident(organization_id, incident_id)))).one_or_none()
    return None if row is None else incident_of(row)


async def add(session: AsyncSession, incident: Incident, note: Note) -> tuple[Incident, Entry]:
    """Keep a new incident under the next number; the one it came with does not count."""
    number = await next_number(session, incident.organization_id, IncidentCounterRow.incidents)
    values = _values(incident) | {"number": number}
    added = incident_of((await session.scalars(insert(IncidentRow).values(**values).returning(IncidentRow))).one())
    return added, await write_note(session, added, note)


async def save(session: AsyncSession, incident: Incident) -> None:
    """Keep an incident as it is given, whatever version it had."""
    changed_row = update(IncidentRow).where(*is_incident(incident.organization_id, incident.id))
    await session.execute(changed_row.values(**_values(incident)))


async def write_note(session: AsyncSession, incident: Incident, note: Note) -> Entry:
    """Keep what happened under the next number, with the incident as it is now."""
    sequence = await next_number(session, incident.organization_id, IncidentCounterRow.events)
    row = IncidentEntryRow(
        organization_id=incident.organization_id,
        sequence=sequence,
        incident_id=incident.id,
        change=note.change.value,
        text=note.text,
        by=note.by,
        at=note.at,
        incident=msgspec.to_builtins(incident),
    )
    session.add(row)
    return entry_of(row)


def changed(entry: Entry, incident: Incident) -> IncidentChanged:
    """The event that an entry is."""
    return IncidentChanged(sequence=entry.sequence, change=entry.change, incident=incident, at=entry.at)


def is_incident(organization_id: OrganizationId, incident_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a row is of this incident."""
    return (IncidentRow.organization_id == organization_id, IncidentRow.id == incident_id)


def incident_then(entry: IncidentEntryRow, now: IncidentRow) -> Incident:
    """The incident as it was with an entry; as it is now, where the entry is too old to know."""
    return incident_of(now) if entry.incident is None else msgspec.convert(entry.incident, Incident)


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
        "causes": msgspec.to_builtins(incident.causes),
        "last_signal_at": incident.last_signal_at,
        "reopened_at": incident.reopened_at,
        "merged_into": incident.merged_into,
        "from_signals": incident.from_signals,
        "edited": list(incident.edited),
    }


def incident_of(row: IncidentRow) -> Incident:
    """The incident that a row is."""
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
        causes=msgspec.convert(row.causes or [], tuple[Cause, ...]),
        last_signal_at=row.last_signal_at,
        reopened_at=row.reopened_at,
        merged_into=row.merged_into,
        from_signals=bool(row.from_signals),
        edited=tuple(row.edited or ()),
    )


def entry_of(row: IncidentEntryRow) -> Entry:
    """The entry that a row is."""
    return Entry(
        sequence=row.sequence,
        incident_id=row.incident_id,
        change=Change(row.change),
        text=row.text,
        by=row.by,
        at=row.at,
    )
