"""What an operator sees of jobs, and how one that was given up is tried again."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import ORGANIZATION, OTHER_ORGANIZATION, claim
from tocsin.database.service import Database
from tocsin.jobs import administration
from tocsin.jobs.administration import JobsAdministration, JobState
from tocsin.jobs.repository import JobsRepository
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import NotFound

HOUR = timedelta(hours=1)


@pytest.fixture
def jobs(organizations: Database) -> JobsAdministration:
    return JobsAdministration(organizations, clock=SystemClock())


async def fail(repository: JobsRepository, reason: str = "the receiver says no") -> UUID:
    now, worker = utc_now(SystemClock()), uuid4()
    await repository.add(ORGANIZATION, "note", {"number": 1}, key=None, not_before=now, now=now)
    [job] = (await repository.lease(claim(worker, now=now))).jobs
    await repository.failed(job, worker, now=now, reason=reason)
    return job.id


async def test_jobs_are_listed_with_their_state(repository: JobsRepository, jobs: JobsAdministration) -> None:
    now, worker = utc_now(SystemClock()), uuid4()
    failed = await fail(repository)
    await repository.add(ORGANIZATION, "note", {}, key=None, not_before=now, now=now)
    await repository.lease(claim(worker, now=now, until=now + HOUR))
    await repository.add(OTHER_ORGANIZATION, "note", {}, key=None, not_before=now + HOUR, now=now)
    listed = await jobs.listed()
    assert [(job.organization_id, job.state, job.attempts) for job in listed] == [
        (ORGANIZATION, JobState.FAILED, 1),
        (ORGANIZATION, JobState.RUNNING, 1),
        (OTHER_ORGANIZATION, JobState.WAITING, 0),
    ]
    assert [job.at for job in listed[1:]] == [now + HOUR, now + HOUR]
    assert listed[0].at >= now
    [only] = await jobs.listed(only_failed=True)
    assert (only.id, only.kind, only.payload, only.reason) == (failed, "note", {"number": 1}, "the receiver says no")


async def test_the_list_ends(
    repository: JobsRepository, jobs: JobsAdministration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administration, "MAX_LISTED", 2)
    failed = [await fail(repository) for _ in range(3)]
    assert [job.id for job in await jobs.listed()] == [failed[2], failed[1]]


async def test_a_job_that_was_given_up_can_be_tried_again(repository: JobsRepository, jobs: JobsAdministration) -> None:
    failed = await fail(repository)
    await jobs.retry(failed)
    [listed] = await jobs.listed()
    assert (listed.state, listed.attempts, listed.reason) == (JobState.WAITING, 0, None)
    [job] = (await repository.lease(claim(uuid4(), now=utc_now(SystemClock())))).jobs
    assert (job.id, job.attempt) == (failed, 1)


async def test_only_what_was_given_up_is_tried_again(repository: JobsRepository, jobs: JobsAdministration) -> None:
    now, worker = utc_now(SystemClock()), uuid4()
    added = await repository.add(ORGANIZATION, "note", {}, key=None, not_before=now, now=now)
    assert added is not None
    [job] = (await repository.lease(claim(worker, now=now, until=now + HOUR))).jobs
    for job_id in (added, uuid4()):
        with pytest.raises(NotFound, match=f"given up has the id {job_id}"):
            await jobs.retry(job_id)
    assert await repository.done(job, worker)
