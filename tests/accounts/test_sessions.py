import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests.accounts.conftest import DESK, SIGNING_KEYS, Installation
from tests.accounts.people import (
    NEW_PASSWORD,
    PASSWORD,
    add_organization,
    add_person,
    principal,
    refused,
    sign_in,
    token_works,
    works,
)
from tocsin.accounts.contracts import Origin, Role, SignIn
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.sessions import REFRESH_TOKEN_SECONDS, SESSION_SECONDS
from tocsin.accounts.signed_tokens import SignedTokens
from tocsin.accounts.tables import SessionRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Forbidden, NotFound, Unauthenticated

DAY = 24 * 3600


@pytest.fixture
async def signed_in(installation: Installation) -> SignIn:
    await add_person(installation, "ada", Role.DEVELOPER)
    return await sign_in(installation, "ada")


async def test_refresh_gives_a_new_pair_of_the_same_session(installation: Installation, signed_in: SignIn) -> None:
    accounts = installation.accounts
    installation.clock.move(seconds=1)
    next_pair = await accounts.sessions.refresh(signed_in.refresh_token, DESK)
    assert next_pair.refresh_token != signed_in.refresh_token
    before, after = [await accounts.principal_of(pair.access.token) for pair in (signed_in, next_pair)]
    assert before.session_id == after.session_id is not None
    assert (after.email, after.role) == ("ada@example.com", Role.DEVELOPER)
    assert await works(accounts.sessions.refresh(next_pair.refresh_token, DESK))


@pytest.mark.parametrize("thief_first", [True, False])
async def test_a_refresh_token_used_twice_ends_its_session_everywhere(
    installation: Installation, signed_in: SignIn, thief_first: bool
) -> None:
    accounts, elsewhere = installation.accounts, installation.another_process()
    newest = await accounts.sessions.refresh(signed_in.refresh_token, DESK)
    if not thief_first:
        newest = await accounts.sessions.refresh(newest.refresh_token, DESK)
    assert await token_works(elsewhere, newest.access.token)
    assert "used before" in await refused(accounts.sessions.refresh(signed_in.refresh_token, DESK), Unauthenticated)
    for token in (newest.refresh_token, signed_in.refresh_token):
        assert not await works(accounts.sessions.refresh(token, DESK))
    assert not await token_works(accounts, newest.access.token)
    installation.clock.move(seconds=FRESH_SECONDS)
    for token in (newest.access.token, signed_in.access.token):
        assert not await token_works(elsewhere, token)


async def test_other_sessions_go_on_when_one_was_stolen(installation: Installation, signed_in: SignIn) -> None:
    other = await sign_in(installation, "ada")
    await installation.accounts.sessions.refresh(signed_in.refresh_token, DESK)
    assert not await works(installation.accounts.sessions.refresh(signed_in.refresh_token, DESK))
    assert await token_works(installation.accounts, other.access.token)
    assert await works(installation.accounts.sessions.refresh(other.refresh_token, DESK))


