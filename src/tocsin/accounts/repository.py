"""The statements that several files of accounts share. Each runs in its caller's session."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts.contracts import Principal, Role, Scope
from tocsin.accounts.recognition import LAST_USED_GRANULARITY, Rehash
from tocsin.accounts.tables import (
    ApiKeyRow,
    MembershipRow,
    OrganizationRow,
    PersonalTokenRow,
    SessionRow,
    UserRow,
)


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A user, in an organization that they act in."""

    user_id: UUID
    organization_id: UUID
    role: Role
    email: str
    password_hash: str = field(repr=False)
    must_change_password: bool

    def principal(
        self,
        *,
        session_id: UUID | None = None,
        scopes: frozenset[Scope] | None = None,
        personal_token_id: UUID | None = None,
        expires_unix_nano: int | None = None,
    ) -> Principal:
        """The member as who acts, by a session or a personal access token."""
        return Principal(
            user_id=self.user_id,
            organization_id=self.organization_id,
            role=self.role,
            email=self.email,
            password_change_required=self.must_change_password,
            session_id=session_id,
            scopes=scopes,
            personal_token_id=personal_token_id,
            expires_unix_nano=expires_unix_nano,
        )


async def first_organization_id(session: AsyncSession) -> UUID | None:
    """The oldest organization, if there is one."""
    oldest = select(OrganizationRow.id).order_by(OrganizationRow.created_at, OrganizationRow.id).limit(1)
    return (await session.execute(oldest)).scalar_one_or_none()


async def member_by_email(session: AsyncSession, email: str, *, organization_id: UUID | None) -> MemberRecord | None:
    """The user with this e-mail address, in one organization or else in the oldest of theirs."""
    memberships = _members().where(UserRow.email == email)
    if organization_id is not None:
        memberships = memberships.where(MembershipRow.organization_id == organization_id)
    return await _first_member(session, memberships)


async def member(session: AsyncSession, user_id: UUID, organization_id: UUID) -> MemberRecord | None:
    """A user in an organization, if they are in it."""
    return await _first_member(
        session, _members().where(UserRow.id == user_id, MembershipRow.organization_id == organization_id)
    )


async def held_member(session: AsyncSession, user_id: UUID, organization_id: UUID) -> MemberRecord | None:
    """A user in an organization, whose password and role stay as they are until the end of the transaction.

    To be taken before any of their sessions: what changes a password or a role takes them in that order too.
    """
    theirs = _members().where(UserRow.id == user_id, MembershipRow.organization_id == organization_id)
    return await _first_member(session, theirs.with_for_update(read=True, of=[UserRow, MembershipRow]))


async def user_by_email(session: AsyncSession, email: str) -> UserRow | None:
    """The user with this e-mail address, in an organization or not."""
    return (await session.scalars(select(UserRow).where(UserRow.email == email))).one_or_none()


async def password_hash(session: AsyncSession, user_id: UUID) -> str | None:
    """The hash of a user's password, if there is such a user."""
    return (await session.execute(select(UserRow.password_hash).where(UserRow.id == user_id))).scalar_one_or_none()


async def replace_password(session: AsyncSession, user_id: UUID, *, old_hash: str, new_hash: str) -> bool:
    """Set the password of a user who has chosen it; False where the old one is no longer what it was."""
    replaced = await session.execute(
        update(UserRow)
        .where(UserRow.id == user_id, UserRow.password_hash == old_hash)
        .values(password_hash=new_hash, must_change_password=False)
        .returning(UserRow.id)
    )
    return replaced.one_or_none() is not None


async def lock_organization(session: AsyncSession, organization_id: UUID) -> OrganizationRow | None:
    """The organization, held until the end of the transaction: what counts its rows first is not overtaken."""
    return (
        await session.scalars(select(OrganizationRow).where(OrganizationRow.id == organization_id).with_for_update())
    ).one_or_none()


async def record_use(
    session: AsyncSession,
    table: type[ApiKeyRow] | type[PersonalTokenRow],
    key_id: UUID,
    *,
    now: datetime,
    rehash: Rehash | None,
) -> None:
    """Note when a secret was used, unless a use less than a minute ago is noted; and its new hash, if it has one."""
    await session.execute(
        update(table)
        .where(table.id == key_id, or_(table.last_used_at.is_(None), table.last_used_at <= now - LAST_USED_GRANULARITY))
        .values(last_used_at=now)
    )
    if rehash is not None:
        values = {"keyed_hash": rehash.keyed_hash, "signing_key_id": rehash.signing_key_id}
        await session.execute(update(table).where(table.id == key_id).values(values))


async def count_hashed_otherwise(
    session: AsyncSession, table: type[ApiKeyRow] | type[PersonalTokenRow], *, signing_key_id: str, now: datetime
) -> int:
    """How many secrets work whose hash is not with this signing key."""
    working = select(func.count()).where(
        table.revoked_at.is_(None),
        or_(table.expires_at.is_(None), table.expires_at > now),
        or_(table.signing_key_id.is_(None), table.signing_key_id != signing_key_id),
    )
    return (await session.execute(working)).scalar_one()


async def forget_ended_sessions(session: AsyncSession, *, before: datetime) -> None:
    """Forget sessions that ended before a moment, by themselves or not."""
    await session.execute(delete(SessionRow).where(or_(SessionRow.ended_at < before, SessionRow.expires_at < before)))


def _members() -> Select[UserRow, MembershipRow]:
    return (
        select(UserRow, MembershipRow)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .join(OrganizationRow, OrganizationRow.id == MembershipRow.organization_id)
        .order_by(OrganizationRow.created_at, OrganizationRow.id)
        .limit(1)
    )


async def _first_member(session: AsyncSession, memberships: Select[UserRow, MembershipRow]) -> MemberRecord | None:
    row = (await session.execute(memberships)).one_or_none()
    if row is None:
        return None
    user, membership = row
    return MemberRecord(
        user_id=user.id,
        organization_id=membership.organization_id,
        role=membership.role,
        email=user.email,
        password_hash=user.password_hash,
        must_change_password=user.must_change_password,
    )
