"""The rows of jobs: whoever leases one is the only one to do it until the lease ends."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Text, case, cast, delete, func, literal, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.ports import Job
from tocsin.jobs.tables import JobRow
from tocsin.logstore.ports import OrganizationId

MAX_REASON_CHARACTERS = 500
"""Of why a job failed: a line or two for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker asks for when it has places free for a kind of jobs."""

    kind: str
    worker: UUID
    #: How many jobs at most, and how many an organization may have together with those that it holds.
    places: int
    places_an_organization: int
    #: The jobs of the kind that this worker is at, and how many of them each organization has.
    running: Collection[UUID]
    held: Mapping[OrganizationId, int]
    max_attempts: int
    now: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a worker got: jobs to do, and those that were given up instead, with the reason."""

    jobs: tuple[Job, ...]
    given_up: tuple[tuple[Job, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCounts:
    """Jobs of one kind, of all organizations."""

    waiting: int
    failed: int


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

    async def lease(self, claim: Claim) -> Claimed:
        """Take jobs that are due and that nobody does; those of organizations with few jobs come first.

        What is due after its last attempt was under way when its process died: it is given up. Where nothing is due
        it only reads: most looks find nothing, and SQLite has one writer.
        """
        chosen = await self.choose(claim)
        return await self.take(claim, chosen) if chosen else Claimed(jobs=(), given_up=())

    async def take(self, claim: Claim, chosen: Sequence[UUID]) -> Claimed:
        """Take those of the chosen jobs that are still due, or give them up; as ``lease``."""
        # Since they were chosen another worker may have taken some; those that it takes right now are left to it.
        still = (
            select(JobRow.id, JobRow.attempts)
            .where(JobRow.id.in_(chosen), *_is_due(claim))
            .with_for_update(skip_locked=True)
        )
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            rows = (await session.execute(still)).all()
            fresh = [job_id for job_id, attempts in rows if attempts < claim.max_attempts]
            spent = [job_id for job_id, attempts in rows if attempts >= claim.max_attempts]
            taken = await session.scalars(_take(claim, fresh)) if fresh else ()
            given_up = await session.scalars(_give_up(claim, spent)) if spent else ()
            return Claimed(
                jobs=tuple(_job(row) for row in taken),
                given_up=tuple((_job(row), row.reason or "") for row in given_up),
            )

    async def choose(self, claim: Claim) -> Sequence[UUID]:
        """Which jobs ``lease`` would take."""
        running = case(*((JobRow.organization_id == each, held) for each, held in claim.held.items()), else_=0)
        turn = func.row_number().over(partition_by=JobRow.organization_id, order_by=(JobRow.not_before, JobRow.id))
        place = (turn + (running if claim.held else 0)).label("place")
        due = select(JobRow.id, JobRow.not_before, place).where(*_is_due(claim)).subquery()
        chosen = (
            select(due.c.id)
            .where(due.c.place <= claim.places_an_organization)
            .order_by(due.c.place, due.c.not_before)
            .limit(claim.places)
        )
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return (await session.scalars(chosen)).all()

    async def renew(self, job: Job, worker: UUID, *, until: datetime) -> bool:
        """Lease a job for longer; whether it is still this worker's."""
        kept = update(JobRow).where(*_is_leased(job, worker)).values(leased_until=until).returning(JobRow.id)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            return (await session.execute(kept)).first() is not None

    async def done(self, job: Job, worker: UUID) -> bool:
        """Forget a job that is done; whether it was still this worker's."""
        ended = delete(JobRow).where(*_is_leased(job, worker)).returning(JobRow.id)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            return (await session.execute(ended)).first() is not None

    async def later(
        self, job: Job, worker: UUID, *, not_before: datetime, reason: str, is_attempt: bool = True
    ) -> bool:
        """Let a job be done again, not before then; whether it was still this worker's."""
        attempts = job.attempt if is_attempt else job.attempt - 1
        return await self._end_lease(job, worker, not_before=not_before, reason=reason, attempts=attempts)

    async def failed(self, job: Job, worker: UUID, *, now: datetime, reason: str) -> bool:
        """Give a job up; its key is free again. Whether it was still this worker's."""
        return await self._end_lease(job, worker, failed_at=now, reason=reason, key=None)

    async def _end_lease(self, job: Job, worker: UUID, **values: Any) -> bool:
        ended = (
            update(JobRow)
            .where(*_is_leased(job, worker))
            .values(leased_by=None, leased_until=None, **values)
            .returning(JobRow.id)
        )
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            return (await session.execute(ended)).first() is not None

    async def give_back(self, worker: UUID, *, keeping: Collection[UUID] = ()) -> None:
        """End the leases of a worker that stops; what it had begun counts as not begun.

        Args:
            worker: whose.
            keeping: the jobs that would not stop: their leases stay, so that nobody else does them meanwhile.
        """
        values = {"leased_by": None, "leased_until": None, "attempts": JobRow.attempts - 1}
        theirs = (JobRow.leased_by == worker, JobRow.id.not_in(keeping))
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(update(JobRow).where(*theirs).values(**values))

    async def forget_failed(self, before: datetime) -> None:
        """Forget the jobs that were given up before this moment; writes only where there are any."""
        old = JobRow.failed_at < before
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            if (await session.scalars(select(JobRow.id).where(old).limit(1))).first() is None:
                return
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(delete(JobRow).where(old))

    async def counts(self, now: datetime) -> Mapping[str, KindCounts]:
        """How many jobs of each kind wait, and how many were given up. Reads every job."""
        is_leased = case((JobRow.leased_until > now, 1), else_=0)
        counted = select(
            JobRow.kind, func.count(), func.count(JobRow.failed_at), func.coalesce(func.sum(is_leased), 0)
        ).group_by(JobRow.kind)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            rows = (await session.execute(counted)).all()
        return {kind: KindCounts(waiting=kept - failed - leased, failed=failed) for kind, kept, failed, leased in rows}


def backoff(attempt: int, *, jitter: float) -> timedelta:
    """How long after a failed attempt the next one is: from a second to five minutes, and up to half of that more."""
    seconds = min(2.0 ** (attempt - 1), 300.0)
    return timedelta(seconds=seconds * (1 + jitter / 2))


def _is_due(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRow.kind == claim.kind,
        JobRow.failed_at.is_(None),
        JobRow.not_before <= claim.now,
        or_(JobRow.leased_until.is_(None), JobRow.leased_until <= claim.now),
        JobRow.id.not_in(claim.running),
    )


def _is_leased(job: Job, worker: UUID) -> tuple[ColumnElement[bool], ...]:
    # The attempt is part of it: one worker may have leased the job twice.
    return (JobRow.id == job.id, JobRow.leased_by == worker, JobRow.attempts == job.attempt)


def _take(claim: Claim, ids: Sequence[UUID]) -> ReturningUpdate[JobRow]:
    values = {"leased_by": claim.worker, "leased_until": claim.until, "attempts": JobRow.attempts + 1}
    return update(JobRow).where(JobRow.id.in_(ids)).values(**values).returning(JobRow)


def _give_up(claim: Claim, ids: Sequence[UUID]) -> ReturningUpdate[JobRow]:
    attempts = cast(JobRow.attempts, Text)
    died = case(
        (JobRow.reason.is_(None), literal("its process died ") + attempts + literal(" times")),
        else_=literal("its process died at the last of ")
        + attempts
        + literal(" attempts; one before it ended with: ")
        + JobRow.reason,
    )
    values = {
        "leased_by": None,
        "leased_until": None,
        "failed_at": claim.now,
        "key": None,
        "reason": func.substr(died, 1, MAX_REASON_CHARACTERS),
    }
    return update(JobRow).where(JobRow.id.in_(ids)).values(**values).returning(JobRow)


def _job(row: JobRow) -> Job:
    return Job(id=row.id, organization_id=row.organization_id, kind=row.kind, payload=row.payload, attempt=row.attempts)
