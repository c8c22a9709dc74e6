"""Jobs without a server, for who has the database at hand. Not quick to import."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from sqlalchemy import make_url

from tocsin.cli.client import CommandFailed
from tocsin.database.service import Database
from tocsin.jobs.administration import JobsAdministration
from tocsin.kit.clock import SystemClock
from tocsin.kit.settings import Settings


@asynccontextmanager
async def local_jobs(settings: Settings) -> AsyncIterator[JobsAdministration]:
    """The jobs in the database of the settings.

    Raises:
        CommandFailed: it is a file that no server has made yet.
    """
    # What a room logs is no part of a command's output.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    database = Database(settings.database_url)
    try:
        _check_is_there(settings.database_url)
        yield JobsAdministration(database, clock=SystemClock())
    finally:
        await database.close()


def _check_is_there(database_url: str) -> None:
    """SQLite would make the file, and leave it there without a table."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise CommandFailed(
            f"there is no database at {url.database}: run this beside the data directory of a server, "
            "or with its TOCSIN_DATA_DIR or TOCSIN_DATABASE_URL"
        )
