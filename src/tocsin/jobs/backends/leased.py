"""Jobs as rows with leases, in the relational database: every process that has one may do them.

A worker leases a job for some seconds, and longer while it does it. When the process dies, the lease ends, and another
worker, or the same program started again, does the job anew.
"""

import asyncio
import collections
import random
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter, Gauge

from tocsin.jobs.ports import Handler, Job, RetryLater
from tocsin.jobs.repository import MAX_REASON_CHARACTERS, Claim, JobsRepository, backoff
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import OrganizationId

LEASE_SECONDS = 20.0
"""How long after the death of a process its jobs wait. The clocks of processes must agree within this."""

POLL_SECONDS = 2.0
"""How often jobs of other processes are looked for, and those whose time has come."""

JOBS_AT_A_TIME = 12
"""Of each kind, in each process: a slow kind does not wait for another. More need more connections."""

ORGANIZATION_JOBS_AT_A_TIME = 8
"""Of those, at most so many of one organization: the others have the rest, however slow its receivers are."""

CLOSE_SECONDS = 5.0
"""How long a process that stops lets its jobs end, before it cancels them and gives them back."""

CANCEL_SECONDS = 2.0
"""How long what was cancelled, and the database, are waited for then. What stays keeps its lease until that ends."""

FORGET_SECONDS = 3_600.0
"""How often jobs that were given up long ago are forgotten."""

COUNT_SECONDS = 15.0
"""How old the gauges of waiting and failed jobs get: counting reads every job."""

RENEWALS_A_LEASE = 3
"""A lease is renewed so often before it ends; what fails is tried again four times as often."""

KEPT_FAILED = timedelta(days=30)
"""How long a job that was given up is kept, with its reason."""

log = structlog.get_logger(__name__)

_ended = Counter("tocsin_jobs_attempts_total", "Attempts at jobs.", ["kind", "outcome"])
_running = Gauge("tocsin_jobs_running", "Jobs that this process is at.", ["kind"])
_waiting = Gauge("tocsin_jobs_waiting", "Jobs in the database that wait for their time or for a place.", ["kind"])
_failed = Gauge("tocsin_jobs_failed", "Jobs in the database that were given up.", ["kind"])


@dataclass(slots=True)
class _Kind:
    """How jobs of a kind are done."""

    handler: Handler
    max_attempts: int
    running: dict[asyncio.Task[None], Job] = field(default_factory=dict)


