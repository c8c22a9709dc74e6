"""Services: what an organization's logs come from, registered by a person or by their first log."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError

from tocsin.accounts.contracts import KnownServices, Service
from tocsin.accounts.fresh_reads import FreshReads
from tocsin.accounts.tables import ServiceRow
from tocsin.database.inserting import insert_into
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, NotFound, ServiceUnavailable

#: Of one organization: a sender that makes up names must not fill the database. Logs of further services are stored
#: all the same; they have no entry here.
MAX_SERVICES = 10_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDraft:
    """What a person says of a service."""

    owner: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    retention_class: str | None = None
    repository_url: str | None = None
    active: bool = True


class Services:
    """The services of every organization. Every method is about one, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._reads: FreshReads[UUID, KnownServices] = FreshReads(self._read, clock)

    async def all_of(self, organization_id: UUID) -> list[Service]:
        """Every service, by name."""
        theirs = select(ServiceRow).where(ServiceRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            # Databases have orders of their own.
            return sorted((_service(row) for row in await session.scalars(theirs)), key=lambda each: each.name)

    async def get(self, organization_id: UUID, service_id: UUID) -> Service:
        """One service.

        Raises:
            NotFound: the organization has none with this id.
        """
        async with self._database.read_session(organization_id) as session:
            row = (await session.scalars(select(ServiceRow).where(*_is(organization_id, service_id)))).one_or_none()
        if row is None:
            raise _not_found()
        return _service(row)

    async def create(self, organization_id: UUID, name: str, draft: ServiceDraft) -> Service:
        """Register a service.

        Raises:
            Conflict: there is one with this name, or there are ``MAX_SERVICES``.
        """
        row = new_service(organization_id, name, now=utc_now(self._clock))
        _apply(row, draft)
        try:
            async with self._database.session(organization_id) as session:
                number = select(func.count()).where(ServiceRow.organization_id == organization_id)
                if (await session.execute(number)).scalar_one() >= MAX_SERVICES:
                    raise Conflict(f"there are {MAX_SERVICES:,} services; delete one first")
                session.add(row)
        except IntegrityError as error:
            raise Conflict(f"there is a service named {name!r}") from error
        self._reads.forget(organization_id)
        log.info("accounts.service_created", service_id=str(row.id), organization_id=str(organization_id))
        return _service(row)

    async def change(
        self, organization_id: UUID, service_id: UUID, change: Callable[[Service], ServiceDraft]
    ) -> Service:
        """Say something else of a service, made of what is said now. Its name stays: logs bear it.

        Raises:
            NotFound: the organization has none with this id.
        """
        async with self._database.session(organization_id) as session:
            held = select(ServiceRow).where(*_is(organization_id, service_id)).with_for_update()
            row = (await session.scalars(held)).one_or_none()
            if row is None:
                raise _not_found()
            _apply(row, change(_service(row)))
        self._reads.forget(organization_id)
        log.info("accounts.service_changed", service_id=str(service_id), active=row.active)
        return _service(row)

    async def delete(self, organization_id: UUID, service_id: UUID) -> None:
        """Forget what was said of a service; its logs stay, and a further log registers it anew.

        Raises:
            NotFound: the organization has none with this id.
        """
        gone = delete(ServiceRow).where(*_is(organization_id, service_id)).returning(ServiceRow.id)
        async with self._database.session(organization_id) as session:
            if (await session.scalars(gone)).one_or_none() is None:
                raise _not_found()
        self._reads.forget(organization_id)
        log.info("accounts.service_deleted", service_id=str(service_id), organization_id=str(organization_id))

    async def close(self) -> None:
        """Give up the reads that are under way."""
        await self._reads.close()

    async def known(self, organization_id: UUID) -> KnownServices:
        """Which services there are, as they were a few seconds ago at most.

        A database that is away costs no sender a request: what was known last still holds, or nothing is known.
        """
        try:
            return await self._reads.get(organization_id)
        except ServiceUnavailable as error:
            log.warning("accounts.services_not_read", reason=error.detail)
            return self._reads.last(organization_id) or KnownServices(frozenset(), frozenset(), is_full=False)

    async def register(self, organization_id: UUID, names: Collection[str]) -> None:
        """Make entries for services whose first logs came, as far as there is room. Again does nothing.

        One statement for all of them. Processes that do it at once may pass ``MAX_SERVICES`` by what each registers.
        """
        if not names:
            return
        now = utc_now(self._clock)
        async with self._database.session(organization_id) as session:
            theirs = select(ServiceRow.name).where(ServiceRow.organization_id == organization_id)
            there = set(await session.scalars(theirs))
            missing = sorted(set(names) - there)
            new = missing[: max(0, MAX_SERVICES - len(there))]
            if new:
                rows = [_first_values(organization_id, name, now) for name in new]
                await session.execute(insert_into(session, ServiceRow).on_conflict_do_nothing(), rows)
        if len(new) < len(missing):
            log.warning("accounts.service_not_registered", organization_id=str(organization_id), limit=MAX_SERVICES)
        if new:
            self._reads.forget(organization_id)
            log.info("accounts.services_registered", organization_id=str(organization_id), services=new)

    async def _read(self, organization_id: UUID) -> KnownServices:
        names = select(ServiceRow.name, ServiceRow.active).where(ServiceRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            rows = [(name, active) for name, active in await session.execute(names)]
        return KnownServices(
            frozenset(name for name, active in rows if active),
            frozenset(name for name, active in rows if not active),
            is_full=len(rows) >= MAX_SERVICES,
        )


def new_service(organization_id: UUID, name: str, *, now: datetime) -> ServiceRow:
    """A service of which nothing is said yet, not in any session."""
    return ServiceRow(**_first_values(organization_id, name, now))


def _first_values(organization_id: UUID, name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "organization_id": organization_id,
        "name": name,
        "active": True,
        "owner": None,
        "configuration": {},
        "created_at": now,
    }


def _apply(row: ServiceRow, draft: ServiceDraft) -> None:
    row.owner = draft.owner
    row.active = draft.active
    row.configuration = {
        "labels": dict(draft.labels),
        "retention_class": draft.retention_class,
        "repository_url": draft.repository_url,
    }


def _is(organization_id: UUID, service_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (ServiceRow.organization_id == organization_id, ServiceRow.id == service_id)


def _not_found() -> NotFound:
    return NotFound("there is no such service")


def _service(row: ServiceRow) -> Service:
    configuration = row.configuration
    return Service(
        id=row.id,
        name=row.name,
        owner=row.owner,
        labels=configuration.get("labels", {}),
        retention_class=configuration.get("retention_class"),
        repository_url=configuration.get("repository_url"),
        active=row.active,
        created_at=row.created_at,
    )
