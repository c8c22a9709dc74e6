"""What an operator asks of jobs: which there are, and that one which was given up is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.tables import JobRow
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import NotFound
from tocsin.logstore.ports import OrganizationId

MAX_LISTED = 200
"""More jobs in one answer nobody reads."""


class JobState(StrEnum):
    """What is true of a job that is kept."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJob:
    """A job as an operator sees it."""

    id: UUID
    organization_id: OrganizationId
    kind: str
    payload: Any
    state: JobState
    attempts: int
    #: Of one that waits: when it may be begun. Of one that was given up: when that was. Else until when it is leased.
    at: datetime
    #: Why it did not end well the last time, where it ever failed.
    reason: str | None


class JobsAdministration:
    """Looks at the jobs of all organizations. Every method may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def listed(self, *, only_failed: bool = False) -> Sequence[KeptJob]:
        """The jobs that are kept, at most ``MAX_LISTED``: those that were given up first, the latest of them first."""
        chosen = select(JobRow).order_by(JobRow.failed_at.desc().nulls_last(), JobRow.not_before, JobRow.id)
        if only_failed:
            chosen = chosen.where(JobRow.failed_at.is_not(None))
        now = utc_now(self._clock)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return [_kept(row, now) for row in await session.scalars(chosen.limit(MAX_LISTED))]

    async def retry(self, job_id: UUID) -> None:
        """Let a job that was given up be done again, with all its attempts before it. Its key is not taken again.

        Raises:
            NotFound: there is none, or it was not given up.
        """
        values = {"failed_at": None, "reason": None, "attempts": 0, "not_before": utc_now(self._clock)}
        again = update(JobRow).where(JobRow.id == job_id, JobRow.failed_at.is_not(None)).values(**values)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            if (await session.execute(again.returning(JobRow.id))).first() is None:
                raise NotFound(
                    f"no job that was given up has the id {job_id}; `tocsin jobs list --failed` shows which there are"
                )


def _kept(row: JobRow, now: datetime) -> KeptJob:
    state, at = JobState.WAITING, row.not_before
    if row.failed_at is not None:
        state, at = JobState.FAILED, row.failed_at
    elif row.leased_until is not None and row.leased_until > now:
        state, at = JobState.RUNNING, row.leased_until
    return KeptJob(
        id=row.id,
        organization_id=row.organization_id,
        kind=row.kind,
        payload=row.payload,
        state=state,
        attempts=row.attempts,
        at=at,
        reason=row.reason,
    )