async def test_of_two_refreshes_at_once_one_wins(installation: Installation, signed_in: SignIn) -> None:
    processes = [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(
        *(each.sessions.refresh(signed_in.refresh_token, DESK) for each in processes), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SignIn", "Unauthenticated"]


async def test_a_session_that_is_used_lasts_for_ninety_days(installation: Installation, signed_in: SignIn) -> None:
    accounts, newest = installation.accounts, signed_in
    lifetimes = []
    for _ in range(15):
        lifetimes.append(newest.refresh_expires_in_seconds)
        installation.clock.move(seconds=6 * DAY - 1)
        newest = await accounts.sessions.refresh(newest.refresh_token, DESK)
    assert lifetimes == [REFRESH_TOKEN_SECONDS] * 14 + [6 * DAY + 14]
    assert newest.refresh_expires_in_seconds == 15
    [session] = await accounts.sessions.all_of(await accounts.principal_of(newest.access.token))
    assert session.expires_at == session.created_at + timedelta(seconds=SESSION_SECONDS)
    installation.clock.move(seconds=15)
    assert not await works(accounts.sessions.refresh(newest.refresh_token, DESK))


@pytest.mark.parametrize(("idle_seconds", "lives"), [(7 * DAY - 1, True), (7 * DAY, False)])
async def test_a_session_ends_when_it_was_not_used_for_seven_days(
    installation: Installation, signed_in: SignIn, idle_seconds: int, lives: bool
) -> None:
    installation.clock.move(seconds=idle_seconds)
    assert await works(installation.accounts.sessions.refresh(signed_in.refresh_token, DESK)) is lives


async def test_a_forged_session_id_ends_no_session(installation: Installation, signed_in: SignIn) -> None:
    accounts = installation.accounts
    known = await accounts.principal_of(signed_in.access.token)
    claims = {"sid": str(known.session_id), "gen": -1}
    keys = type(SIGNING_KEYS).of(bytes(64))
    forged = SignedTokens(keys, installation.clock, purpose="tocsin.refresh", called="it").sign(
        claims, lifetime_seconds=60
    )
    assert not await works(accounts.sessions.refresh(forged, DESK))
    unknown = SignedTokens(SIGNING_KEYS, installation.clock, purpose="tocsin.refresh", called="it").sign(
        {"sid": str(uuid4()), "gen": 0}, lifetime_seconds=60
    )
    assert not await works(accounts.sessions.refresh(unknown, DESK))
    assert await token_works(accounts, signed_in.access.token)
    assert await works(accounts.sessions.refresh(signed_in.refresh_token, DESK))


async def test_logging_out_ends_this_session_alone(installation: Installation, signed_in: SignIn) -> None:
    accounts, other = installation.accounts, await sign_in(installation, "ada")
    elsewhere = installation.another_process()
    assert await token_works(elsewhere, signed_in.access.token)
    ada = await accounts.principal_of(signed_in.access.token)
    await accounts.sessions.end_own(ada)
    await accounts.sessions.end_own(ada)
    assert not await token_works(accounts, signed_in.access.token)
    assert not await works(accounts.sessions.refresh(signed_in.refresh_token, DESK))
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await token_works(elsewhere, signed_in.access.token)
    assert await token_works(elsewhere, other.access.token)


async def test_logging_out_everywhere_ends_every_session_of_one_person(
    installation: Installation, signed_in: SignIn
) -> None:
    await add_person(installation, "bob", Role.VIEWER)
    accounts = installation.accounts
    bob, ada_too = await sign_in(installation, "bob"), await sign_in(installation, "ada")
    await accounts.sessions.end_everywhere(await accounts.principal_of(signed_in.access.token))
    for ended in (signed_in, ada_too):
        assert not await token_works(accounts, ended.access.token)
        assert not await works(accounts.sessions.refresh(ended.refresh_token, DESK))
    assert await works(accounts.sessions.refresh(bob.refresh_token, DESK))


async def test_one_ends_ones_own_sessions_and_nobody_elses(installation: Installation, signed_in: SignIn) -> None:
    await add_person(installation, "bob", Role.ADMIN)
    accounts = installation.accounts
    bob, ada = await principal(installation, "bob"), await accounts.principal_of(signed_in.access.token)
    assert ada.session_id is not None
    await refused(accounts.sessions.end(bob, ada.session_id), NotFound)
    assert await token_works(accounts, signed_in.access.token)
    second = await principal(installation, "ada")
    await accounts.sessions.end(second, ada.session_id)
    await refused(accounts.sessions.end(second, ada.session_id), NotFound)
    assert not await token_works(accounts, signed_in.access.token)
    assert [session.id for session in await accounts.sessions.all_of(second)] == [second.session_id]


async def test_sessions_say_where_and_when_they_were_used(installation: Installation, signed_in: SignIn) -> None:
    accounts = installation.accounts
    installation.clock.move(seconds=60)
    await accounts.sessions.refresh(signed_in.refresh_token, Origin("198.51.100.1", "x" * 300))
    [session] = await accounts.sessions.all_of(await accounts.principal_of(signed_in.access.token))
    assert (session.address, session.user_agent) == ("198.51.100.1", "x" * 200)
    assert session.used_at == session.created_at + timedelta(seconds=60) == utc_now(installation.clock)


async def test_switching_goes_on_in_the_other_organization(installation: Installation) -> None:
    theirs, accounts = await add_organization(installation), installation.accounts
    ours = installation.first_start.organization_id
    await add_person(installation, "ada", Role.VIEWER, ours, theirs)
    before = await sign_in(installation, "ada")
    ada = await accounts.principal_of(before.access.token)
    assert ada.organization_id == ours
    after = await accounts.sessions.switch(ada, theirs)
    moved = await accounts.principal_of(after.access.token)
    assert (moved.organization_id, moved.session_id) == (theirs, ada.session_id)
    assert not await token_works(accounts, before.access.token)
    installation.clock.move(seconds=1)
    next_pair = await accounts.sessions.refresh(after.refresh_token, DESK)
    assert (await accounts.principal_of(next_pair.access.token)).organization_id == theirs
    assert not await works(accounts.sessions.refresh(before.refresh_token, DESK))


async def test_switching_is_refused_when_one_is_not_there(installation: Installation, signed_in: SignIn) -> None:
    accounts, theirs = installation.accounts, await add_organization(installation)
    ada = await accounts.principal_of(signed_in.access.token)
    await refused(accounts.sessions.switch(ada, theirs), NotFound)
    ours = installation.first_start.organization_id
    await refused(accounts.sessions.switch(replace(ada, session_id=None), ours), Forbidden)
    await accounts.sessions.end_own(ada)
    await refused(accounts.sessions.switch(ada, ours), Unauthenticated)


async def test_rights_are_read_anew_when_a_session_is_refreshed(installation: Installation) -> None:
    user_id = await add_person(installation, "ada", Role.DEVELOPER)
    accounts, ours = installation.accounts, installation.first_start.organization_id
    signed_in = await sign_in(installation, "ada")
    await accounts.users.change_role(ours, user_id, Role.VIEWER)
    assert not await token_works(accounts, signed_in.access.token)
    installation.clock.move(seconds=1)
    next_pair = await accounts.sessions.refresh(signed_in.refresh_token, DESK)
    assert (await accounts.principal_of(next_pair.access.token)).role is Role.VIEWER
    await accounts.users.remove(ours, user_id)
    assert not await works(accounts.sessions.refresh(next_pair.refresh_token, DESK))
    assert not await token_works(accounts, next_pair.access.token)


async def test_changing_the_password_leaves_one_session_which_is_new(
    installation: Installation, signed_in: SignIn
) -> None:
    accounts, other = installation.accounts, await sign_in(installation, "ada")
    ada = await accounts.principal_of(signed_in.access.token)
    new = await accounts.change_password(ada, PASSWORD, NEW_PASSWORD, DESK)
    for ended in (signed_in, other):
        assert not await token_works(accounts, ended.access.token)
        assert not await works(accounts.sessions.refresh(ended.refresh_token, DESK))
    assert await token_works(accounts, new.access.token)
    assert await works(accounts.sessions.refresh(new.refresh_token, DESK))


async def test_no_session_opens_with_a_password_that_is_changed_while_it_is_checked(
    installation: Installation, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, other = installation.accounts, installation.another_process()
    ada = await accounts.principal_of(signed_in.access.token)
    check = accounts._passwords.check

    async def check_slowly(*args: str, **named: str) -> bool:
        matches = await check(*args, **named)
        await other.change_password(ada, PASSWORD, NEW_PASSWORD, DESK)
        return matches

    monkeypatch.setattr(accounts._passwords, "check", check_slowly)
    await refused(accounts.login("ada@example.com", PASSWORD, DESK), Unauthenticated)


async def test_sessions_are_forgotten_a_week_after_they_ended(installation: Installation, signed_in: SignIn) -> None:
    async def kept() -> int:
        async with installation.database.read_session(ALL_ORGANIZATIONS) as session:
            return (await session.execute(select(func.count()).select_from(SessionRow))).scalar_one()

    await installation.accounts.sessions.end_own(await installation.accounts.principal_of(signed_in.access.token))
    installation.clock.move(seconds=7 * DAY - 1)
    await sign_in(installation, "ada")
    assert await kept() == 2
    installation.clock.move(seconds=2)
    await sign_in(installation, "ada")
    assert await kept() == 2
