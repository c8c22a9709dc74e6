import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.accounts.conftest import DESK, Installation
from tests.accounts.people import NEW_PASSWORD, PASSWORD, add_organization, add_person, principal, refused, works
from tocsin.accounts import invitations as invitations_module
from tocsin.accounts.contracts import Invitation, PasswordLink, Principal, Role, SignIn
from tocsin.accounts.password_links import INVITATION_SECONDS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound, TooManyRequests, Unauthenticated

NEW = "new@example.com"


@pytest.fixture
async def theirs(installation: Installation) -> UUID:
    return await add_organization(installation)


@pytest.fixture
async def ada(installation: Installation, theirs: UUID) -> Principal:
    """The administrator of their organization."""
    await add_person(installation, "ada", Role.ADMIN, theirs)
    return await principal(installation, "ada")


async def invite(
    installation: Installation, ada: Principal, email: str = NEW, role: Role = Role.DEVELOPER
) -> tuple[Invitation, PasswordLink]:
    return await installation.accounts.invitations.invite(ada, email=email, role=role)


async def accept(installation: Installation, link: PasswordLink, password: str = NEW_PASSWORD) -> SignIn:
    return await installation.accounts.invitations.accept(link.token, password, DESK)


async def test_a_person_comes_in_with_a_new_password(installation: Installation, ada: Principal) -> None:
    accounts = installation.accounts
    invitation, link = await invite(installation, ada, f" {NEW.upper()} ")
    assert (invitation.email, invitation.role, invitation.invited_by) == (NEW, Role.DEVELOPER, ada.user_id)
    assert invitation.expires_at == link.expires_at == utc_now(installation.clock) + timedelta(days=7)
    assert await accounts.invitations.all_of(ada.organization_id) == [invitation]
    bearer = await accounts.principal_of((await accept(installation, link)).access.token)
    assert (bearer.email, bearer.role, bearer.organization_id) == (NEW, Role.DEVELOPER, ada.organization_id)
    assert not bearer.password_change_required
    assert await accounts.invitations.all_of(ada.organization_id) == []
    assert await works(accounts.login(NEW, NEW_PASSWORD, DESK))
    assert "used before" in await refused(accept(installation, link), Unauthenticated)


async def test_who_has_an_account_comes_in_with_its_password(installation: Installation, ada: Principal) -> None:
    accounts = installation.accounts
    user_id = await add_person(installation, "bob", Role.VIEWER)
    _, link = await invite(installation, ada, "bob@example.com", Role.ADMIN)
    assert "its password" in await refused(accept(installation, link, NEW_PASSWORD), Unauthenticated)
    bearer = await accounts.principal_of((await accept(installation, link, PASSWORD)).access.token)
    assert (bearer.user_id, bearer.organization_id, bearer.role) == (user_id, ada.organization_id, Role.ADMIN)
    theirs = [(o.id, role) for o, role in await accounts.organizations.of(bearer)]
    assert theirs == [
        (installation.first_start.organization_id, Role.VIEWER),
        (ada.organization_id, Role.ADMIN),
    ]
    assert not await works(accounts.login("bob@example.com", NEW_PASSWORD, DESK))


async def test_guesses_at_an_accounts_password_by_a_link_are_counted(
    installation: Installation, ada: Principal
) -> None:
    await add_person(installation, "bob", Role.VIEWER)
    _, link = await invite(installation, ada, "bob@example.com")
    for _ in range(10):
        await refused(accept(installation, link, "wrong"), Unauthenticated)
    await refused(accept(installation, link, PASSWORD), TooManyRequests)


async def test_an_invitation_is_accepted_once_when_tried_twice_at_once(
    installation: Installation, ada: Principal
) -> None:
    _, link = await invite(installation, ada)
    processes = [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(
        *(works(each.invitations.accept(link.token, NEW_PASSWORD, DESK)) for each in processes)
    )
    assert sorted(outcomes) == [False, True]
    assert len(await installation.accounts.users.all_of(ada.organization_id)) == 2


async def test_two_invitations_of_one_stranger_make_one_account(installation: Installation, ada: Principal) -> None:
    third = await add_organization(installation, "third")
    _, here = await invite(installation, ada)
    _, there = await invite(installation, replace(ada, organization_id=third))
    outcomes = await asyncio.gather(*(works(accept(installation, link)) for link in (here, there)))
    assert True in outcomes
    for link, done in zip((here, there), outcomes, strict=True):
        assert done or await works(accept(installation, link))
    bearer = await installation.accounts.principal_of(
        (await installation.accounts.login(NEW, NEW_PASSWORD, DESK)).access.token
    )
    assert len(await installation.accounts.organizations.of(bearer)) == 2


async def test_an_invitation_ends_after_a_week(installation: Installation, ada: Principal) -> None:
    _, link = await invite(installation, ada)
    installation.clock.move(seconds=INVITATION_SECONDS)
    assert not await works(accept(installation, link))
    assert await installation.accounts.invitations.all_of(ada.organization_id) == []
    await invite(installation, ada)


async def test_an_invitation_is_withdrawn(installation: Installation, ada: Principal) -> None:
    invitations = installation.accounts.invitations
    invitation, link = await invite(installation, ada)
    await refused(invitations.withdraw(installation.first_start.organization_id, invitation.id), NotFound)
    await refused(invitations.withdraw(ada.organization_id, uuid4()), NotFound)
    await invitations.withdraw(ada.organization_id, invitation.id)
    await refused(invitations.withdraw(ada.organization_id, invitation.id), NotFound)
    assert not await works(accept(installation, link))
    await invite(installation, ada)


async def test_a_password_that_is_no_good_leaves_the_invitation(installation: Installation, ada: Principal) -> None:
    _, link = await invite(installation, ada)
    await refused(accept(installation, link, "short"), InvalidRequest)
    assert await works(accept(installation, link))


async def test_nobody_is_invited_twice_or_who_is_there(
    installation: Installation, ada: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refused(invite(installation, ada, "ADA@example.com"), Conflict)
    await invite(installation, ada)
    await refused(invite(installation, ada), Conflict)
    monkeypatch.setattr(invitations_module, "MAX_INVITATIONS", 1)
    await refused(invite(installation, ada, "other@example.com"), Conflict)


async def test_one_person_is_invited_once_when_asked_twice_at_once(installation: Installation, ada: Principal) -> None:
    processes = [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(
        *(each.invitations.invite(ada, email=NEW, role=Role.VIEWER) for each in processes), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "tuple"]
