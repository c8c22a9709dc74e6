"""What a worker does when leases are lost, the database fails, handlers will not stop, and processes die."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from tests.jobs.conftest import ORGANIZATION, Workers, kept, none_left
from tests.support.reading import eventually
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.backends import leased
from tocsin.jobs.backends.leased import LeasedJobs
from tocsin.jobs.ports import Job
from tocsin.jobs.repository import Claim, Claimed, JobsRepository
from tocsin.jobs.tables import JobRow
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import ServiceUnavailable

Renew = Callable[..., Awaitable[bool]]


class Endless:
    """A handler that ends only by being cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _job: Job) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


async def _change(database: Database, **values: object) -> None:
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(update(JobRow).values(**values))


async def _begin(worker: LeasedJobs, handler: Endless) -> None:
    worker.handle("endless", handler)
    await worker.start()
    await worker.add(ORGANIZATION, "endless", {})
    await asyncio.wait_for(handler.begun.wait(), 10)


async def test_a_job_that_another_worker_has_taken_is_cancelled(workers: Workers, organizations: Database) -> None:
    handler, thief = Endless(), uuid4()
    before = _sample("tocsin_jobs_attempts_total", kind="endless", outcome="lost")
    await _begin(workers(lease_seconds=2), handler)
    await _change(organizations, leased_by=thief, leased_until=utc_now(SystemClock()) + timedelta(hours=1))
    await asyncio.wait_for(handler.cancelled.wait(), 10)
    [row] = await kept(organizations)
    assert row.leased_by == thief
    after = await eventually(
        lambda: _later_sample("tocsin_jobs_attempts_total", kind="endless", outcome="lost"), lambda seen: seen > before
    )
    assert after == before + 1


async def _not_ours(*_: object, **__: object) -> bool:
    return False


async def _refuses(*_: object, **__: object) -> bool:
    raise RuntimeError("the driver is broken")


async def _hangs(*_: object, **__: object) -> bool:
    await asyncio.Event().wait()
    return True


@pytest.mark.parametrize("renew", [_not_ours, _refuses, _hangs])
async def test_a_job_is_cancelled_when_its_lease_is_over(
    workers: Workers, repository: JobsRepository, monkeypatch: pytest.MonkeyPatch, renew: Renew
) -> None:
    monkeypatch.setattr(repository, "renew", renew)
    handler = Endless()
    await _begin(workers(lease_seconds=1), handler)
    await asyncio.wait_for(handler.cancelled.wait(), 10)


