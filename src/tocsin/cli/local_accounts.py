"""Accounts without a server, for who has the signing key and the database at hand. Not quick to import."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import load_signing_keys
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock
from tocsin.kit.setting_kinds import revealed
from tocsin.kit.settings import Settings
from tocsin.limits.backends.memory import MemoryRateLimiter


@asynccontextmanager
async def local_accounts(settings: Settings) -> AsyncIterator[AccountsService]:
    """Accounts over the database and the keys of the settings.

    Raises:
        InvalidSettings, StartupError: as ``load_signing_keys``.
    """
    # What a room logs is no part of a command's output.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    keys = load_signing_keys(settings.server.data_dir, configured=revealed(settings.accounts.signing_key))
    clock = SystemClock()
    database = Database(settings.database_url)
    try:
        yield AccountsService(database, signing_keys=keys, clock=clock, limiter=MemoryRateLimiter(clock))
    finally:
        await database.close()