class LeasedJobs:
    """``Jobs`` in the relational database; one a process, on its event loop."""

    def __init__(
        self,
        repository: JobsRepository,
        *,
        clock: Clock,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._poll_seconds = poll_seconds
        self._close_seconds = close_seconds
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
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking], timeout=CANCEL_SECONDS)
        await self._end_running()
        stuck = {job.id for kind in self._kinds.values() for job in kind.running.values()}
        if stuck:
            log.error("jobs.not_stopped", job_ids=sorted(map(str, stuck)))
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._repository.give_back(self._worker, keeping=stuck)
        except (TocsinError, TimeoutError) as error:  # then others wait until the leases end
            log.warning("jobs.not_given_back", reason=_said(error))

    async def _end_running(self) -> None:
        """Let what runs end, and cancel what does not."""
        for patience_seconds in (self._close_seconds, CANCEL_SECONDS):
            running = [task for kind in self._kinds.values() for task in kind.running]
            if not running:
                return
            _, late = await asyncio.wait(running, timeout=patience_seconds)
            for task in late:
                task.cancel()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time
        forget_at = count_at = now()
        while True:
            self._woken.clear()
            for name, kind in self._kinds.items():
                await self._step("begin", self._begin(name, kind), kind=name)
            if now() >= forget_at:
                forget_at = now() + FORGET_SECONDS
                await self._step("forget", self._repository.forget_failed(utc_now(self._clock) - KEPT_FAILED))
            if now() >= count_at:
                count_at = now() + COUNT_SECONDS
                await self._step("count", self._count())
            # Not ``wait_for``, which loses a cancellation that comes with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def _step(self, step: str, made: Awaitable[None], *, kind: str | None = None) -> None:
        """Make a step of a look, whose errors keep no other step from being made."""
        try:
            await made
        except TocsinError as error:
            log.warning("jobs.step_failed", step=step, kind=kind, reason=error.detail)
        except Exception:
            log.exception("jobs.step_failed", step=step, kind=kind)

    async def _count(self) -> None:
        counts = await self._repository.counts(utc_now(self._clock))
        _waiting.clear()
        _failed.clear()
        for kind in self._kinds.keys() | counts.keys():
            counted = counts.get(kind)
            _waiting.labels(kind).set(counted.waiting if counted else 0)
            _failed.labels(kind).set(counted.failed if counted else 0)

    async def _begin(self, name: str, kind: _Kind) -> None:
        places = JOBS_AT_A_TIME - len(kind.running)
        if places <= 0:
            return
        # Measured before it begins, so that it is over here before it is over for others.
        lease_ends = asyncio.get_running_loop().time() + self._lease.total_seconds()
        claimed = await self._repository.lease(self._claim(name, kind, places))
        for job in claimed.jobs:
            task = asyncio.create_task(self._do(job, kind, lease_ends))
            kind.running[task] = job
            _running.labels(name).inc()
            task.add_done_callback(lambda task, name=name, kind=kind: self._ended(name, kind, task))  # type: ignore[misc]
        for job, reason in claimed.given_up:
            _note_given_up(job, reason)
            # It took the place of another.
            self._woken.set()

    def _claim(self, name: str, kind: _Kind, places: int) -> Claim:
        now = utc_now(self._clock)
        running = kind.running.values()
        return Claim(
            kind=name,
            worker=self._worker,
            places=places,
            places_an_organization=ORGANIZATION_JOBS_AT_A_TIME,
            running=frozenset(job.id for job in running),
            held=collections.Counter(job.organization_id for job in running),
            max_attempts=kind.max_attempts,
            now=now,
            until=now + self._lease,
        )

    def _ended(self, name: str, kind: _Kind, task: asyncio.Task[None]) -> None:
        del kind.running[task]
        _running.labels(name).dec()
        # There may be more of them.
        self._woken.set()

    async def _do(self, job: Job, kind: _Kind, lease_ends: float) -> None:
        """Do a job for as long as it is leased."""
        try:
            async with asyncio.timeout_at(lease_ends) as lease:
                renewing = asyncio.create_task(self._renew(job, lease))
                try:
                    await self._attempt(job, kind)
                finally:
                    renewing.cancel()
        except TimeoutError:
            _note_lost(job)
        except TocsinError as error:  # the lease ends, and the job is done again
            log.warning("jobs.outcome_not_kept", kind=job.kind, job_id=str(job.id), reason=error.detail)
        except Exception:
            log.exception("jobs.outcome_not_kept", kind=job.kind, job_id=str(job.id))

    async def _attempt(self, job: Job, kind: _Kind) -> None:
        try:
            await kind.handler(job)
        except RetryLater as later:
            after = timedelta(seconds=later.after_seconds)
            await self._again(job, kind, after, str(later), is_attempt=later.is_attempt)
        except Exception as error:
            log.exception("jobs.attempt_failed", kind=job.kind, job_id=str(job.id), attempt=job.attempt)
            after = backoff(job.attempt, jitter=random.random())  # noqa: S311
            await self._again(job, kind, after, _said(error))
        else:
            _note_outcome(job, "done", was_leased=await self._repository.done(job, self._worker))

    async def _again(self, job: Job, kind: _Kind, after: timedelta, reason: str, *, is_attempt: bool = True) -> None:
        now, reason = utc_now(self._clock), reason[:MAX_REASON_CHARACTERS]
        if is_attempt and job.attempt >= kind.max_attempts:
            if await self._repository.failed(job, self._worker, now=now, reason=reason):
                _note_given_up(job, reason)
            else:
                _note_lost(job)
            return
        was_leased = await self._repository.later(
            job, self._worker, not_before=now + after, reason=reason, is_attempt=is_attempt
        )
        _note_outcome(job, "retried", was_leased=was_leased)

    async def _renew(self, job: Job, lease: asyncio.Timeout) -> None:
        """Renew a lease until it is lost: then, or when it ends unrenewed, the job is cancelled."""
        now, lease_seconds = asyncio.get_running_loop().time, self._lease.total_seconds()
        pause_seconds = lease_seconds / RENEWALS_A_LEASE
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = lease_seconds / RENEWALS_A_LEASE
            begun = now()
            try:
                is_ours = await self._repository.renew(job, self._worker, until=utc_now(self._clock) + self._lease)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is tried again until the lease ends)
                log.warning("jobs.lease_not_renewed", kind=job.kind, job_id=str(job.id), reason=_said(error))
                pause_seconds /= 4
                continue
            if lease.expired():
                return
            lease.reschedule(begun + lease_seconds if is_ours else now())
            if not is_ours:
                return


def _said(error: Exception) -> str:
    """Of our errors the detail, which is for people; others may say what nobody should read."""
    return error.detail if isinstance(error, TocsinError) else type(error).__name__


def _note_outcome(job: Job, outcome: str, *, was_leased: bool) -> None:
    if was_leased:
        _ended.labels(job.kind, outcome).inc()
    else:
        _note_lost(job)


def _note_lost(job: Job) -> None:
    """What this worker did of the job may be done again by another."""
    log.warning("jobs.lease_lost", kind=job.kind, job_id=str(job.id), attempt=job.attempt)
    _ended.labels(job.kind, "lost").inc()


def _note_given_up(job: Job, reason: str) -> None:
    log.error(
        "jobs.given_up",
        kind=job.kind,
        job_id=str(job.id),
        organization_id=str(job.organization_id),
        attempts=job.attempt,
        reason=reason,
    )
    _ended.labels(job.kind, "failed").inc()
