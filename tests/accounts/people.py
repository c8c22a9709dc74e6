"""People, organizations and ways to see that someone is let in or not."""

from collections.abc import Awaitable
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher

from tests.accounts.conftest import DESK, Installation
from tocsin.accounts.contracts import Principal, Role, SignIn
from tocsin.accounts.organizations import new_organization
from tocsin.accounts.service import AccountsService
from tocsin.accounts.tables import MembershipRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import TocsinError, Unauthenticated

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another battery staple"

# Hashed as weakly as can be: what these people guard is nothing.
_PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


async def add_organization(installation: Installation, name: str = "theirs") -> UUID:
    """Another organization, younger than those there are, with nobody in it."""
    installation.clock.move(seconds=0.001)
    row = new_organization(name, f"{name}-{uuid4()}", now=utc_now(installation.clock))
    async with installation.database.session(ALL_ORGANIZATIONS) as session:
        session.add(row)
    return row.id


async def add_person(
    installation: Installation, name: str, role: Role, *organization_ids: UUID, must_change_password: bool = False
) -> UUID:
    """Somebody with ``PASSWORD``, in these organizations or in the first."""
    user = UserRow(
        id=uuid4(),
        email=f"{name}@example.com",
        password_hash=_PASSWORD_HASH,
        must_change_password=must_change_password,
        created_at=utc_now(installation.clock),
    )
    async with installation.database.session(ALL_ORGANIZATIONS) as session:
        session.add(user)
        await session.flush()
        for organization_id in organization_ids or (installation.first_start.organization_id,):
            session.add(MembershipRow(user_id=user.id, organization_id=organization_id, role=role))
    return user.id


async def sign_in(installation: Installation, name: str, *, organization_id: UUID | None = None) -> SignIn:
    """Sign somebody in who was added."""
    accounts = installation.accounts
    return await accounts.login(f"{name}@example.com", PASSWORD, DESK, organization_id=organization_id)


async def principal(installation: Installation, name: str, *, organization_id: UUID | None = None) -> Principal:
    """Somebody who was added, signed in."""
    signed_in = await sign_in(installation, name, organization_id=organization_id)
    return await installation.accounts.principal_of(signed_in.access.token)


async def works(attempt: Awaitable[object]) -> bool:
    """Whether somebody is let in."""
    with suppress(Unauthenticated):
        await attempt
        return True
    return False


async def token_works(accounts: AccountsService, token: str) -> bool:
    """Whether an access token or a personal access token is taken."""
    return await works(accounts.principal_of(token))


async def refused(attempt: Awaitable[object], error: type[TocsinError]) -> str:
    """What somebody is told who is refused with this error."""
    with pytest.raises(error) as refusal:
        await attempt
    return refusal.value.detail
