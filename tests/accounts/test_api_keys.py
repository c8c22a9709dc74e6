from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.accounts.conftest import Installation
from tocsin.accounts.fresh_reads import FRESH_SECONDS, STALE_SECONDS
from tocsin.accounts.tables import ApiKeyRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import InvalidRequest, NotFound, ServiceUnavailable, Unauthenticated


async def stored_key(database: Database, key_id: UUID) -> ApiKeyRow:
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        return (await session.scalars(select(ApiKeyRow).where(ApiKeyRow.id == key_id))).one()


async def test_a_key_is_good_for_its_organization_and_service_when_created(installation: Installation) -> None:
    organization_id = installation.first_start.organization_id
    issued = await installation.accounts.keys.create(organization_id, name="ci", default_service="checkout")
    identity = await installation.accounts.keys.authenticate(issued.secret)
    assert (identity.key_id, identity.organization_id) == (issued.key.id, organization_id)
    assert (identity.default_service, identity.allows_other_services) == ("checkout", False)


async def test_keys_are_listed_newest_first_when_there_are_several(installation: Installation) -> None:
    organization_id = installation.first_start.organization_id
    installation.clock.move(seconds=1)
    issued = await installation.accounts.keys.create(organization_id, name="ci", default_service="checkout")
    listed = await installation.accounts.keys.list(organization_id)
    assert [key.name for key in listed] == ["ci", "first key"]
    assert asdict(listed[0]) == asdict(issued.key)
    assert await installation.accounts.keys.list(uuid4()) == ()


async def test_a_key_is_refused_at_once_when_this_process_revoked_it(installation: Installation) -> None:
    first = installation.first_start
    identity = await installation.accounts.keys.authenticate(first.api_key)
    await installation.accounts.keys.revoke(first.organization_id, identity.key_id)
    with pytest.raises(Unauthenticated):
        await installation.accounts.keys.authenticate(first.api_key)
    [key] = await installation.accounts.keys.list(first.organization_id)
    assert key.revoked_at is not None


async def test_a_key_is_refused_within_five_seconds_when_another_process_revoked_it(
    installation: Installation,
) -> None:
    first, other = installation.first_start, installation.another_process()
    identity = await other.keys.authenticate(first.api_key)
    await installation.accounts.keys.revoke(first.organization_id, identity.key_id)
    installation.clock.move(seconds=5)
    with pytest.raises(Unauthenticated):
        await other.keys.authenticate(first.api_key)


async def test_revoking_keeps_the_first_time_when_done_again(installation: Installation) -> None:
    first, accounts = installation.first_start, installation.accounts
    identity = await accounts.keys.authenticate(first.api_key)
    await accounts.keys.revoke(first.organization_id, identity.key_id)
    [before] = await accounts.keys.list(first.organization_id)
    installation.clock.move(seconds=60)
    await accounts.keys.revoke(first.organization_id, identity.key_id)
    assert await accounts.keys.list(first.organization_id) == (before,)


async def test_revoking_fails_when_the_key_is_of_another_organization(installation: Installation) -> None:
    identity = await installation.accounts.keys.authenticate(installation.first_start.api_key)
    with pytest.raises(NotFound):
        await installation.accounts.keys.revoke(uuid4(), identity.key_id)
    await installation.accounts.keys.authenticate(installation.first_start.api_key)


@pytest.mark.parametrize(
    "change",
    [
        lambda secret: "",
        lambda secret: secret[:-1],
        lambda secret: secret + "x",
        lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        lambda secret: "svc_zzzzzzzz" + secret[12:],
        lambda secret: secret.replace("svc_", "SVC_"),
        lambda secret: secret + "\n",
        lambda secret: secret[:-1] + "é",
    ],
    ids=["empty", "cut", "longer", "last", "prefix", "case", "newline", "accent"],
)
async def test_a_key_is_refused_when_its_secret_is_not_exactly_right(
    installation: Installation, change: Callable[[str], str]
) -> None:
    with pytest.raises(Unauthenticated):
        await installation.accounts.keys.authenticate(change(installation.first_start.api_key))


