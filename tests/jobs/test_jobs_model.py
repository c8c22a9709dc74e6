"""Jobs through any order of claims, renewals, ends, deaths and time, beside a model of who may be at which."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import insert

from tests.jobs.conftest import ORGANIZATION, OTHER_ORGANIZATION, claim, kept
from tests.support.postgres import migrate
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.ports import Job
from tocsin.jobs.repository import Claim, JobsRepository

LEASE = timedelta(seconds=20)
MAX_ATTEMPTS = 2
SHARE = 2
WORKERS = 3

Answer = TypeVar("Answer")


@dataclass
class ModelWorker:
    """A worker, and until when it may be at each of its jobs."""

    id: UUID = field(default_factory=uuid4)
    at: dict[UUID, tuple[Job, datetime]] = field(default_factory=dict)


class WorkersAndJobs(RuleBasedStateMachine):
    """Three workers, two organizations and one kind of jobs."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="tocsin-jobs-"))
        shutil.copy(self.template, self.directory / "tocsin.db")
        self.database = Database(f"sqlite:///{self.directory / 'tocsin.db'}")
        self.repository = JobsRepository(self.database)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.workers = [ModelWorker() for _ in range(WORKERS)]
        self.moments = 0
        #: In which order jobs were added. A case must go the same way each time, and ids are random.
        self.numbers: dict[UUID, int] = {}
        self.unfinished: set[UUID] = set()
        self.failed: set[UUID] = set()

    def run(self, attempt: Awaitable[Answer]) -> Answer:
        return self.loop.run_until_complete(asyncio.ensure_future(attempt, loop=self.loop))

    def teardown(self) -> None:
        """Whatever happened, one worker alone brings every job to an end."""
        self.workers = [ModelWorker()]
        for _ in range(len(self.unfinished) * MAX_ATTEMPTS):
            self.now += timedelta(hours=1)
            self.claim([0], places=10)
            for job_id in list(self.workers[0].at):
                self._finish(self.workers[0], job_id, "done")
        assert self.unfinished == set()
        self.run(self.database.close())
        self.loop.close()
        shutil.rmtree(self.directory)

    @rule(is_first=st.booleans(), wait_seconds=st.sampled_from([0, 0, 30]))
    def add(self, is_first: bool, wait_seconds: int) -> None:
        organization_id = ORGANIZATION if is_first else OTHER_ORGANIZATION
        at = self._moment(wait_seconds)
        added = self.run(self.repository.add(organization_id, "note", {}, key=None, not_before=at, now=self.now))
        assert added is not None
        self.numbers[added] = len(self.numbers)
        self.unfinished.add(added)

    def _moment(self, wait_seconds: int) -> datetime:
        """A moment that no other job has: which one comes first is no matter of its id."""
        self.moments += 1
        return self.now + timedelta(seconds=wait_seconds - 1, microseconds=self.moments)

    @rule(
        who=st.lists(st.integers(0, WORKERS - 1), min_size=1, max_size=WORKERS, unique=True), places=st.integers(1, 4)
    )
    def claim(self, who: Iterable[int], places: int) -> None:
        """Several choose at the same time, and so the same jobs, before one after the other takes its own."""
        workers = [self.workers[each] for each in who]
        claims = [self._claim(worker, places) for worker in workers]
        chosen = [self.run(self.repository.choose(asked)) for asked in claims]
        for worker, asked, ids in zip(workers, claims, chosen, strict=True):
            claimed = self.run(self.repository.take(asked, ids))
            assert len(claimed.jobs) <= places
            for job in sorted(claimed.jobs, key=lambda job: self.numbers[job.id]):
                self._check_free(job.id)
                assert job.attempt <= MAX_ATTEMPTS
                worker.at[job.id] = (job, self.now + LEASE)
            for job, _ in claimed.given_up:
                self._check_free(job.id)
                assert job.attempt == MAX_ATTEMPTS
                self._ended(job.id, failed=True)
            shares = Counter(job.organization_id for job, _ in worker.at.values())
            assert all(share <= SHARE for share in shares.values())

    def _claim(self, worker: ModelWorker, places: int) -> Claim:
        return claim(
            worker.id,
            now=self.now,
            until=self.now + LEASE,
            places=places,
            places_an_organization=SHARE,
            running=frozenset(worker.at),
            held=Counter(job.organization_id for job, _ in worker.at.values()),
            max_attempts=MAX_ATTEMPTS,
        )

    def _check_free(self, job_id: UUID) -> None:
        assert job_id in self.unfinished
        assert not any(self._may_do(worker, job_id) for worker in self.workers)

    def _may_do(self, worker: ModelWorker, job_id: UUID) -> bool:
        return job_id in worker.at and worker.at[job_id][1] > self.now

    def _ended(self, job_id: UUID, *, failed: bool) -> None:
        self.unfinished.remove(job_id)
        if failed:
            self.failed.add(job_id)

    def _one(self, which: int) -> tuple[ModelWorker, UUID]:
        pairs = [(worker, job_id) for worker in self.workers for job_id in worker.at]
        return pairs[which % len(pairs)]

    @precondition(lambda self: any(worker.at for worker in self.workers))
    @rule(which=st.integers(0, 99))
    def renew(self, which: int) -> None:
        worker, job_id = self._one(which)
        job, ends = worker.at[job_id]
        if self.run(self.repository.renew(job, worker.id, until=self.now + LEASE)):
            self._check_only(worker, job_id)
            worker.at[job_id] = (job, self.now + LEASE)
        else:
            assert ends <= self.now
            del worker.at[job_id]

    @precondition(lambda self: any(worker.at for worker in self.workers))
    @rule(which=st.integers(0, 99), outcome=st.sampled_from(["done", "again", "not now", "failed"]))
    def finish(self, which: int, outcome: str) -> None:
        """Also too late: a worker that was asleep says so before it looks at the clock."""
        self._finish(*self._one(which), outcome)

    def _finish(self, worker: ModelWorker, job_id: UUID, outcome: str) -> None:
        job, ends = worker.at.pop(job_id)
        if outcome == "done":
            said = self.repository.done(job, worker.id)
        elif outcome == "failed" or (outcome == "again" and job.attempt == MAX_ATTEMPTS):
            said, outcome = self.repository.failed(job, worker.id, now=self.now, reason="no"), "failed"
        else:
            is_attempt = outcome == "again"
            said = self.repository.later(job, worker.id, not_before=self._moment(0), reason="no", is_attempt=is_attempt)
        if not self.run(said):
            assert ends <= self.now
            return
        self._check_only(worker, job_id)
        if outcome in ("done", "failed"):
            self._ended(job_id, failed=outcome == "failed")

    def _check_only(self, worker: ModelWorker, job_id: UUID) -> None:
        assert job_id in self.unfinished
        assert not any(self._may_do(other, job_id) for other in self.workers if other is not worker)

    @rule(who=st.integers(0, WORKERS - 1))
    def die(self, who: int) -> None:
        self.workers[who] = ModelWorker()

    @rule(who=st.integers(0, WORKERS - 1), stuck=st.booleans())
    def stop(self, who: int, stuck: bool) -> None:
        """A worker gives back what it is at, but for one job that would not stop."""
        worker = self.workers[who]
        keeping = set(list(worker.at)[:1]) if stuck else set()
        self.run(self.repository.give_back(worker.id, keeping=keeping))
        worker.at = {job_id: held for job_id, held in worker.at.items() if job_id in keeping}

    @rule(seconds=st.sampled_from([7, 20, 60]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def none_is_lost(self) -> None:
        rows = self.run(kept(self.database))
        assert {row.id for row in rows if row.failed_at is None} == self.unfinished
        assert {row.id for row in rows if row.failed_at is not None} == self.failed
        assert all(0 <= row.attempts <= MAX_ATTEMPTS for row in rows)


async def _with_organizations(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    rows = [
        {"id": each, "slug": slug, "name": slug, "content_hash_seed": 1, "created_at": datetime.now(UTC)}
        for each, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    await database.close()


@pytest.mark.slow
def test_jobs_follow_the_model(tmp_path: Path) -> None:
    path = tmp_path / "template.db"
    migrate(f"sqlite:///{path}")
    asyncio.run(_with_organizations(path))
    WorkersAndJobs.template = path
    case = WorkersAndJobs.TestCase
    case.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
    case().runTest()
