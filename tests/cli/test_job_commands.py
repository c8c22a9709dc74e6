"""``tocsin jobs`` over a database, without a server."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from sqlalchemy import insert, update
from typer.testing import CliRunner

from tocsin.accounts.tables import OrganizationRow
from tocsin.cli.main import app
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.jobs.repository import JobsRepository
from tocsin.jobs.tables import JobRow
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import TocsinError
from tocsin.kit.settings import read_settings

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command beside a data directory, and returns its standard output."""
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["jobs", *arguments])
        if isinstance(result.exception, TocsinError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    yield run
    # Commands send what rooms log to the standard error of their process, which here is one test's.
    structlog.reset_defaults()


@pytest.fixture
def failed_job(tmp_path: Path) -> UUID:
    """A job that was given up, and one that waits beside it."""
    settings = read_settings({"TOCSIN_DATA_DIR": str(tmp_path)}, tmp_path)
    return asyncio.run(_make_jobs(settings.database_url))


async def _make_jobs(url: str) -> UUID:
    database, now = Database(url), utc_now(SystemClock())
    await database.migrate()
    async with database.session(ALL_ORGANIZATIONS) as session:
        values = {"id": ORGANIZATION, "slug": "shop", "name": "shop", "content_hash_seed": 1, "created_at": now}
        await session.execute(insert(OrganizationRow).values(values))
    later = now + timedelta(hours=1)
    repository = JobsRepository(database)
    waiting = await repository.add(ORGANIZATION, "waits", {}, key=None, not_before=later, now=now)
    failed = await repository.add(ORGANIZATION, "note", {"number": 1}, key=None, not_before=now, now=now)
    async with database.session(ALL_ORGANIZATIONS) as session:
        given_up = update(JobRow).where(JobRow.id == failed)
        await session.execute(given_up.values(failed_at=now, attempts=3, reason="its process died\x1b[2J 3 times"))
    await database.close()
    assert waiting is not None
    assert failed is not None
    return failed


def test_jobs_are_shown_with_their_reasons(run: Run, failed_job: UUID) -> None:
    shown = run("list")
    assert f"{failed_job}  failed at " in shown
    assert f"  note, begun 3 times, organization {ORGANIZATION}" in shown
    # What a reason holds steers no terminal.
    assert "  its process died\\e[2J 3 times" in shown
    assert "waiting until " in shown
    assert "waiting" not in run("list", "--failed")


def test_jobs_are_printed_for_programs(run: Run, failed_job: UUID) -> None:
    [printed] = json.loads(run("list", "--failed", "--json"))
    assert (printed["id"], printed["state"], printed["attempts"]) == (str(failed_job), "failed", 3)
    assert (printed["kind"], printed["payload"]) == ("note", {"number": 1})


def test_a_job_is_tried_again(run: Run, failed_job: UUID) -> None:
    assert run("retry", str(failed_job)) == f"{failed_job} waits for a server again\n"
    assert json.loads(run("list", "--failed", "--json")) == []
    with pytest.raises(TocsinError, match="given up"):
        run("retry", str(failed_job))


def test_a_place_without_a_database_says_so(run: Run, tmp_path: Path) -> None:
    with pytest.raises(TocsinError, match="no database"):
        run("list")
    assert list(tmp_path.iterdir()) == []
