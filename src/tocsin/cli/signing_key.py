"""The signing key in the data directory, and what depends on it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin.accounts.sessions import REFRESH_TOKEN_SECONDS
from tocsin.accounts.signing_keys import SIGNING_KEY_FILE, load_signing_keys
from tocsin.cli.client import CommandFailed
from tocsin.cli.local_accounts import local_accounts
from tocsin.database.service import Database
from tocsin.kit.errors import ServiceUnavailable
from tocsin.kit.setting_kinds import revealed
from tocsin.kit.settings import DATABASE_FILE, Settings
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.sealing import Sealer


def key_directory(settings: Settings, *, instead: str, counted: bool = False) -> Path:
    """The data directory, when the signing key in it is the one that counts.

    Raises:
        CommandFailed: the key is set elsewhere (the message says what to do ``instead``, and how many secrets depend
            on an older key where that is ``counted``), or there is none.
    """
    if settings.accounts.signing_key is not None:
        outdated = outdated_secrets(settings) if counted else None
        depending = "" if outdated is None else f"; {_depend(outdated)}"
        raise CommandFailed(
            f"the signing key comes from TOCSIN_SIGNING_KEY: {instead}, and restart every process{depending}"
        )
    directory = settings.server.data_dir
    if not (directory / SIGNING_KEY_FILE).is_file():
        raise CommandFailed(
            f"there is no signing key in {directory}: start the server first, "
            "or set TOCSIN_DATA_DIR to its data directory"
        )
    return directory


def check_nothing_depends_on_old_keys(settings: Settings) -> None:
    """Return when the old keys can go and nobody notices.

    Raises:
        CommandFailed: what was signed or hashed with them may still be in use.
    """
    # The file was written when its newest key was made; restored from a backup it looks younger than it is.
    path = settings.server.data_dir / SIGNING_KEY_FILE
    signs_since = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    ended_at = signs_since + timedelta(seconds=REFRESH_TOKEN_SECONDS)
    if datetime.now(UTC) < ended_at:
        raise CommandFailed(
            f"refresh tokens of before may be in use until {ended_at:%Y-%m-%d %H:%M} UTC: wait until then, "
            "or give --force, and people sign in again"
        )
    outdated = outdated_secrets(settings)
    if outdated is None:
        raise CommandFailed(
            "the database can't be asked what depends on the old keys: try again, or give --force, "
            "and every API key that was not used since ends"
        )
    if outdated:
        raise CommandFailed(
            f"{_depend(outdated)}: wait until each was used, revoke what nobody uses, or give --force, and they end"
        )


def reseal_channels(settings: Settings) -> int | None:
    """Seal the secrets of notification channels with the newest key; how many were not. None: nobody can do it."""
    return asyncio.run(_reseal_channels(settings))


async def _reseal_channels(settings: Settings) -> int | None:
    if not _has_database(settings):
        return None
    keys = load_signing_keys(settings.server.data_dir, configured=revealed(settings.accounts.signing_key))
    database = Database(settings.database_url)
    try:
        return await NotificationsRepository(database, Sealer(keys)).reseal()
    except ServiceUnavailable:
        return None
    finally:
        await database.close()


def outdated_secrets(settings: Settings) -> int | None:
    """How many API keys and personal access tokens work only with an older signing key; None: nobody can tell."""
    return asyncio.run(_outdated_secrets(settings))


async def _outdated_secrets(settings: Settings) -> int | None:
    if not _has_database(settings):
        return None
    try:
        async with local_accounts(settings) as accounts:
            return await accounts.count_hashed_with_older_keys()
    except ServiceUnavailable:
        return None


def _has_database(settings: Settings) -> bool:
    """Whether there may be one: asking a file would make it."""
    return settings.database.url is not None or (settings.server.data_dir / DATABASE_FILE).is_file()


def _depend(outdated: int) -> str:
    what = "API key or personal access token is" if outdated == 1 else "API keys and personal access tokens are"
    return f"{outdated:,} {what} hashed with an older key still"
