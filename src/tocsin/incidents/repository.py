"""The rows of incidents that people work on: each change and its entry in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.database.inserting import insert_into
from tocsin.database.service import Database
from tocsin.incidents.contracts import Entry, Incident, IncidentChanged, IncidentFilter, LinkedLog
from tocsin.incidents.grouping_repository import GroupingRepository
from tocsin.incidents.rows import (
    Note,
    add,
    changed,
    entry_of,
    incident_of,
    incident_then,
    load,
    lock,
    save,
    write_note,
)
from tocsin.incidents.tables import IncidentCounterRow, IncidentEntryRow, IncidentLogRow, IncidentRow
from tocsin.logstore.ports import OrganizationId

_ESCAPE = "\\"

Decision: TypeAlias = Callable[[Incident], tuple[Incident, Note] | None]
"""What becomes of an incident, by how it is now; None: nothing. It may raise, and nothing is changed then."""


class IncidentsRepository:
    """Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grouping(self) -> GroupingRepository:
        """The signals of the incidents, in the same database."""
        return GroupingRepository(self._database)

    async def add(self, incident: Incident, note: Note) -> tuple[Incident, Entry]:
        """Keep a new incident under the next number; the one it came with does not count."""
        async with self._database.session(incident.organization_id) as session:
            return await add(session, incident, note)

    async def get(self, organization_id: OrganizationId, incident_id: UUID) -> Incident | None:
        """The incident with this id."""
        async with self._database.read_session(organization_id) as session:
            return await load(session, organization_id, incident_id)

    async def find(
        self, organization_id: OrganizationId, wanted: IncidentFilter, *, below: int | None, limit: int
    ) -> list[Incident]:
        """The incidents that match with a number below this one, the newest first."""
        async with self._database.read_session(organization_id) as session:
            conditions = [IncidentRow.organization_id == organization_id, *_conditions(session, wanted)]
            if below is not None:
                conditions.append(IncidentRow.number < below)
            asked = select(IncidentRow).where(*conditions).order_by(IncidentRow.number.desc()).limit(limit)
            return [incident_of(row) for row in await session.scalars(asked)]

    async def opened_since(self, organization_id: OrganizationId, since: datetime) -> list[Incident]:
        """The incidents that were opened at or after this moment, oldest first."""
        asked = (
            select(IncidentRow)
            .where(IncidentRow.organization_id == organization_id, IncidentRow.opened_at >= since)
            .order_by(IncidentRow.number)
        )
        async with self._database.read_session(organization_id) as session:
            return [incident_of(row) for row in await session.scalars(asked)]

    async def change(
        self, organization_id: OrganizationId, incident_id: UUID, decide: Decision
    ) -> tuple[Incident, Entry | None] | None:
        """Change an incident as is decided while nobody else can change it; None where there is none.

        It gets the next version where it is another one then.
        """
        async with self._database.session(organization_id) as session:
            await lock(session, organization_id)
            before = await load(session, organization_id, incident_id)
            if before is None:
                return None
            decided = decide(before)
            if decided is None:
                return before, None
            after, note = decided
            if after != before:
                after = replace(after, version=before.version + 1)
                await save(session, after)
            return after, await write_note(session, after, note)

    async def entries(self, organization_id: OrganizationId, incident_id: UUID) -> list[Entry]:
        """What happened in an incident, in order."""
        asked = (
            select(IncidentEntryRow)
            .where(IncidentEntryRow.organization_id == organization_id, IncidentEntryRow.incident_id == incident_id)
            .order_by(IncidentEntryRow.sequence)
        )
        async with self._database.read_session(organization_id) as session:
            return [entry_of(row) for row in await session.scalars(asked)]

    async def events_after(
        self, organization_id: OrganizationId, sequence: int, *, limit: int
    ) -> list[IncidentChanged]:
        """The next events, each with its incident as it was then."""
        asked = (
            select(IncidentEntryRow, IncidentRow)
            .join(IncidentRow, IncidentRow.id == IncidentEntryRow.incident_id)
            .where(IncidentEntryRow.organization_id == organization_id, IncidentEntryRow.sequence > sequence)
            .order_by(IncidentEntryRow.sequence)
            .limit(limit)
        )
        async with self._database.read_session(organization_id) as session:
            rows = (await session.execute(asked)).all()
            return [changed(entry_of(entry), incident_then(entry, now)) for entry, now in rows]

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """Of the latest event; 0 where there is none."""
        asked = select(IncidentCounterRow.events).where(IncidentCounterRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return (await session.scalar(asked)) or 0

    async def link(
        self,
        organization_id: OrganizationId,
        incident_id: UUID,
        links: Sequence[LinkedLog],
        note: Callable[[int, int], Note | None],
    ) -> tuple[Incident, Entry | None] | None:
        """Keep logs with an incident; one that is linked already stays as it was. None where there is no incident.

        ``note`` learns how many there were, and how many are new; None: there is nothing to keep. It may raise.
        """
        async with self._database.session(organization_id) as session:
            await lock(session, organization_id)
            incident = await load(session, organization_id, incident_id)
            if incident is None:
                return None
            of_incident = select(IncidentLogRow.log_id).where(IncidentLogRow.incident_id == incident_id)
            known = set(await session.scalars(of_incident))
            new = [each for each in links if each.log_id not in known]
            said = note(len(known), len(new))
            if said is None:
                return incident, None
            rows = [_link_values(incident, each) for each in new]
            await session.execute(insert_into(session, IncidentLogRow), rows)
            return incident, await write_note(session, incident, said)

    async def unlink(
        self, organization_id: OrganizationId, incident_id: UUID, log_id: str, note: Note
    ) -> tuple[Incident, Entry] | None:
        """Forget a linked log; None where there was none."""
        gone = delete(IncidentLogRow).where(
            IncidentLogRow.organization_id == organization_id,
            IncidentLogRow.incident_id == incident_id,
            IncidentLogRow.log_id == log_id,
        )
        async with self._database.session(organization_id) as session:
            await lock(session, organization_id)
            incident = await load(session, organization_id, incident_id)
            forgotten = (await session.execute(gone.returning(IncidentLogRow.log_id))).first()
            if incident is None or forgotten is None:
                return None
            return incident, await write_note(session, incident, note)

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


def _link_values(incident: Incident, linked: LinkedLog) -> dict[str, Any]:
    return {
        "incident_id": incident.id,
        "log_id": linked.log_id,
        "organization_id": incident.organization_id,
        "log": dict(linked.log),
        "linked_by": linked.linked_by,
        "linked_at": linked.linked_at,
    }


def _conditions(session: AsyncSession, wanted: IncidentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(IncidentRow.status.in_([each.value for each in wanted.statuses]))
    if wanted.severities:
        conditions.append(IncidentRow.severity.in_([each.value for each in wanted.severities]))
    if wanted.service is not None:
        conditions.append(or_(IncidentRow.service == wanted.service, _affects(session, wanted.service)))
    if wanted.text:
        escaped = wanted.text
        for special in (_ESCAPE, "%", "_"):
            escaped = escaped.replace(special, f"{_ESCAPE}{special}")
        conditions.append(IncidentRow.title.ilike(f"%{escaped}%", escape=_ESCAPE))
    return conditions


def _affects(session: AsyncSession, service: str) -> ColumnElement[bool]:
    """Whether a service is among those that are affected."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    elements = func.json_array_elements_text if is_postgres else func.json_each
    named = elements(IncidentRow.affected_services).table_valued("value")
    return exists(select(named.c.value).where(named.c.value == service))
