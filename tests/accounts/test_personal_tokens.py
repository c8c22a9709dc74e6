from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.accounts.conftest import Installation
from tests.accounts.people import add_organization, add_person, principal, refused, token_works
from tocsin.accounts import personal_tokens
from tocsin.accounts.contracts import IssuedPersonalToken, Principal, Role, Scope
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.tables import MembershipRow
from tocsin.api.access_rules import RULES
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated

DAY = timedelta(days=1)


@pytest.fixture
async def ada(installation: Installation) -> Principal:
    await add_person(installation, "ada", Role.DEVELOPER)
    return await principal(installation, "ada")


async def issue(
    installation: Installation,
    owner: Principal,
    scopes: Sequence[Scope] = (Scope.LOGS_READ,),
    *,
    lives: timedelta = DAY,
) -> IssuedPersonalToken:
    end = utc_now(installation.clock) + lives
    return await installation.accounts.personal_tokens.create(owner, name="ci", scopes=scopes, expires_at=end)


async def test_a_token_says_who_its_owner_is_and_what_it_is_for(installation: Installation, ada: Principal) -> None:
    issued = await issue(installation, ada, [Scope.LOGS_READ, Scope.SEARCHES_WRITE, Scope.LOGS_READ])
    bearer = await installation.another_process().principal_of(issued.secret)
    assert (bearer.user_id, bearer.organization_id, bearer.role) == (ada.user_id, ada.organization_id, Role.DEVELOPER)
    assert bearer.scopes == issued.token.scopes == {Scope.LOGS_READ, Scope.SEARCHES_WRITE}
    assert (bearer.personal_token_id, bearer.session_id) == (issued.token.id, None)
    assert issued.secret.startswith(f"pat_{issued.token.prefix}_")
    assert issued.secret not in repr(issued)


async def test_a_token_does_no_more_than_its_scopes_and_its_owners_role_allow(installation: Installation) -> None:
    await add_person(installation, "vic", Role.VIEWER)
    viewer = await principal(installation, "vic")
    bearer = await installation.accounts.principal_of((await issue(installation, viewer, list(Scope))).secret)
    for endpoint, rule in RULES.items():
        if rule.roles and Role.VIEWER not in rule.roles:
            with pytest.raises(Forbidden, match="role"):
                rule.check(bearer)
        elif rule.needs_session:
            with pytest.raises(Forbidden, match="sign in"):
                rule.check(bearer)
        elif rule.roles:
            rule.check(bearer)
            if rule.scope is not None:
                narrow = replace(bearer, scopes=frozenset(Scope) - {rule.scope})
                with pytest.raises(Forbidden, match=rule.scope):
                    rule.check(narrow)
        assert rule.roles or endpoint


async def test_a_token_ends_when_it_expires(installation: Installation, ada: Principal) -> None:
    issued = await issue(installation, ada, lives=timedelta(seconds=60))
    installation.clock.move(seconds=59)
    bearer = await installation.accounts.principal_of(issued.secret)
    installation.clock.move(seconds=1)
    assert "expired" in await refused(installation.accounts.principal_of(issued.secret), Unauthenticated)
    await refused(installation.accounts.recheck(bearer), Unauthenticated)


async def test_a_revoked_token_is_refused_here_at_once_and_elsewhere_within_five_seconds(
    installation: Installation, ada: Principal
) -> None:
    accounts, elsewhere = installation.accounts, installation.another_process()
    issued = await issue(installation, ada)
    for process in (accounts, elsewhere):
        assert await token_works(process, issued.secret)
    await accounts.personal_tokens.revoke(ada, issued.token.id)
    await accounts.personal_tokens.revoke(ada, issued.token.id)
    assert not await token_works(accounts, issued.secret)
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await token_works(elsewhere, issued.secret)
    assert await accounts.personal_tokens.all_of(ada) == []


async def test_a_token_has_its_owners_role_within_five_seconds_of_a_change(
    installation: Installation, ada: Principal
) -> None:
    accounts, elsewhere = installation.accounts, installation.another_process()
    issued = await issue(installation, ada)
    for process in (accounts, elsewhere):
        assert (await process.principal_of(issued.secret)).role is Role.DEVELOPER
    await accounts.users.change_role(ada.organization_id, ada.user_id, Role.VIEWER)
    assert (await accounts.principal_of(issued.secret)).role is Role.VIEWER
    installation.clock.move(seconds=FRESH_SECONDS)
    assert (await elsewhere.principal_of(issued.secret)).role is Role.VIEWER


async def test_a_token_ends_within_five_seconds_when_its_owner_is_removed(
    installation: Installation, ada: Principal
) -> None:
    accounts, elsewhere = installation.accounts, installation.another_process()
    issued = await issue(installation, ada)
    assert await token_works(elsewhere, issued.secret)
    bearer = await elsewhere.principal_of(issued.secret)
    await accounts.users.remove(ada.organization_id, ada.user_id)
    assert not await token_works(accounts, issued.secret)
    await refused(elsewhere.recheck(bearer), Unauthenticated)
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await token_works(elsewhere, issued.secret)
    # Who comes back later comes back without the tokens of before.
    async with installation.database.session(ada.organization_id) as session:
        session.add(MembershipRow(user_id=ada.user_id, organization_id=ada.organization_id, role=Role.VIEWER))
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await token_works(elsewhere, issued.secret)


async def test_a_token_is_refused_that_could_not_be_right(
    installation: Installation, ada: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refused(issue(installation, ada, []), InvalidRequest)
    for lives in (timedelta(0), -DAY, 366 * DAY + timedelta(seconds=1)):
        await refused(issue(installation, ada, lives=lives), InvalidRequest)
    await issue(installation, ada, lives=366 * DAY)
    monkeypatch.setattr(personal_tokens, "MAX_PERSONAL_TOKENS", 1)
    await refused(issue(installation, ada), Conflict)
    stranger = replace(ada, organization_id=await add_organization(installation))
    await refused(issue(installation, stranger), Forbidden)


async def test_tokens_of_another_person_or_organization_are_not_there(
    installation: Installation, ada: Principal
) -> None:
    issued = await issue(installation, ada)
    tokens = installation.accounts.personal_tokens
    [listed] = await tokens.all_of(ada)
    assert asdict(listed) == asdict(issued.token)
    for other in (replace(ada, user_id=uuid4()), replace(ada, organization_id=uuid4())):
        assert await tokens.all_of(other) == []
        await refused(tokens.revoke(other, issued.token.id), NotFound)
    await refused(tokens.revoke(ada, uuid4()), NotFound)
    assert await token_works(installation.accounts, issued.secret)


async def test_a_secret_is_refused_that_is_not_exactly_right(installation: Installation, ada: Principal) -> None:
    secret = (await issue(installation, ada)).secret
    last = "A" if secret[-1] != "A" else "B"
    for wrong in (secret[:-1], secret[:-1] + last, secret + "x", "svc" + secret[3:], "pat_zzzzzzzz" + secret[12:]):
        assert not await token_works(installation.accounts, wrong)
