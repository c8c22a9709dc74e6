"""Jobs as rows with leases, in the relational database: every process that has one may do them.

A worker leases a job for some seconds, and longer while it does it. When the process dies, the lease ends, and another
worker, or the same program started again, does the job anew.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter

from tocsin.jobs.ports import Handler, Job, RetryLater
from tocsin.jobs.repository import JobsRepository, backoff
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import OrganizationId

LEASE_SECONDS = 20.0
"""How long after the death of a process its jobs wait. The clocks of processes must agree within this."""

POLL_SECONDS = 2.0
"""How often jobs of other processes are looked for, and those whose time has come."""

JOBS_AT_A_TIME = 8
"""Of each kind: a slow kind does not wait for another, and a slow receiver leaves room for others."""

KEPT_FAILED = timedelta(days=30)
"""How long a job that was given up is kept, with its reason."""

MAX_REASON_CHARACTERS = 500

log = structlog.get_logger(__name__)

_ended = Counter("tocsin_jobs_attempts_total", "Attempts at jobs.", ["kind", "outcome"])


@dataclass(slots=True)
class _Kind:
    """How jobs of a kind are done."""

    handler: Handler
    max_attempts: int
    running: set[asyncio.Task[None]] = field(default_factory=set)


class LeasedJobs:
    """``Jobs`` in the relational database; one a process, on its event loop."""

    def __init__(
        self,
        repository: JobsRepository,
        *,
        clock: Clock,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._poll_seconds = poll_seconds
        self._worker = uuid4()
        self._kinds: dict[str, _Kind] = {}
        self._woken = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def handle(self, kind: str, handler: Handler, *, max_attempts: int = 10) -> None:
        """See the port."""
        self._kinds[kind] = _Kind(handler, max_attempts)

    async def add(
        self,
        organization_id: OrganizationId,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        not_before: datetime | None = None,
    ) -> UUID | None:
        """See the port."""
        now = utc_now(self._clock)
        added = await self._repository.add(
            organization_id, kind, payload, key=key, not_before=not_before or now, now=now
        )
        self._woken.set()
        return added

    async def start(self) -> None:
        """See the port."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """See the port."""
        running = [task for kind in self._kinds.values() for task in kind.running]
        tasks = [*running, *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        try:
            await self._repository.give_back(self._worker)
        except TocsinError as error:  # then others wait until the leases end
            log.warning("jobs.not_given_back", reason=error.detail)

    async def _look(self) -> None:
        while True:
            self._woken.clear()
            try:
                for name, kind in self._kinds.items():
                    await self._begin(name, kind)
                await self._repository.forget_failed(utc_now(self._clock) - KEPT_FAILED)
            except TocsinError as error:
                log.warning("jobs.not_looked_for", reason=error.detail)
            except Exception:
                log.exception("jobs.looking_failed")
            # Not ``wait_for``, which loses a cancellation that comes with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def _begin(self, name: str, kind: _Kind) -> None:
        free = JOBS_AT_A_TIME - len(kind.running)
        if free <= 0:
            return
        now = utc_now(self._clock)
        for job in await self._repository.lease(name, self._worker, limit=free, now=now, until=now + self._lease):
            task = asyncio.create_task(self._do(job, kind))
            kind.running.add(task)
            task.add_done_callback(lambda task, kind=kind: self._ended(kind, task))  # type: ignore[misc]

    def _ended(self, kind: _Kind, task: asyncio.Task[None]) -> None:
        kind.running.discard(task)
        # There may be more of them.
        self._woken.set()

    async def _do(self, job: Job, kind: _Kind) -> None:
        renewing = asyncio.create_task(self._renew(job))
        try:
            await self._attempt(job, kind)
        except TocsinError as error:  # the lease ends, and the job is done again
            log.warning("jobs.outcome_not_kept", kind=job.kind, job_id=str(job.id), reason=error.detail)
        finally:
            renewing.cancel()

    async def _attempt(self, job: Job, kind: _Kind) -> None:
        try:
            await kind.handler(job)
        except RetryLater as later:
            await self._again(job, kind, timedelta(seconds=later.after_seconds), str(later))
        except Exception as error:
            log.exception("jobs.attempt_failed", kind=job.kind, job_id=str(job.id), attempt=job.attempt)
            # Of ours the detail is for people; of others it may say what nobody should read.
            reason = error.detail if isinstance(error, TocsinError) else type(error).__name__
            await self._again(job, kind, backoff(job.attempt, jitter=random.random()), reason)  # noqa: S311
        else:
            await self._repository.done(job, self._worker)
            _ended.labels(job.kind, "done").inc()

    async def _again(self, job: Job, kind: _Kind, after: timedelta, reason: str) -> None:
        now, reason = utc_now(self._clock), reason[:MAX_REASON_CHARACTERS]
        if job.attempt >= kind.max_attempts:
            await self._repository.failed(job, self._worker, now=now, reason=reason)
            _ended.labels(job.kind, "failed").inc()
            return
        await self._repository.later(job, self._worker, not_before=now + after, reason=reason)
        _ended.labels(job.kind, "retried").inc()

    async def _renew(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                await self._repository.renew(job, self._worker, until=utc_now(self._clock) + self._lease)
            except TocsinError as error:
                log.warning("jobs.lease_not_renewed", kind=job.kind, job_id=str(job.id), reason=error.detail)
