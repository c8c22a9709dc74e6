import asyncio

import pytest
from sqlalchemy import select

from tests.accounts.clock import HeldClock
from tests.accounts.conftest import DESK, SIGNING_KEYS, Installation
from tests.accounts.people import add_organization
from tocsin.accounts.contracts import FirstStart, Role
from tocsin.accounts.first_start import FIRST_ADMIN_EMAIL
from tocsin.accounts.service import AccountsService
from tocsin.accounts.tables import ApiKeyRow, MembershipRow, OrganizationRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.database.tables import Table
from tocsin.kit.errors import (
    Forbidden,
    InvalidRequest,
    InvalidSettings,
    NotFound,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.limits.backends.memory import MemoryRateLimiter

CHOSEN_PASSWORD = "correct horse battery"
CHOSEN_API_KEY = "svc_boot0001_" + "k" * 43


async def rows(database: Database, table: type[Table]) -> int:
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        return len((await session.scalars(select(table))).all())


async def test_first_start_hands_out_a_login_and_a_key_when_there_is_no_organization(
    installation: Installation,
) -> None:
    first = installation.first_start
    assert first.admin_email == FIRST_ADMIN_EMAIL
    sign_in = await installation.accounts.login(first.admin_email, first.admin_password, DESK)
    assert sign_in.access.password_change_required
    principal = await installation.accounts.principal_of(sign_in.access.token)
    assert (principal.organization_id, principal.role) == (first.organization_id, Role.ADMIN)
    identity = await installation.accounts.keys.authenticate(first.api_key)
    assert identity.organization_id == first.organization_id
    assert identity.allows_other_services


async def test_first_start_does_nothing_when_there_is_an_organization(installation: Installation) -> None:
    assert await installation.another_process().first_start() is None
    assert await rows(installation.database, OrganizationRow) == 1


async def test_first_start_happens_once_when_several_processes_start_at_once(
    database: Database, database_url: str, clock: HeldClock
) -> None:
    others = [Database(database_url) for _ in range(3)]
    services = [
        AccountsService(each, signing_keys=SIGNING_KEYS, clock=clock, limiter=MemoryRateLimiter(clock))
        for each in (database, *others)
    ]
    outcomes = await asyncio.gather(*(service.first_start() for service in services))
    for other in others:
        await other.close()
    assert len([outcome for outcome in outcomes if outcome is not None]) == 1
    for table in (OrganizationRow, UserRow, MembershipRow, ApiKeyRow):
        assert await rows(database, table) == 1


async def test_first_start_uses_the_secrets_when_they_are_given(database: Database, clock: HeldClock) -> None:
    service = AccountsService(
        database,
        signing_keys=SIGNING_KEYS,
        clock=clock,
        limiter=MemoryRateLimiter(clock),
        bootstrap_password=CHOSEN_PASSWORD,
        bootstrap_api_key=CHOSEN_API_KEY,
    )
    first = await service.first_start()
    assert isinstance(first, FirstStart)
    assert (first.admin_password, first.api_key) == (CHOSEN_PASSWORD, CHOSEN_API_KEY)
    assert not (await service.login(FIRST_ADMIN_EMAIL, CHOSEN_PASSWORD, DESK)).access.password_change_required
    await service.keys.authenticate(CHOSEN_API_KEY)


@pytest.mark.parametrize(
    "secrets", [{"bootstrap_password": "short"}, {"bootstrap_api_key": "k" * 64}], ids=lambda each: next(iter(each))
)
def test_accounts_refuse_to_start_when_a_bootstrap_secret_would_not_work(secrets: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        AccountsService(
            Database("sqlite://"),
            signing_keys=SIGNING_KEYS,
            clock=HeldClock(),
            limiter=MemoryRateLimiter(HeldClock()),
            **secrets,
        )
    assert next(iter(secrets.values())) not in refusal.value.detail


async def test_secrets_are_not_shown_when_what_holds_them_is_printed(installation: Installation) -> None:
    first = installation.first_start
    sign_in = await installation.accounts.login(first.admin_email, first.admin_password, DESK)
    issued = await installation.accounts.keys.create(first.organization_id, name="n", default_service="s")
    printed = f"{first!r} {sign_in!r} {issued!r}"
    for secret in (first.admin_password, first.api_key, sign_in.access.token, sign_in.refresh_token, issued.secret):
        assert secret not in printed


async def test_secrets_are_not_kept_when_they_are_handed_out(installation: Installation) -> None:
    first = installation.first_start
    async with installation.database.read_session(ALL_ORGANIZATIONS) as session:
        user = (await session.scalars(select(UserRow))).one()
        key = (await session.scalars(select(ApiKeyRow))).one()
    assert user.password_hash.startswith("$argon2id$")
    assert first.api_key.encode() not in key.keyed_hash
    assert first.api_key not in (key.prefix, key.name)


async def test_login_takes_the_address_when_written_in_capitals(installation: Installation) -> None:
    sign_in = await installation.accounts.login(" Admin@LOCALHOST ", installation.first_start.admin_password, DESK)
    assert (await installation.accounts.principal_of(sign_in.access.token)).email == FIRST_ADMIN_EMAIL


async def test_login_says_the_same_when_the_address_or_the_password_is_wrong(installation: Installation) -> None:
    with pytest.raises(Unauthenticated) as wrong_password:
        await installation.accounts.login(FIRST_ADMIN_EMAIL, "wrong", DESK)
    with pytest.raises(Unauthenticated) as wrong_address:
        await installation.accounts.login("nobody@localhost", installation.first_start.admin_password, DESK)
    assert wrong_password.value.detail == wrong_address.value.detail


async def test_login_is_throttled_when_ten_attempts_failed(installation: Installation) -> None:
    first = installation.first_start
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await installation.accounts.login(first.admin_email, "wrong", DESK)
    with pytest.raises(TooManyRequests) as refusal:
        await installation.accounts.login(first.admin_email, first.admin_password, DESK)
    installation.clock.move(seconds=refusal.value.retry_after_seconds)
    await installation.accounts.login(first.admin_email, first.admin_password, DESK)


async def test_change_password_makes_the_old_one_invalid(installation: Installation) -> None:
    first, accounts = installation.first_start, installation.accounts
    before = await accounts.login(first.admin_email, first.admin_password, DESK)
    after = await accounts.change_password(
        await accounts.principal_of(before.access.token), first.admin_password, CHOSEN_PASSWORD, DESK
    )
    assert not after.access.password_change_required
    assert not (await accounts.principal_of(after.access.token)).password_change_required
    with pytest.raises(Unauthenticated):
        await accounts.login(first.admin_email, first.admin_password, DESK)
    assert not (await accounts.login(first.admin_email, CHOSEN_PASSWORD, DESK)).access.password_change_required


async def test_change_password_refuses_when_the_old_one_is_wrong(installation: Installation) -> None:
    first, accounts = installation.first_start, installation.accounts
    principal = await accounts.principal_of(
        (await accounts.login(first.admin_email, first.admin_password, DESK)).access.token
    )
    with pytest.raises(Unauthenticated):
        await accounts.change_password(principal, "wrong", CHOSEN_PASSWORD, DESK)
    await accounts.login(first.admin_email, first.admin_password, DESK)


@pytest.mark.parametrize("new", ["eleven char", "x" * 1_025, None], ids=["short", "long", "the old one"])
async def test_change_password_refuses_when_the_new_one_is_no_good(installation: Installation, new: str | None) -> None:
    first, accounts = installation.first_start, installation.accounts
    principal = await accounts.principal_of(
        (await accounts.login(first.admin_email, first.admin_password, DESK)).access.token
    )
    with pytest.raises(InvalidRequest):
        await accounts.change_password(principal, first.admin_password, new or first.admin_password, DESK)


async def test_change_password_happens_once_when_asked_twice_at_once(installation: Installation) -> None:
    first, accounts = installation.first_start, installation.accounts
    principal = await accounts.principal_of(
        (await accounts.login(first.admin_email, first.admin_password, DESK)).access.token
    )
    outcomes = await asyncio.gather(
        *(accounts.change_password(principal, first.admin_password, f"new password {n}", DESK) for n in range(2)),
        return_exceptions=True,
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, BaseException)]) == 1


async def test_local_operator_administers_the_first_organization_without_a_password(
    installation: Installation,
) -> None:
    token = await installation.another_process().local_operator_token()
    principal = await installation.accounts.principal_of(token.token)
    assert principal.role is Role.ADMIN
    assert principal.organization_id == installation.first_start.organization_id
    with pytest.raises(Forbidden):
        await installation.accounts.change_password(principal, "anything", CHOSEN_PASSWORD, DESK)


async def test_local_operator_administers_the_organization_that_is_named(installation: Installation) -> None:
    theirs = await add_organization(installation)
    accounts = installation.accounts
    first, slug = await accounts.organizations.slugs()
    for named, organization_id in ((slug, theirs), (None, installation.first_start.organization_id)):
        token = await accounts.local_operator_token(named)
        assert (await accounts.principal_of(token.token)).organization_id == organization_id
    with pytest.raises(NotFound, match=f"{first}, {slug}"):
        await accounts.local_operator_token("nowhere")


async def test_local_operator_has_no_token_when_there_is_no_organization(accounts: AccountsService) -> None:
    with pytest.raises(NotFound):
        await accounts.local_operator_token()
