"""The rows of jobs: whoever leases one is the only one to do it until the lease ends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.ports import Job
from tocsin.jobs.tables import JobRow
from tocsin.logstore.ports import OrganizationId


class JobsRepository:
    """Every method may raise ``ServiceUnavailable``. Moments are given, so that one clock is used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        organization_id: OrganizationId,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None,
        not_before: datetime,
        now: datetime,
    ) -> UUID | None:
        """Keep a job; None where one of this kind has the key."""
        values = {
            "id": uuid4(),
            "organization_id": organization_id,
            "kind": kind,
            "payload": dict(payload),
            "key": key,
            "attempts": 0,
            "created_at": now,
            "not_before": not_before,
        }
        async with self._database.session(organization_id) as session:
            kept = insert_into(session, JobRow).values(**values).on_conflict_do_nothing().returning(JobRow.id)
            return (await session.execute(kept)).scalar_one_or_none()

    async def lease(self, kind: str, worker: UUID, *, limit: int, now: datetime, until: datetime) -> list[Job]:
        """Take jobs that are due and that nobody does; those of organizations with few waiting jobs come first."""
        place = func.row_number().over(partition_by=JobRow.organization_id, order_by=(JobRow.not_before, JobRow.id))
        due = select(JobRow.id, JobRow.not_before, place.label("place")).where(*_is_due(kind, now)).subquery()
        first = select(due.c.id).order_by(due.c.place, due.c.not_before).limit(limit)
        # PostgreSQL locks no row of a window function, so they are locked by a statement around it.
        chosen = select(JobRow.id).where(JobRow.id.in_(first), *_is_due(kind, now)).with_for_update(skip_locked=True)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            ids = (await session.scalars(chosen)).all()
            if not ids:
                return []
            taken = (
                update(JobRow)
                .where(JobRow.id.in_(ids))
                .values(leased_by=worker, leased_until=until, attempts=JobRow.attempts + 1)
                .returning(JobRow)
            )
            return [_job(row) for row in await session.scalars(taken)]

    async def renew(self, job: Job, worker: UUID, *, until: datetime) -> bool:
        """Lease a job for longer; whether it is still this worker's."""
        kept = update(JobRow).where(*_is_leased(job, worker)).values(leased_until=until).returning(JobRow.id)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            return (await session.execute(kept)).first() is not None

    async def done(self, job: Job, worker: UUID) -> None:
        """Forget a job that is done."""
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(delete(JobRow).where(*_is_leased(job, worker)))

    async def later(self, job: Job, worker: UUID, *, not_before: datetime, reason: str) -> None:
        """Let a job be done again, not before then."""
        values = {"leased_by": None, "leased_until": None, "not_before": not_before, "reason": reason}
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(update(JobRow).where(*_is_leased(job, worker)).values(**values))

    async def failed(self, job: Job, worker: UUID, *, now: datetime, reason: str) -> None:
        """Give a job up; its key is free again."""
        values = {"leased_by": None, "leased_until": None, "failed_at": now, "reason": reason, "key": None}
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(update(JobRow).where(*_is_leased(job, worker)).values(**values))

    async def give_back(self, worker: UUID) -> None:
        """End every lease of a worker that stops; what it had begun counts as not begun."""
        values = {"leased_by": None, "leased_until": None, "attempts": JobRow.attempts - 1}
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(update(JobRow).where(JobRow.leased_by == worker).values(**values))

    async def forget_failed(self, before: datetime) -> None:
        """Forget the jobs that were given up before this moment."""
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(delete(JobRow).where(JobRow.failed_at < before))


def backoff(attempt: int, *, jitter: float) -> timedelta:
    """How long after a failed attempt the next one is: from a second to five minutes, and up to half of that more."""
    seconds = min(2.0 ** (attempt - 1), 300.0)
    return timedelta(seconds=seconds * (1 + jitter / 2))


def _is_due(kind: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRow.kind == kind,
        JobRow.failed_at.is_(None),
        JobRow.not_before <= now,
        or_(JobRow.leased_until.is_(None), JobRow.leased_until <= now),
    )


def _is_leased(job: Job, worker: UUID) -> tuple[ColumnElement[bool], ...]:
    return (JobRow.id == job.id, JobRow.leased_by == worker)


def _job(row: JobRow) -> Job:
    return Job(id=row.id, organization_id=row.organization_id, kind=row.kind, payload=row.payload, attempt=row.attempts)
