"""Organizations: the tenants, and what each says of itself."""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select

from tocsin.accounts import repository
from tocsin.accounts.contracts import Organization, Principal, Role
from tocsin.accounts.tables import MembershipRow, OrganizationRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, Forbidden, NotFound

#: That one person is in: all of them are listed at once, and a person can make no more.
MAX_ORGANIZATIONS = 100

_LARGEST_SEED = 2**63 - 1
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")
_MAX_SLUG_CHARACTERS = 60

log = structlog.get_logger(__name__)


class Organizations:
    """Every organization."""

    def __init__(self, database: Database, *, clock: Clock, on_changed: Callable[[], None]) -> None:
        """Call ``on_changed`` whenever what an organization says of itself has changed."""
        self._database = database
        self._clock = clock
        self._on_changed = on_changed

    async def of(self, principal: Principal) -> list[tuple[Organization, Role]]:
        """The organizations that a person is in, the oldest first, with their role there."""
        theirs = (
            select(OrganizationRow, MembershipRow.role)
            .join(MembershipRow, MembershipRow.organization_id == OrganizationRow.id)
            .where(MembershipRow.user_id == principal.user_id)
            .order_by(OrganizationRow.created_at, OrganizationRow.id)
        )
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return [(_organization(row), role) for row, role in await session.execute(theirs)]

    async def get(self, organization_id: UUID) -> Organization:
        """One organization.

        Raises:
            NotFound: there is none with this id.
        """
        async with self._database.read_session(organization_id) as session:
            row = await session.get(OrganizationRow, organization_id)
        if row is None:
            raise NotFound("there is no such organization")
        return _organization(row)

    async def slugs(self) -> dict[str, UUID]:
        """Every organization by its slug, the oldest first."""
        oldest_first = select(OrganizationRow.slug, OrganizationRow.id).order_by(
            OrganizationRow.created_at, OrganizationRow.id
        )
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return {row.slug: row.id for row in await session.execute(oldest_first)}

    async def create(self, principal: Principal, *, name: str) -> Organization:
        """Make an organization, and its maker an administrator of it.

        Raises:
            Conflict: the person is in ``MAX_ORGANIZATIONS``.
            Forbidden: the local operator can't be in an organization.
        """
        row = new_organization(name, _slug(name), now=utc_now(self._clock))
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            # The user is held, so that of two requests at one time the second counts the first.
            user = select(UserRow.id).where(UserRow.id == principal.user_id).with_for_update()
            if (await session.scalars(user)).one_or_none() is None:
                raise Forbidden("only a user can make an organization: sign in as one")
            number = select(func.count()).where(MembershipRow.user_id == principal.user_id)
            if (await session.execute(number)).scalar_one() >= MAX_ORGANIZATIONS:
                raise Conflict(
                    f"you are in {MAX_ORGANIZATIONS} organizations; an administrator can take you out of one"
                )
            session.add(row)
            await session.flush()
            session.add(MembershipRow(user_id=principal.user_id, organization_id=row.id, role=Role.ADMIN))
        log.info("accounts.organization_created", organization_id=str(row.id), user_id=str(principal.user_id))
        return _organization(row)

    async def change(self, organization_id: UUID, change: Callable[[Organization], Organization]) -> Organization:
        """Give an organization another name and quota, made of what is so now.

        A quota takes effect here at once, and everywhere within 5 s.

        Raises:
            NotFound: there is none with this id.
        """
        async with self._database.session(organization_id) as session:
            row = await repository.lock_organization(session, organization_id)
            if row is None:
                raise NotFound("there is no such organization")
            changed = change(_organization(row))
            row.name = changed.name
            row.daily_quota_bytes = changed.daily_quota_bytes
        self._on_changed()
        log.info("accounts.organization_changed", organization_id=str(organization_id))
        return _organization(row)


def new_organization(name: str, slug: str, *, now: datetime) -> OrganizationRow:
    """An organization that is not yet in any session."""
    return OrganizationRow(
        id=uuid4(),
        name=name,
        slug=slug,
        content_hash_seed=1 + secrets.randbelow(_LARGEST_SEED),
        created_at=now,
        daily_quota_bytes=None,
    )


def _slug(name: str) -> str:
    """A name for URLs, unique by what is random at its end."""
    readable = _NOT_IN_A_SLUG.sub("-", name.lower())[:_MAX_SLUG_CHARACTERS].strip("-")
    return f"{readable or 'organization'}-{secrets.token_hex(4)}"


def _organization(row: OrganizationRow) -> Organization:
    return Organization(
        id=row.id,
        name=row.name,
        slug=row.slug,
        created_at=row.created_at,
        daily_quota_bytes=row.daily_quota_bytes,
    )
