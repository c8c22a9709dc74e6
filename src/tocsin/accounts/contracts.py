"""What other rooms see of accounts: identities, rules, and what is handed out once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a member may do in an organization."""

    ADMIN = "ADMIN"
    DEVELOPER = "DEVELOPER"
    VIEWER = "VIEWER"


class Scope(StrEnum):
    """What a personal access token may be used for, within what its owner's role allows."""

    LOGS_READ = "logs:read"
    SEARCHES_READ = "searches:read"
    SEARCHES_WRITE = "searches:write"
    PATTERNS_WRITE = "patterns:write"
    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    INGEST_READ = "ingest:read"
    SERVICES_READ = "services:read"
    SERVICES_WRITE = "services:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_WRITE = "organization:write"


class KeyScope(StrEnum):
    """What an API key may be used for."""

    LOGS_WRITE = "logs:write"
    ALERTS_WRITE = "alerts:write"
    DEPLOYS_WRITE = "deploys:write"


LOGS_ONLY = frozenset({KeyScope.LOGS_WRITE})
"""What a key is for where nothing is said: it lies on many machines, and wakes nobody who finds it."""


#: The user of whoever holds the signing key, and needs no user of their own.
LOCAL_OPERATOR_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who showed a valid token, and the organization that they act in."""

    user_id: UUID
    organization_id: UUID
    role: Role
    email: str
    #: Until they change it, a person with a one-time password may look, and administer nothing.
    password_change_required: bool = False
    #: The session that an access token is of; None for a personal access token and for the local operator.
    session_id: UUID | None = None
    #: What a personal access token may be used for; None where the role alone decides.
    scopes: frozenset[Scope] | None = None
    #: When the token was made and when it ends; an end of None is none.
    issued_unix_nano: int = 0
    expires_unix_nano: int | None = None
    #: Which personal access token was shown.
    personal_token_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A sender that showed a valid API key."""

    key_id: UUID
    organization_id: UUID
    #: The service of logs that name none.
    default_service: str
    #: Whether logs may name another service than the default; one that is new is then made.
    allows_other_services: bool
    #: The organization's key for the content hashes of logs: positive, 63 bits.
    content_hash_seed: int = field(repr=False)
    #: How many bytes the organization wants to take in at most in a day; None for no limit of its own.
    daily_quota_bytes: int | None = None
    scopes: frozenset[KeyScope] = LOGS_ONLY


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request of a person comes from."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the first start hands out; the secrets are not kept and can't be shown again."""

    admin_email: str
    admin_password: str = field(repr=False)
    api_key: str = field(repr=False)
    organization_id: UUID
    #: Whether the operator has given the password or the key, and so knows it.
    password_is_given: bool = False
    api_key_is_given: bool = False


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token for the API."""

    token: str = field(repr=False)
    expires_in_seconds: int
    password_change_required: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """What who signed in gets: a token for the API, and one that brings the next pair."""

    access: AccessToken
    refresh_token: str = field(repr=False)
    refresh_expires_in_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One place where a person is signed in."""

    id: UUID
    organization_id: UUID
    created_at: datetime
    #: When it last got a new access token.
    used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """Opens one WebSocket, once and soon."""

    ticket: str = field(repr=False)
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """Lets its bearer choose a password: for an invitation, or in place of one that was lost."""

    email: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTokenSummary:
    """A personal access token without its secret."""

    id: UUID
    name: str
    #: The secret begins with ``pat_<prefix>_``.
    prefix: str
    scopes: frozenset[Scope]
    created_at: datetime
    #: To the minute.
    last_used_at: datetime | None
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedPersonalToken:
    """A new personal access token with its secret, which is not kept and can't be shown again."""

    token: PersonalTokenSummary
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """An API key without its secret."""

    id: UUID
    name: str
    #: The secret begins with ``svc_<prefix>_``: enough to recognise a key, not to use it.
    prefix: str
    default_service: str
    allows_other_services: bool
    #: By name.
    scopes: tuple[KeyScope, ...]
    created_at: datetime
    #: To the minute.
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    #: The key that a rotation has put in its place.
    replaced_by: UUID | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key with its secret, which is not kept and can't be shown again."""

    key: ApiKeySummary
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A tenant."""

    id: UUID
    name: str
    slug: str
    created_at: datetime
    #: How many bytes of logs it takes in at most in a day; None for no limit of its own.
    daily_quota_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in an organization."""

    user_id: UUID
    email: str
    role: Role
    #: Whether they still have a one-time password.
    must_change_password: bool
    #: When they last got an access token in this organization.
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A place that waits for a person."""

    id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of an organization: what OpenTelemetry calls ``service.name``."""

    id: UUID
    name: str
    #: Who answers for it: a person or a team, in their organization's own words.
    owner: str | None
    labels: Mapping[str, str]
    #: The name of a retention class; None for the default.
    retention_class: str | None
    repository_url: str | None
    #: An inactive service's logs are not stored but kept as dead letters.
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KnownServices:
    """The services of an organization, as they were a few seconds ago at most."""

    active: frozenset[str]
    inactive: frozenset[str]
    #: Whether no further service is registered.
    is_full: bool

    def unknown(self, names: Iterable[str]) -> set[str]:
        """Those that have no entry yet."""
        return set(names) - self.active - self.inactive
