"""What other rooms see of accounts: identities, and what is handed out once."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a member may do in an organization."""

    ADMIN = "ADMIN"
    DEVELOPER = "DEVELOPER"
    VIEWER = "VIEWER"


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who showed a valid access token, and the organization that they act in."""

    user_id: UUID
    organization_id: UUID
    role: Role
    email: str
    #: Until they change it, a person with a one-time password may look, and administer nothing.
    password_change_required: bool = False


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A sender that showed a valid API key."""

    key_id: UUID
    organization_id: UUID
    #: The service of logs that name none.
    default_service: str
    #: Whether logs may name another service than the default.
    allows_other_services: bool
    #: The organization's key for the content hashes of logs: positive, 63 bits.
    content_hash_seed: int = field(repr=False)
    #: The most bytes that the organization lets itself send in a day; None where only the installation's ceiling holds.
    daily_quota_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first start hands out; the secrets are not kept and can't be shown again."""

    admin_email: str
    admin_password: str = field(repr=False)
    api_key: str = field(repr=False)
    organization_id: UUID


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token for the API."""

    token: str = field(repr=False)
    expires_in_seconds: int
    password_change_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """An API key without its secret."""

    id: UUID
    name: str
    #: The secret begins with ``svc_<prefix>_``: enough to recognise a key, not to use it.
    prefix: str
    default_service: str
    allows_other_services: bool
    created_at: datetime
    #: To the minute.
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key with its secret, which is not kept and can't be shown again."""

    key: ApiKeySummary
    secret: str = field(repr=False)
