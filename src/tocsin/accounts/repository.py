"""The statements of accounts. Each runs in its caller's session."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts.contracts import ApiKeySummary, Role
from tocsin.accounts.tables import ApiKeyRow, MembershipRow, OrganizationRow, UserRow


@dataclass(frozen=True, slots=True)
class Member:
    """A user, in the organization that they act in."""

    user_id: UUID
    organization_id: UUID
    role: Role
    email: str
    password_hash: str = field(repr=False)
    must_change_password: bool


async def first_organization_id(session: AsyncSession) -> UUID | None:
    """The oldest organization, if there is one."""
    oldest = select(OrganizationRow.id).order_by(OrganizationRow.created_at, OrganizationRow.id).limit(1)
    return (await session.execute(oldest)).scalar_one_or_none()


async def content_hash_seed(session: AsyncSession, organization_id: UUID) -> int | None:
    """The organization's key for content hashes, if there is such an organization."""
    seed = select(OrganizationRow.content_hash_seed).where(OrganizationRow.id == organization_id)
    return (await session.execute(seed)).scalar_one_or_none()


async def member_by_email(session: AsyncSession, email: str) -> Member | None:
    """The user with this e-mail address, in the oldest of their organizations."""
    memberships = (
        select(UserRow, MembershipRow)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .join(OrganizationRow, OrganizationRow.id == MembershipRow.organization_id)
        .where(UserRow.email == email)
        .order_by(OrganizationRow.created_at, OrganizationRow.id)
        .limit(1)
    )
    row = (await session.execute(memberships)).one_or_none()
    if row is None:
        return None
    user, membership = row
    return Member(
        user_id=user.id,
        organization_id=membership.organization_id,
        role=membership.role,
        email=user.email,
        password_hash=user.password_hash,
        must_change_password=user.must_change_password,
    )


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


async def valid_key(session: AsyncSession, prefix: str) -> tuple[ApiKeyRow, int] | None:
    """The key with this prefix, unless it is revoked, and its organization's key for content hashes."""
    key = (
        select(ApiKeyRow, OrganizationRow.content_hash_seed)
        .join(OrganizationRow, OrganizationRow.id == ApiKeyRow.organization_id)
        .where(ApiKeyRow.prefix == prefix, ApiKeyRow.revoked_at.is_(None))
    )
    row = (await session.execute(key)).one_or_none()
    return None if row is None else (row[0], row[1])


async def record_key_use(session: AsyncSession, key_id: UUID, *, now: datetime, granularity: timedelta) -> None:
    """Note when a key was used, unless a use less than ``granularity`` ago is noted."""
    await session.execute(
        update(ApiKeyRow)
        .where(
            ApiKeyRow.id == key_id,
            or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= now - granularity),
        )
        .values(last_used_at=now)
    )


async def keys_of(session: AsyncSession, organization_id: UUID) -> list[ApiKeySummary]:
    """Every key of an organization, newest first, revoked ones too."""
    keys = (
        select(ApiKeyRow)
        .where(ApiKeyRow.organization_id == organization_id)
        .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id)
    )
    return [summary_of(row) for row in await session.scalars(keys)]


async def revoke_key(session: AsyncSession, organization_id: UUID, key_id: UUID, *, now: datetime) -> str | None:
    """Revoke a key, unless it is already; its prefix, or None where the organization has no such key."""
    await session.execute(
        update(ApiKeyRow)
        .where(
            ApiKeyRow.id == key_id,
            ApiKeyRow.organization_id == organization_id,
            ApiKeyRow.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    prefix = select(ApiKeyRow.prefix).where(ApiKeyRow.id == key_id, ApiKeyRow.organization_id == organization_id)
    return (await session.execute(prefix)).scalar_one_or_none()


def summary_of(row: ApiKeyRow) -> ApiKeySummary:
    """The key without its hash."""
    return ApiKeySummary(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        default_service=row.default_service,
        allows_other_services=row.allows_other_services,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
