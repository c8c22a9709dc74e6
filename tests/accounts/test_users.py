import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.accounts.conftest import DESK, Installation
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
from tocsin.accounts.contracts import LOCAL_OPERATOR_ID, Member, Role, Scope
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.password_links import RESET_SECONDS
from tocsin.accounts.tables import MembershipRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated


@pytest.fixture
async def theirs(installation: Installation) -> UUID:
    """An organization with one administrator, ada."""
    organization_id = await add_organization(installation)
    await add_person(installation, "ada", Role.ADMIN, organization_id)
    return organization_id


async def roles(installation: Installation, organization_id: UUID) -> dict[str, Role]:
    members = await installation.accounts.users.all_of(organization_id)
    return {member.email.partition("@")[0]: member.role for member in members}


async def test_members_are_listed_by_address_with_their_last_use(installation: Installation, theirs: UUID) -> None:
    ours = installation.first_start.organization_id
    bob = await add_person(installation, "bob", Role.VIEWER, theirs, ours, must_change_password=True)
    await sign_in(installation, "bob", organization_id=theirs)
    seen = utc_now(installation.clock)
    installation.clock.move(seconds=60)
    await sign_in(installation, "bob", organization_id=ours)
    ada, listed = await installation.accounts.users.all_of(theirs)
    assert (ada.email, ada.last_seen_at, ada.must_change_password) == ("ada@example.com", None, False)
    assert listed == Member(
        user_id=bob, email="bob@example.com", role=Role.VIEWER, must_change_password=True, last_seen_at=seen
    )


async def test_access_tokens_of_before_end_when_a_role_changes(installation: Installation, theirs: UUID) -> None:
    accounts, other = installation.accounts, installation.another_process()
    bob = await add_person(installation, "bob", Role.ADMIN, theirs)
    before = await sign_in(installation, "bob")
    assert await token_works(other, before.access.token)
    await accounts.users.change_role(theirs, bob, Role.VIEWER)
    assert not await token_works(accounts, before.access.token)
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await token_works(other, before.access.token)
    await other.close()
    after = await accounts.sessions.refresh(before.refresh_token, DESK)
    assert (await accounts.principal_of(after.access.token)).role is Role.VIEWER


async def test_the_only_administrator_remains_one(installation: Installation, theirs: UUID) -> None:
    users, ada = installation.accounts.users, await principal(installation, "ada")
    bob = await add_person(installation, "bob", Role.DEVELOPER, theirs)
    await refused(users.change_role(theirs, ada.user_id, Role.VIEWER), Conflict)
    await refused(users.remove(theirs, ada.user_id), Conflict)
    await users.change_role(theirs, ada.user_id, Role.ADMIN)
    await users.change_role(theirs, bob, Role.ADMIN)
    await users.change_role(theirs, ada.user_id, Role.VIEWER)
    await refused(users.remove(theirs, bob), Conflict)
    assert await roles(installation, theirs) == {"ada": Role.VIEWER, "bob": Role.ADMIN}