async def test_a_renewal_that_failed_is_made_again(
    workers: Workers, repository: JobsRepository, organizations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew, renewals, renewed, begun = repository.renew, 0, asyncio.Event(), []

    async def fails_at_first(job: Job, worker: UUID, **until: object) -> bool:
        nonlocal renewals
        renewals += 1
        if renewals == 1:
            raise ServiceUnavailable("the database is away", retry_after_seconds=1)
        is_ours = await renew(job, worker, **until)  # type: ignore[arg-type]
        renewed.set()
        return is_ours

    async def long(job: Job) -> None:
        begun.append(job.attempt)
        await renewed.wait()

    monkeypatch.setattr(repository, "renew", fails_at_first)
    worker = workers(lease_seconds=6)
    worker.handle("long", long)
    await worker.start()
    await worker.add(ORGANIZATION, "long", {})
    assert await eventually(lambda: none_left(organizations), bool)
    assert begun == [1]
    assert renewed.is_set()


async def test_trouble_with_one_kind_keeps_no_other_waiting(
    workers: Workers, repository: JobsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, done = repository.lease, asyncio.Event()

    async def fails_for_one(claim: Claim) -> Claimed:
        if claim.kind == "troubled":
            raise ServiceUnavailable("locked", retry_after_seconds=1)
        if claim.kind == "broken":
            raise RuntimeError("a defect")
        return await lease(claim)

    async def do(_job: Job) -> None:
        done.set()

    monkeypatch.setattr(repository, "lease", fails_for_one)
    worker = workers()
    for kind in ("troubled", "broken", "well"):
        worker.handle(kind, do)
    await worker.start()
    await worker.add(ORGANIZATION, "well", {})
    await asyncio.wait_for(done.wait(), 10)


async def test_a_job_whose_processes_died_is_given_up_and_said(workers: Workers, organizations: Database) -> None:
    handler, worker = Endless(), workers()
    worker.handle("endless", handler, max_attempts=3)
    await worker.add(ORGANIZATION, "endless", {})
    ago = utc_now(SystemClock()) - timedelta(seconds=1)
    await _change(organizations, attempts=3, leased_by=uuid4(), leased_until=ago)

    async def given_up() -> bool:
        return (await kept(organizations))[0].failed_at is not None

    with capture_logs() as logs:
        await worker.start()
        assert await eventually(given_up, bool)
        await worker.close()
    [row] = await kept(organizations)
    assert row.reason == "its process died 3 times"
    assert not handler.begun.is_set()
    [said] = [log for log in logs if log["event"] == "jobs.given_up"]
    assert (said["job_id"], said["attempts"], said["reason"]) == (str(row.id), 3, row.reason)


async def test_a_worker_that_stops_lets_short_jobs_end(workers: Workers, organizations: Database) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def short(_job: Job) -> None:
        begun.set()
        await may_end.wait()

    worker = workers(close_seconds=30)
    worker.handle("short", short)
    await worker.start()
    await worker.add(ORGANIZATION, "short", {})
    await asyncio.wait_for(begun.wait(), 10)
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0.05)
    may_end.set()
    await closing
    assert await none_left(organizations)


async def test_what_will_not_stop_is_left_behind_with_its_lease(
    workers: Workers, organizations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased, "CANCEL_SECONDS", 0.05)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def stubborn(_job: Job) -> None:
        begun.set()
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue

    worker = workers()
    worker.handle("stubborn", stubborn)
    await worker.start()
    await worker.add(ORGANIZATION, "stubborn", {})
    await asyncio.wait_for(begun.wait(), 10)
    try:
        async with asyncio.timeout(10):
            await worker.close()
        [row] = await kept(organizations)
        assert (row.leased_by is None, row.attempts) == (False, 1)
    finally:
        may_end.set()
    assert await eventually(lambda: none_left(organizations), bool)


async def test_closing_waits_for_no_database(
    workers: Workers, repository: JobsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased, "CANCEL_SECONDS", 0.05)
    monkeypatch.setattr(repository, "give_back", _hangs)
    worker = workers()
    await worker.start()
    async with asyncio.timeout(10):
        await worker.close()


async def test_an_idle_worker_writes_nothing(
    workers: Workers, organizations: Database, repository: JobsRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, looks, forgets, lease, session = [], 0, 0, repository.lease, organizations.session
    forget = repository.forget_failed

    def noted(scope: UUID) -> object:
        writes.append(scope)
        return session(scope)

    async def look(claim: Claim) -> Claimed:
        nonlocal looks
        looks += 1
        return await lease(claim)

    async def forget_failed(before: datetime) -> None:
        nonlocal forgets
        forgets += 1
        await forget(before)

    async def looked() -> int:
        return looks

    worker = workers()
    worker.handle("endless", Endless())
    await worker.add(ORGANIZATION, "endless", {}, not_before=utc_now(SystemClock()) + timedelta(hours=1))
    monkeypatch.setattr(organizations, "session", noted)
    monkeypatch.setattr(repository, "lease", look)
    monkeypatch.setattr(repository, "forget_failed", forget_failed)
    await worker.start()
    assert await eventually(looked, lambda seen: seen > 3) > 3
    assert (writes, forgets) == ([], 1)


async def test_jobs_are_counted_for_metrics(workers: Workers, organizations: Database) -> None:
    async def gauges() -> list[float]:
        names = ("tocsin_jobs_running", "tocsin_jobs_waiting", "tocsin_jobs_failed")
        return [_sample(name, kind="counted") for name in names]

    handler, first = Endless(), workers()
    first.handle("counted", handler)
    await first.add(ORGANIZATION, "counted", {})
    await _change(organizations, failed_at=utc_now(SystemClock()))
    for pause in (timedelta(0), timedelta(hours=1), timedelta(hours=1)):
        await first.add(ORGANIZATION, "counted", {}, not_before=utc_now(SystemClock()) + pause)
    await first.start()
    assert await eventually(gauges, lambda seen: seen == [1, 2, 1]) == [1, 2, 1]
    await first.close()
    assert (await gauges())[0] == 0


async def test_a_kind_that_is_gone_is_counted_no_more(
    workers: Workers, organizations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased, "COUNT_SECONDS", 0.0)

    async def waiting() -> float | None:
        return REGISTRY.get_sample_value("tocsin_jobs_waiting", {"kind": "abandoned"})

    worker = workers()
    await worker.add(ORGANIZATION, "abandoned", {})
    await worker.start()
    # Nobody does them: just then their number matters.
    assert await eventually(waiting, lambda seen: seen == 1) == 1
    async with organizations.session(ALL_ORGANIZATIONS) as session:
        await session.execute(delete(JobRow))
    assert await eventually(waiting, lambda seen: seen is None) is None


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def _later_sample(name: str, **labels: str) -> float:
    return _sample(name, **labels)
