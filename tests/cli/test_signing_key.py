import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from sqlalchemy import update

from tocsin.accounts.contracts import FirstStart, Origin, Scope
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SIGNING_KEY_FILE, SigningKeys, add_signing_key, load_signing_keys
from tocsin.accounts.tables import ApiKeyRow
from tocsin.cli.client import CommandFailed
from tocsin.cli.signing_key import check_nothing_depends_on_old_keys, key_directory, outdated_secrets
from tocsin.cli.signing_key_commands import drop_old
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock
from tocsin.kit.settings import Settings, read_settings
from tocsin.limits.backends.memory import MemoryRateLimiter
from tocsin.notifications.contracts import Channel, ChannelKind
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.sealing import Sealer


@dataclass
class Rotated:
    """An installation with one API key, whose signing key has been changed since; no server runs."""

    settings: Settings
    first_start: FirstStart

    @asynccontextmanager
    async def accounts(self) -> AsyncIterator[AccountsService]:
        """Accounts as a process has them that was started after the change."""
        database = Database(self.settings.database_url)
        keys = load_signing_keys(self.settings.server.data_dir)
        try:
            yield AccountsService(
                database, signing_keys=keys, clock=SystemClock(), limiter=MemoryRateLimiter(SystemClock())
            )
        finally:
            await database.close()

    def happened(self, *, ago: timedelta) -> None:
        """Make the change of the key that long ago."""
        moment = (datetime.now(UTC) - ago).timestamp()
        os.utime(self.settings.server.data_dir / SIGNING_KEY_FILE, (moment, moment))


@pytest.fixture
async def rotated(tmp_path: Path) -> Rotated:
    settings = read_settings({"TOCSIN_DATA_DIR": str(tmp_path)}, tmp_path)
    database = Database(settings.database_url)
    await database.migrate()
    before = AccountsService(
        database,
        signing_keys=load_signing_keys(tmp_path),
        clock=SystemClock(),
        limiter=MemoryRateLimiter(SystemClock()),
    )
    first_start = await before.first_start()
    assert first_start is not None
    sign_in = await before.login(first_start.admin_email, first_start.admin_password, Origin("test"))
    principal = await before.principal_of(sign_in.access.token)
    await before.personal_tokens.create(
        principal, name="ci", scopes=[Scope.LOGS_READ], expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    await database.close()
    add_signing_key(tmp_path)
    return Rotated(settings, first_start)


async def use_and_revoke(rotated: Rotated) -> None:
    """Use the API key, revoke the personal access token: so ends what depends on the old signing key."""
    async with rotated.accounts() as accounts:
        await accounts.keys.authenticate(rotated.first_start.api_key)
        sign_in = await accounts.login(
            rotated.first_start.admin_email, rotated.first_start.admin_password, Origin("test")
        )
        principal = await accounts.principal_of(sign_in.access.token)
        [token] = await accounts.personal_tokens.all_of(principal)
        await accounts.personal_tokens.revoke(principal, token.id)


async def test_secrets_depend_on_an_old_signing_key_until_they_are_used_or_end(rotated: Rotated) -> None:
    async with rotated.accounts() as accounts:
        assert await accounts.count_hashed_with_older_keys() == 2
    await use_and_revoke(rotated)
    async with rotated.accounts() as accounts:
        assert await accounts.count_hashed_with_older_keys() == 0


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, 1),
        ({"expires_at": datetime.now(UTC) + timedelta(hours=1)}, 2),
        # Hashed before hashes named their key.
        ({"signing_key_id": None}, 2),
    ],
    ids=["expired", "expires", "nameless"],
)
async def test_an_api_key_counts_while_it_works(rotated: Rotated, given: dict[str, Any], count: int) -> None:
    database = Database(rotated.settings.database_url)
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(update(ApiKeyRow).values(given))
    await database.close()
    async with rotated.accounts() as accounts:
        assert await accounts.count_hashed_with_older_keys() == count


def test_old_keys_stay_while_refresh_tokens_may_depend_on_them(rotated: Rotated) -> None:
    rotated.happened(ago=timedelta(days=6, hours=23))
    with pytest.raises(CommandFailed, match="refresh tokens"):
        check_nothing_depends_on_old_keys(rotated.settings)


def test_old_keys_stay_while_secrets_depend_on_them(rotated: Rotated) -> None:
    rotated.happened(ago=timedelta(days=7, hours=1))
    with pytest.raises(CommandFailed, match=r"^2 API keys and personal access tokens are hashed"):
        check_nothing_depends_on_old_keys(rotated.settings)


