"""The tables of accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Enum, ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.accounts.contracts import Role
from tocsin.database.tables import Table, UtcDateTime

_Role = Enum(Role, name="role", native_enum=False, length=16, create_constraint=True)
_Json = JSON().with_variant(JSONB(), "postgresql")


class OrganizationRow(Table):
    """A tenant."""

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    #: The key for the content hashes of its logs. Never changes: logs sent again would no longer be recognised.
    content_hash_seed: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: How many bytes of logs it takes in at most in a day; NULL for no limit of its own.
    daily_quota_bytes: Mapped[int | None] = mapped_column(BigInteger)


class UserRow(Table):
    """A person who can log in."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    #: In lower case.
    email: Mapped[str] = mapped_column(Text, unique=True)
    #: argon2id, with its parameters and salt.
    password_hash: Mapped[str] = mapped_column(Text)
    must_change_password: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MembershipRow(Table):
    """What a user may do in an organization."""

    __tablename__ = "memberships"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[Role] = mapped_column(_Role)


class ServiceRow(Table):
    """A service of an organization: what OpenTelemetry calls ``service.name``."""

    __tablename__ = "services"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    active: Mapped[bool]
    owner: Mapped[str | None] = mapped_column(Text)
    configuration: Mapped[dict[str, Any]] = mapped_column(_Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiKeyRow(Table):
    """A sender's key; the secret itself is not kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text, unique=True, index=True)
    keyed_hash: Mapped[bytes] = mapped_column(LargeBinary)
    default_service: Mapped[str] = mapped_column(Text)
    allows_other_services: Mapped[bool]
    #: Of ``KeyScope``; NULL for a key from before keys had any: logs.
    scopes: Mapped[list[str] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The key that a rotation has put in its place.
    replaced_by: Mapped[UUID | None]
    #: The signing key of the hash; NULL for a hash from before signing keys were changed.
    signing_key_id: Mapped[str | None] = mapped_column(Text)


class SessionRow(Table):
    """One place where a person is signed in. Its refresh tokens are signed, and not kept."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    #: The number of its newest refresh token: one with a smaller number was used before.
    generation: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)


class RevocationRow(Table):
    """Access tokens of this session or user are not valid if they were made before this moment."""

    __tablename__ = "revocations"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    revoked_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SpentTicketRow(Table):
    """A ticket that has opened its WebSocket."""

    __tablename__ = "spent_tickets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class PersonalTokenRow(Table):
    """A person's token for programs of their own; the secret itself is not kept."""

    __tablename__ = "personal_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text, unique=True, index=True)
    keyed_hash: Mapped[bytes] = mapped_column(LargeBinary)
    signing_key_id: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(_Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class InvitationRow(Table):
    """A place in an organization that waits for a person. Its link is signed, and not kept."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    #: In lower case.
    email: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(_Role)
    invited_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