@pytest.mark.parametrize("how", ["remove", "demote"])
async def test_of_two_administrators_who_end_each_other_one_remains(
    installation: Installation, theirs: UUID, how: str
) -> None:
    ada = (await principal(installation, "ada")).user_id
    bob = await add_person(installation, "bob", Role.ADMIN, theirs)
    processes = [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(
        *(
            each.users.remove(theirs, other) if how == "remove" else each.users.change_role(theirs, other, Role.VIEWER)
            for each, other in zip(processes, (bob, ada), strict=True)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Conflict]
    assert list((await roles(installation, theirs)).values()).count(Role.ADMIN) == 1


async def test_who_is_not_in_the_organization_is_not_found(installation: Installation, theirs: UUID) -> None:
    users, ada = installation.accounts.users, await principal(installation, "ada")
    stranger = await add_person(installation, "bob", Role.VIEWER)
    for user_id in (stranger, uuid4()):
        await refused(users.change_role(theirs, user_id, Role.ADMIN), NotFound)
        await refused(users.remove(theirs, user_id), NotFound)
        await refused(users.sign_out(theirs, user_id), NotFound)
        await refused(users.reset_link(ada, user_id), NotFound)
    assert (await roles(installation, installation.first_start.organization_id))["bob"] is Role.VIEWER


async def test_who_is_removed_stays_in_their_other_organizations(installation: Installation, theirs: UUID) -> None:
    ours, accounts = installation.first_start.organization_id, installation.accounts
    bob = await add_person(installation, "bob", Role.VIEWER, theirs, ours)
    there = await sign_in(installation, "bob", organization_id=theirs)
    here = await sign_in(installation, "bob", organization_id=ours)
    await accounts.users.remove(theirs, bob)
    assert not await token_works(accounts, there.access.token)
    assert not await works(accounts.sessions.refresh(there.refresh_token, DESK))
    assert await works(accounts.sessions.refresh(here.refresh_token, DESK))
    assert not await works(sign_in(installation, "bob", organization_id=theirs))
    assert await roles(installation, theirs) == {"ada": Role.ADMIN}


async def test_signing_a_person_out_ends_their_sessions_in_this_organization(
    installation: Installation, theirs: UUID
) -> None:
    ours, accounts = installation.first_start.organization_id, installation.accounts
    bob = await add_person(installation, "bob", Role.VIEWER, theirs, ours)
    there = await sign_in(installation, "bob", organization_id=theirs)
    here = await sign_in(installation, "bob", organization_id=ours)
    await accounts.users.sign_out(theirs, bob)
    assert not await token_works(accounts, there.access.token)
    assert await token_works(accounts, here.access.token)


async def test_a_reset_link_replaces_the_password_once(installation: Installation, theirs: UUID) -> None:
    accounts, ada = installation.accounts, await principal(installation, "ada")
    bob = await add_person(installation, "bob", Role.VIEWER, theirs)
    before = await sign_in(installation, "bob")
    link, other = [await accounts.users.reset_link(ada, bob) for _ in range(2)]
    assert link.email == "bob@example.com"
    assert link.expires_at == utc_now(installation.clock) + timedelta(seconds=RESET_SECONDS)
    assert link.token not in repr(link)
    await refused(accounts.reset_password(link.token, "short"), InvalidRequest)
    assert await works(sign_in(installation, "bob"))
    await accounts.reset_password(link.token, NEW_PASSWORD)
    for spent in (link, other):
        assert "used before" in await refused(accounts.reset_password(spent.token, PASSWORD), Unauthenticated)
    assert not await works(sign_in(installation, "bob"))
    assert not await token_works(accounts, before.access.token)
    assert not await works(accounts.sessions.refresh(before.refresh_token, DESK))
    assert await works(accounts.login("bob@example.com", NEW_PASSWORD, DESK))


async def test_a_reset_link_ends_after_a_day(installation: Installation, theirs: UUID) -> None:
    bob = await add_person(installation, "bob", Role.VIEWER, theirs)
    link = await installation.accounts.users.reset_link(await principal(installation, "ada"), bob)
    installation.clock.move(seconds=RESET_SECONDS)
    assert "expired" in await refused(installation.accounts.reset_password(link.token, NEW_PASSWORD), Unauthenticated)


async def test_a_person_in_two_organizations_is_reset_by_who_administers_both(
    installation: Installation, theirs: UUID
) -> None:
    ours, users = installation.first_start.organization_id, installation.accounts.users
    bob = await add_person(installation, "bob", Role.VIEWER, theirs, ours)
    await add_person(installation, "cy", Role.ADMIN, theirs, ours)
    ada, cy = await principal(installation, "ada"), await principal(installation, "cy", organization_id=theirs)
    await refused(users.reset_link(ada, bob), Forbidden)
    await users.reset_link(cy, bob)
    await users.reset_link(replace(ada, user_id=LOCAL_OPERATOR_ID), bob)
    await users.change_role(ours, cy.user_id, Role.DEVELOPER)
    await refused(users.reset_link(replace(cy, role=Role.ADMIN), bob), Forbidden)


async def test_a_reset_link_ends_when_who_made_it_may_no_longer(installation: Installation, theirs: UUID) -> None:
    ours, accounts = installation.first_start.organization_id, installation.accounts
    ada, bob = await principal(installation, "ada"), await add_person(installation, "bob", Role.ADMIN, theirs)
    link = await accounts.users.reset_link(ada, bob)
    async with installation.database.session(ALL_ORGANIZATIONS) as session:
        session.add(MembershipRow(user_id=bob, organization_id=ours, role=Role.ADMIN))
    await refused(accounts.reset_password(link.token, NEW_PASSWORD), Unauthenticated)
    await accounts.users.remove(ours, bob)
    await accounts.users.change_role(theirs, ada.user_id, Role.VIEWER)
    await refused(accounts.reset_password(link.token, NEW_PASSWORD), Unauthenticated)
    await accounts.users.change_role(theirs, ada.user_id, Role.ADMIN)
    await accounts.reset_password(link.token, NEW_PASSWORD)


async def test_nobody_resets_their_own_password(installation: Installation, theirs: UUID) -> None:
    ada = await principal(installation, "ada")
    await refused(installation.accounts.users.reset_link(ada, ada.user_id), Forbidden)


async def test_a_reset_ends_the_personal_tokens_too(installation: Installation, theirs: UUID) -> None:
    accounts, ada = installation.accounts, await principal(installation, "ada")
    bob = await add_person(installation, "bob", Role.VIEWER, theirs)
    ends = utc_now(installation.clock) + timedelta(days=1)
    mine, his = [
        await accounts.personal_tokens.create(who, name="n", scopes=[Scope.LOGS_READ], expires_at=ends)
        for who in (ada, await principal(installation, "bob"))
    ]
    link = await accounts.users.reset_link(ada, bob)
    await accounts.reset_password(link.token, NEW_PASSWORD)
    assert not await token_works(accounts, his.secret)
    assert await token_works(accounts, mine.secret)


@pytest.mark.parametrize("becomes", [None, Role.DEVELOPER])
async def test_invitations_of_who_may_no_longer_invite_are_withdrawn(
    installation: Installation, theirs: UUID, becomes: Role | None
) -> None:
    accounts = installation.accounts
    eve = await add_person(installation, "eve", Role.ADMIN, theirs)
    _, hers = await accounts.invitations.invite(await principal(installation, "eve"), email="a@b", role=Role.ADMIN)
    _, other = await accounts.invitations.invite(await principal(installation, "ada"), email="c@d", role=Role.VIEWER)
    if becomes is None:
        await accounts.users.remove(theirs, eve)
    else:
        await accounts.users.change_role(theirs, eve, becomes)
    await refused(accounts.invitations.accept(hers.token, NEW_PASSWORD, DESK), Unauthenticated)
    assert await works(accounts.invitations.accept(other.token, NEW_PASSWORD, DESK))
