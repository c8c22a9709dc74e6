"""Rows of jobs: one lease at a time, shares of organizations, and what is given up."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import ORGANIZATION, OTHER_ORGANIZATION, claim, kept, none_left
from tocsin.database.service import Database
from tocsin.jobs.repository import JobsRepository, KindCounts, backoff
from tocsin.kit.clock import SystemClock, utc_now

NOW = utc_now(SystemClock())


async def add(repository: JobsRepository, organization_id: UUID = ORGANIZATION, *, at: datetime = NOW) -> UUID:
    added = await repository.add(organization_id, "note", {}, key=None, not_before=at, now=at)
    assert added is not None
    return added


async def test_only_whoever_has_the_lease_ends_a_job(repository: JobsRepository, organizations: Database) -> None:
    now, first, second = utc_now(SystemClock()), uuid4(), uuid4()
    await repository.add(ORGANIZATION, "note", {}, key=None, not_before=now, now=now)
    [job] = (await repository.lease(claim(first, now=now))).jobs
    assert (await repository.lease(claim(second, now=now))).jobs == ()
    after = now + timedelta(seconds=2)
    [again] = (await repository.lease(claim(second, now=after))).jobs
    assert (again.id, again.attempt) == (job.id, 2)
    assert not await repository.renew(job, first, until=after)
    assert not await repository.done(job, first)
    assert not await repository.later(job, first, not_before=after, reason="")
    assert not await repository.failed(job, first, now=after, reason="")
    assert len(await kept(organizations)) == 1
    assert await repository.done(again, second)
    assert await none_left(organizations)


def test_pauses_grow_to_five_minutes() -> None:
    assert [backoff(attempt, jitter=0).total_seconds() for attempt in (1, 2, 3, 9, 10, 100)] == [1, 2, 4, 256, 300, 300]
    assert backoff(1, jitter=1).total_seconds() == 1.5


async def test_a_job_whose_process_dies_each_time_is_given_up(
    repository: JobsRepository, organizations: Database
) -> None:
    added = await repository.add(ORGANIZATION, "note", {}, key="a", not_before=NOW, now=NOW)
    for attempt in (1, 2, 3):
        now = NOW + timedelta(seconds=2 * attempt)
        claimed = await repository.lease(claim(uuid4(), now=now, max_attempts=3))
        assert [job.attempt for job in claimed.jobs] == [attempt]
    now = NOW + timedelta(seconds=8)
    claimed = await repository.lease(claim(uuid4(), now=now, max_attempts=3))
    assert claimed.jobs == ()
    assert [(job.id, reason) for job, reason in claimed.given_up] == [(added, "its process died 3 times")]
    [row] = await kept(organizations)
    assert (row.failed_at, row.reason, row.key, row.leased_by) == (now, "its process died 3 times", None, None)
    later = claim(uuid4(), now=now + timedelta(seconds=2), max_attempts=3)
    assert await repository.lease(later) == await repository.lease(claim(uuid4(), now=NOW - timedelta(days=1)))


async def test_what_failed_before_its_process_died_is_said(repository: JobsRepository, organizations: Database) -> None:
    await add(repository)
    worker = uuid4()
    [job] = (await repository.lease(claim(worker, now=NOW, max_attempts=2))).jobs
    assert await repository.later(job, worker, not_before=NOW, reason="the receiver says no")
    await repository.lease(claim(worker, now=NOW, max_attempts=2))
    await repository.lease(claim(worker, now=NOW + timedelta(seconds=2), max_attempts=2))
    [row] = await kept(organizations)
    assert row.reason == ("its process died at the last of 2 attempts; one before it ended with: the receiver says no")


async def test_an_organization_gets_no_more_than_its_share(repository: JobsRepository) -> None:
    for _ in range(6):
        await add(repository)
    await add(repository, OTHER_ORGANIZATION, at=NOW + timedelta(seconds=1))

    async def organizations_of(places: int, held: dict[UUID, int]) -> list[UUID]:
        asked = claim(uuid4(), now=NOW + timedelta(seconds=1), places=places, places_an_organization=4, held=held)
        claimed = await repository.lease(asked)
        taken = sorted(job.organization_id for job in claimed.jobs)
        await repository.give_back(asked.worker)
        return taken

    assert await organizations_of(10, {}) == [ORGANIZATION] * 4 + [OTHER_ORGANIZATION]
    assert await organizations_of(10, {ORGANIZATION: 3}) == [ORGANIZATION, OTHER_ORGANIZATION]
    assert await organizations_of(10, {ORGANIZATION: 4}) == [OTHER_ORGANIZATION]
    # Who has fewer comes first, and then who has waited longer.
    assert await organizations_of(1, {ORGANIZATION: 1}) == [OTHER_ORGANIZATION]
    assert await organizations_of(1, {}) == [ORGANIZATION]


async def test_a_worker_does_not_lease_again_what_it_is_at(repository: JobsRepository) -> None:
    job_id, worker, after = await add(repository), uuid4(), NOW + timedelta(seconds=2)
    [job] = (await repository.lease(claim(worker, now=NOW))).jobs
    assert (await repository.lease(claim(worker, now=after, running={job_id}))).jobs == ()
    # Nobody else has taken it: it is still this worker's to renew.
    assert await repository.renew(job, worker, until=after)


async def test_a_lease_that_the_same_worker_took_anew_is_another(repository: JobsRepository) -> None:
    await add(repository)
    worker, after = uuid4(), NOW + timedelta(seconds=2)
    [first] = (await repository.lease(claim(worker, now=NOW))).jobs
    [second] = (await repository.lease(claim(worker, now=after))).jobs
    assert not await repository.renew(first, worker, until=after)
    assert not await repository.done(first, worker)
    assert await repository.done(second, worker)


async def test_what_was_no_attempt_is_not_counted(repository: JobsRepository) -> None:
    await add(repository)
    worker = uuid4()
    for is_attempt, next_attempt in ((False, 1), (True, 2), (False, 2)):
        [job] = (await repository.lease(claim(worker, now=NOW))).jobs
        assert await repository.later(job, worker, not_before=NOW, reason="no room", is_attempt=is_attempt)
        [job] = (await repository.lease(claim(worker, now=NOW))).jobs
        assert job.attempt == next_attempt
        await repository.give_back(worker)


async def test_what_would_not_stop_keeps_its_lease(repository: JobsRepository, organizations: Database) -> None:
    stuck, stopped, worker = await add(repository), await add(repository), uuid4()
    await repository.lease(claim(worker, now=NOW))
    await repository.give_back(worker, keeping={stuck})
    leases = {row.id: (row.leased_by, row.attempts) for row in await kept(organizations)}
    assert leases == {stuck: (worker, 1), stopped: (None, 0)}


async def test_jobs_are_counted_by_kind(repository: JobsRepository) -> None:
    for _ in range(4):
        await add(repository)
    await repository.add(ORGANIZATION, "other", {}, key=None, not_before=NOW + timedelta(days=1), now=NOW)
    worker = uuid4()
    claimed = await repository.lease(claim(worker, now=NOW, places=2))
    await repository.failed(claimed.jobs[0], worker, now=NOW, reason="")
    assert await repository.counts(NOW) == {
        "note": KindCounts(waiting=2, failed=1),
        "other": KindCounts(waiting=1, failed=0),
    }
    # A lease that has ended holds nobody.
    assert (await repository.counts(NOW + timedelta(seconds=1)))["note"].waiting == 3


async def test_what_was_given_up_long_ago_is_forgotten(repository: JobsRepository, organizations: Database) -> None:
    await add(repository)
    waits = await add(repository, OTHER_ORGANIZATION)
    worker = uuid4()
    [job] = [
        each for each in (await repository.lease(claim(worker, now=NOW))).jobs if each.organization_id == ORGANIZATION
    ]
    await repository.failed(job, worker, now=NOW, reason="")
    await repository.forget_failed(NOW)
    assert len(await kept(organizations)) == 2
    await repository.forget_failed(NOW + timedelta(seconds=1))
    assert [row.id for row in await kept(organizations)] == [waits]


async def test_looking_in_vain_writes_nothing(
    repository: JobsRepository, organizations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(repository, at=NOW + timedelta(hours=1))

    def refuse(*_: object) -> None:
        raise AssertionError("a session that writes")

    monkeypatch.setattr(organizations, "session", refuse)
    assert (await repository.lease(claim(uuid4(), now=NOW))).jobs == ()
    await repository.forget_failed(NOW)
    await repository.counts(NOW)