@pytest.fixture
async def unneeded(rotated: Rotated) -> Rotated:
    """The same, when nothing depends on the old signing key any more."""
    await use_and_revoke(rotated)
    rotated.happened(ago=timedelta(days=7, hours=1))
    return rotated


def test_old_keys_may_go_when_nothing_depends_on_them(unneeded: Rotated) -> None:
    check_nothing_depends_on_old_keys(unneeded.settings)


def test_old_keys_stay_when_nobody_can_tell_what_depends_on_them(rotated: Rotated, tmp_path: Path) -> None:
    rotated.happened(ago=timedelta(days=8))
    environment = {"TOCSIN_DATA_DIR": str(tmp_path), "TOCSIN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    settings = read_settings(environment, tmp_path)
    assert outdated_secrets(settings) is None
    with pytest.raises(CommandFailed, match="can't be asked"):
        check_nothing_depends_on_old_keys(settings)


def test_counting_makes_no_database_where_there_is_none(tmp_path: Path) -> None:
    load_signing_keys(tmp_path)
    assert outdated_secrets(read_settings({"TOCSIN_DATA_DIR": str(tmp_path)}, tmp_path)) is None
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_a_configured_key_is_changed_where_it_is_configured(rotated: Rotated, tmp_path: Path) -> None:
    environment = {"TOCSIN_DATA_DIR": str(tmp_path), "TOCSIN_SIGNING_KEY": "a configured key of enough characters"}
    settings = read_settings(environment, tmp_path)
    with pytest.raises(CommandFailed, match="TOCSIN_SIGNING_KEY: put it in front, and restart") as refusal:
        key_directory(settings, instead="put it in front")
    assert "hashed" not in refusal.value.detail
    with pytest.raises(CommandFailed, match="2 API keys and personal access tokens are hashed"):
        key_directory(settings, instead="drop it", counted=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change a file that is another's")
def test_the_key_stays_the_servers_when_root_changes_it(rotated: Rotated) -> None:
    path = rotated.settings.server.data_dir / SIGNING_KEY_FILE
    os.chown(path, 12_345, 54_321)
    add_signing_key(path.parent)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12_345, 54_321, 0o600)


def test_nothing_is_made_where_there_is_no_key_to_change(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="TOCSIN_DATA_DIR"):
        key_directory(read_settings({"TOCSIN_DATA_DIR": str(tmp_path)}, tmp_path), instead="")
    assert not list(tmp_path.iterdir())


@pytest.fixture(autouse=True)
def forgotten_logger() -> Iterator[None]:
    """Commands send what rooms log to the standard error of their process, which here is one test's."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("force", [False, True])
def test_the_only_key_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], force: bool
) -> None:
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(tmp_path))
    load_signing_keys(tmp_path)
    path = tmp_path / SIGNING_KEY_FILE
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino
    drop_old(force=force)
    assert capsys.readouterr().out == "there is only one key: nothing to drop\n"
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_force_says_how_many_secrets_end(
    rotated: Rotated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(rotated.settings.server.data_dir))
    drop_old(force=True)
    assert "personal access tokens that end by it: 2." in capsys.readouterr().out
    assert len(load_signing_keys(tmp_path)) == 1


def test_nothing_ends_when_nothing_depends_on_old_keys(
    unneeded: Rotated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(unneeded.settings.server.data_dir))
    drop_old()
    assert "personal access tokens that end by it: 0." in capsys.readouterr().out


def test_secrets_of_channels_outlive_the_signing_key_that_sealed_them(
    rotated: Rotated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(tmp_path))
    channel = Channel(
        id=uuid4(),
        organization_id=rotated.first_start.organization_id,
        name="team",
        kind=ChannelKind.SLACK,
        settings={},
        secret="https://hooks.example/x",
        per_minute=1,
        created_at=datetime.now(UTC),
    )

    async def secrets(keys: SigningKeys, *saved: Channel) -> list[str]:
        database = Database(rotated.settings.database_url)
        repository = NotificationsRepository(database, Sealer(keys))
        for each in saved:
            await repository.save_channel(each)
        found = await repository.channels(channel.organization_id)
        await database.close()
        return [each.secret for each in found]

    new, old = load_signing_keys(tmp_path)
    asyncio.run(secrets(SigningKeys((old,)), channel))
    assert asyncio.run(secrets(SigningKeys((new,)))) == [""]
    drop_old(force=True)
    assert len(load_signing_keys(tmp_path)) == 1
    assert asyncio.run(secrets(load_signing_keys(tmp_path))) == [channel.secret]