async def test_a_key_is_refused_when_it_has_expired(installation: Installation) -> None:
    expires_at = utc_now(installation.clock) + timedelta(seconds=3)
    issued = await installation.accounts.keys.create(
        installation.first_start.organization_id, name="n", default_service="s", expires_at=expires_at
    )
    await installation.accounts.keys.authenticate(issued.secret)
    installation.clock.move(seconds=3)
    with pytest.raises(Unauthenticated):
        await installation.accounts.keys.authenticate(issued.secret)


async def test_a_key_is_not_created_when_it_would_have_expired(installation: Installation) -> None:
    with pytest.raises(InvalidRequest):
        await installation.accounts.keys.create(
            installation.first_start.organization_id,
            name="n",
            default_service="s",
            expires_at=datetime(2001, 1, 1, tzinfo=UTC),
        )


async def test_last_use_is_written_at_most_once_a_minute(installation: Installation) -> None:
    first, accounts, clock = installation.first_start, installation.accounts, installation.clock
    other = installation.another_process()
    key_id = (await accounts.keys.authenticate(first.api_key)).key_id
    used_first = (await stored_key(installation.database, key_id)).last_used_at
    clock.move(seconds=59)
    await accounts.keys.authenticate(first.api_key)
    await other.keys.authenticate(first.api_key)
    assert (await stored_key(installation.database, key_id)).last_used_at == used_first is not None
    clock.move(seconds=1)
    await accounts.keys.authenticate(first.api_key)
    used_next = (await stored_key(installation.database, key_id)).last_used_at
    assert used_next == used_first + timedelta(seconds=60)


async def test_last_use_is_written_at_most_once_a_minute_when_two_processes_see_it(
    installation: Installation,
) -> None:
    first, accounts, clock = installation.first_start, installation.accounts, installation.clock
    other = installation.another_process()
    key_id = (await accounts.keys.authenticate(first.api_key)).key_id
    clock.move(seconds=57)
    await accounts.keys.authenticate(first.api_key)
    clock.move(seconds=3)
    await other.keys.authenticate(first.api_key)
    written_by_the_other = (await stored_key(installation.database, key_id)).last_used_at
    # This process still remembers the use of a minute ago.
    clock.move(seconds=1)
    await accounts.keys.authenticate(first.api_key)
    assert (await stored_key(installation.database, key_id)).last_used_at == written_by_the_other


async def test_a_key_is_taken_for_a_quarter_of_an_hour_while_the_database_is_away(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = installation.another_process()
    await other.keys.authenticate(installation.first_start.api_key)

    def unreachable(*_: object) -> None:
        raise ServiceUnavailable("the database is away")

    monkeypatch.setattr(installation.database, "read_session", unreachable)
    monkeypatch.setattr(installation.database, "session", unreachable)
    for seconds in (1, FRESH_SECONDS, STALE_SECONDS - FRESH_SECONDS - 2):
        installation.clock.move(seconds=seconds)
        await other.keys.authenticate(installation.first_start.api_key)
    installation.clock.move(seconds=1)
    with pytest.raises(ServiceUnavailable):
        await other.keys.authenticate(installation.first_start.api_key)


async def test_an_unknown_key_costs_one_read_when_shown_often_within_five_seconds(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = "svc_zzzzzzzz_" + "z" * 43
    with pytest.raises(Unauthenticated):
        await installation.accounts.keys.authenticate(unknown)

    def unreachable(*_: object) -> None:
        raise ServiceUnavailable("the database was read")

    monkeypatch.setattr(installation.database, "read_session", unreachable)
    with pytest.raises(Unauthenticated):
        await installation.accounts.keys.authenticate(unknown)


async def test_a_key_is_good_when_its_use_can_not_be_written(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwritable(*_: object) -> None:
        raise ServiceUnavailable("the database is locked")

    monkeypatch.setattr(installation.database, "session", unwritable)
    identity = await installation.accounts.keys.authenticate(installation.first_start.api_key)
    assert (await stored_key(installation.database, identity.key_id)).last_used_at is None
