"""Looks around: files, the disk, the database, a running server. Changes nothing, and judges nothing."""

import asyncio
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tocsin.accounts.first_password import first_password_pending
from tocsin.accounts.signing_keys import SIGNING_KEY_FILE
from tocsin.cli.client import server_url
from tocsin.database.roles import DatabaseRole, current_role
from tocsin.database.service import Database
from tocsin.kit.errors import TocsinError
from tocsin.kit.settings import DATABASE_FILE, DOTENV_NAME, Settings

LOOK_SECONDS = 5.0
"""What takes longer to answer counts as not reachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen; None for what could not be."""

    #: The permissions of what should be its owner's alone, where it is there.
    modes: dict[Path, int] = field(default_factory=dict)
    free_disk_bytes: int | None = None
    has_started_before: bool = False
    database_problem: str | None = None
    #: None on SQLite too, which has no roles.
    role: DatabaseRole | None = None
    first_password_pending: bool | None = None
    server_version: str | None = None
    metrics_are_open: bool | None = None


async def look_around(settings: Settings, directory: Path) -> Seen:
    """What can be seen from the directory that the settings were read in."""
    data_dir = settings.server.data_dir
    private = (directory / DOTENV_NAME, data_dir, data_dir / SIGNING_KEY_FILE)
    problem, role, pending = await _ask_database(settings)
    version, metrics_are_open = await _ask_server(server_url(settings, of_this_machine=True))
    return Seen(
        modes={path: stat.S_IMODE(path.stat().st_mode) for path in private if path.exists()},
        free_disk_bytes=shutil.disk_usage(data_dir).free if data_dir.exists() else None,
        has_started_before=pending is not None or (data_dir / SIGNING_KEY_FILE).exists(),
        database_problem=problem,
        role=role,
        first_password_pending=pending,
        server_version=version,
        metrics_are_open=metrics_are_open,
    )


async def _ask_database(settings: Settings) -> tuple[str | None, DatabaseRole | None, bool | None]:
    if settings.database.url is None and not (settings.server.data_dir / DATABASE_FILE).exists():
        # Asking would make it.
        return None, None, None
    try:
        database = Database(settings.database_url)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return None, await current_role(database), await first_password_pending(database)
        finally:
            await database.close()
    except TimeoutError:
        return f"no answer in {LOOK_SECONDS:g} s", None, None
    except TocsinError as error:
        return error.detail, None, None


async def _ask_server(url: str) -> tuple[str | None, bool | None]:
    """The version of the server there, and whether it shows its metrics to who shows nothing."""
    try:
        async with httpx.AsyncClient(base_url=url, timeout=LOOK_SECONDS) as client:
            version = str((await client.get("/healthz")).json()["version"])
            return version, (await client.get("/metrics")).is_success
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return None, None
