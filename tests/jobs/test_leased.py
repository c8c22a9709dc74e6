"""Jobs are done once they are asked for: by one worker at a time, again after a failure, by another after a death."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.jobs.conftest import ORGANIZATION, OTHER_ORGANIZATION, Workers, kept, none_left
from tests.support.reading import eventually
from tocsin.database.service import Database
from tocsin.jobs.backends import leased
from tocsin.jobs.ports import Job, RetryLater
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import InvalidRequest


async def test_each_job_is_done_once_by_two_workers(workers: Workers, organizations: Database) -> None:
    done: Counter[int] = Counter()

    async def note(job: Job) -> None:
        await asyncio.sleep(0.01)
        done[job.payload["number"]] += 1

    both = [workers(), workers()]
    for each in both:
        each.handle("note", note)
        await each.start()
    for number in range(40):
        await both[number % 2].add(ORGANIZATION, "note", {"number": number})
    assert await eventually(lambda: none_left(organizations), bool)
    assert done == dict.fromkeys(range(40), 1)


async def test_a_key_is_kept_once(workers: Workers, organizations: Database) -> None:
    worker = workers()
    assert await worker.add(ORGANIZATION, "note", {}, key="a") is not None
    assert await worker.add(ORGANIZATION, "note", {}, key="a") is None
    assert await worker.add(ORGANIZATION, "other", {}, key="a") is not None
    assert await worker.add(OTHER_ORGANIZATION, "note", {}, key="a") is not None
    assert await worker.add(ORGANIZATION, "note", {}) is not None
    assert await worker.add(ORGANIZATION, "note", {}) is not None
    assert len(await kept(organizations)) == 5


async def test_what_fails_is_tried_again_and_given_up_with_its_reason(
    workers: Workers, organizations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased, "backoff", lambda _attempt, jitter: timedelta(milliseconds=jitter))
    attempts: list[int] = []

    async def refuse(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt == 1:
            raise RuntimeError("a secret that nobody should read")
        raise InvalidRequest("the receiver says no")

    worker = workers()
    worker.handle("refuse", refuse, max_attempts=3)
    await worker.start()
    await worker.add(ORGANIZATION, "refuse", {}, key="a")

    async def given_up() -> bool:
        return (await kept(organizations))[0].failed_at is not None

    assert await eventually(given_up, bool)
    [row] = await kept(organizations)
    assert (attempts, row.reason, row.key) == ([1, 2, 3], "the receiver says no", None)
    assert await worker.add(ORGANIZATION, "refuse", {}, key="a") is not None


async def test_a_handler_says_when_to_come_back(workers: Workers, organizations: Database) -> None:
    async def later(job: Job) -> None:
        if job.attempt == 1:
            raise RetryLater("the receiver is busy", after_seconds=3_600)

    worker = workers()
    worker.handle("later", later)
    await worker.start()
    before = utc_now(SystemClock())
    await worker.add(ORGANIZATION, "later", {})

    async def waits() -> bool:
        return (await kept(organizations))[0].reason is not None

    assert await eventually(waits, bool)
    [row] = await kept(organizations)
    assert row.reason == "the receiver is busy"
    assert row.not_before >= before + timedelta(hours=1)
    assert (row.leased_by, row.failed_at) == (None, None)


async def test_waiting_for_room_is_no_attempt(workers: Workers, organizations: Database) -> None:
    begun: list[int] = []

    async def no_room(job: Job) -> None:
        begun.append(job.attempt)
        if len(begun) < 4:
            raise RetryLater("no room", after_seconds=0, is_attempt=False)

    worker = workers()
    worker.handle("no room", no_room, max_attempts=2)
    await worker.start()
    await worker.add(ORGANIZATION, "no room", {})
    assert await eventually(lambda: none_left(organizations), bool)
    assert begun == [1, 1, 1, 1]


async def test_a_job_waits_for_its_time(workers: Workers, organizations: Database) -> None:
    done: list[str] = []

    async def note(job: Job) -> None:
        done.append(job.payload["name"])

    worker = workers()
    worker.handle("note", note)
    await worker.start()
    await worker.add(ORGANIZATION, "note", {"name": "later"}, not_before=utc_now(SystemClock()) + timedelta(hours=1))
    await worker.add(ORGANIZATION, "note", {"name": "now"})

    async def one_left() -> bool:
        return len(await kept(organizations)) == 1

    assert await eventually(one_left, bool)
    assert done == ["now"]


async def test_a_stuck_kind_and_a_busy_organization_keep_nobody_waiting(
    workers: Workers, organizations: Database
) -> None:
    never, done = asyncio.Event(), asyncio.Event()
    begun: Counter[str] = Counter()

    async def stuck(job: Job) -> None:
        begun[job.kind] += 1
        if job.organization_id == OTHER_ORGANIZATION:
            done.set()
        else:
            await never.wait()

    worker = workers()
    worker.handle("stuck", stuck)
    worker.handle("other", stuck)
    for _ in range(2 * leased.JOBS_AT_A_TIME):
        await worker.add(ORGANIZATION, "stuck", {})
        await worker.add(ORGANIZATION, "other", {})
    await worker.start()

    async def full() -> list[int]:
        return sorted(begun.values())

    limit = leased.ORGANIZATION_JOBS_AT_A_TIME
    assert await eventually(full, lambda seen: seen == [limit, limit]) == [limit, limit]
    # Only now, when the first organization has all the places that it gets.
    await worker.add(OTHER_ORGANIZATION, "other", {})
    await asyncio.wait_for(done.wait(), 10)
    assert begun == {"stuck": limit, "other": limit + 1}


async def test_a_long_job_keeps_its_lease(workers: Workers, organizations: Database) -> None:
    begun: list[int] = []

    async def long(job: Job) -> None:
        begun.append(job.attempt)
        await asyncio.sleep(7)

    for _ in range(2):
        worker = workers(lease_seconds=6)
        worker.handle("long", long)
        await worker.start()
    await worker.add(ORGANIZATION, "long", {})
    assert await eventually(lambda: none_left(organizations), bool)
    assert begun == [1]


async def test_a_worker_that_stops_gives_its_jobs_back(workers: Workers, organizations: Database) -> None:
    begun = asyncio.Event()

    async def endless(_job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = workers()
    worker.handle("endless", endless)
    await worker.start()
    await worker.add(ORGANIZATION, "endless", {})
    await asyncio.wait_for(begun.wait(), 10)
    await worker.close()
    [row] = await kept(organizations)
    assert (row.leased_by, row.leased_until, row.attempts) == (None, None, 0)


WORKER = """
import asyncio, sys
from tocsin.database.service import Database
from tocsin.jobs.backends.leased import LeasedJobs
from tocsin.jobs.repository import JobsRepository
from tocsin.kit.clock import SystemClock

async def main():
    jobs = LeasedJobs(JobsRepository(Database(sys.argv[1])), clock=SystemClock(), lease_seconds=2, poll_seconds=0.05)

    async def do(job):
        print(f"begun {job.attempt}", flush=True)
        if sys.argv[2] == "hang":
            await asyncio.Event().wait()
        print("done", flush=True)

    jobs.handle("note", do)
    await jobs.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_process_is_followed_by_another(
    workers: Workers, organizations: Database, database_url: str, tmp_path: Path
) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)

    def launch(how: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, script, database_url, how], stdout=subprocess.PIPE, text=True)

    await workers().add(ORGANIZATION, "note", {})
    for how, lines in (("hang", ["begun 1"]), ("end", ["begun 2", "done"])):
        process = launch(how)
        assert process.stdout is not None
        for line in lines:
            assert (await asyncio.to_thread(process.stdout.readline)).strip() == line
        if len(lines) > 1:
            assert await eventually(lambda: none_left(organizations), bool)
        process.send_signal(signal.SIGKILL)
        process.communicate()
