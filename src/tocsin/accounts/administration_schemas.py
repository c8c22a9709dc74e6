"""Organizations, users, services and API keys as they are on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tocsin.accounts.contracts import (
    LOGS_ONLY,
    IssuedKey,
    KeyScope,
    Role,
)
from tocsin.accounts.schemas import Confidential, EmailAddress, Mirror, Name
from tocsin.kit.text_forms import FORM_IN_WORDS, NO_CONTROL_CHARACTERS

_NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$(?![\s\S])"
_LabelKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        pattern=r"^[A-Za-z0-9_./-]+$(?![\s\S])",
        extra={FORM_IN_WORDS: "of letters, digits and _ . / -"},
    ),
]
_LabelValue = Annotated[str, Meta(max_length=200, pattern=_NO_CONTROL_CHARACTERS, extra=NO_CONTROL_CHARACTERS)]
_Labels = Annotated[dict[_LabelKey, _LabelValue], Meta(max_length=50, examples=[{"team": "payments"}])]
_Owner = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NO_CONTROL_CHARACTERS, extra=NO_CONTROL_CHARACTERS)]
_RetentionClass = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9-]+$(?![\s\S])",
        description="Kept, to be read by people; nothing is deleted by it yet.",
        extra={FORM_IN_WORDS: "of lower-case letters, digits and -"},
    ),
]
_RepositoryUrl = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=r"^https?://[^\x00-\x20\x7f]+$(?![\s\S])",
        examples=["https://git.example.com/shop/payment"],
        extra={FORM_IN_WORDS: "a URL that begins with http:// or https://, without blanks"},
    ),
]
#: Less could not hold one request; more than an exbibyte is no limit.
_QuotaBytes = Annotated[int, Meta(ge=1, le=2**60, description="How many bytes of logs are taken in at most in a day.")]


class OrganizationResponse(Mirror, frozen=True, kw_only=True):
    """A tenant."""

    id: UUID
    name: str
    slug: str
    created_at: datetime
    daily_quota_bytes: int | None


class MembershipResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An organization that the caller is in, and their role there."""

    organization: OrganizationResponse
    role: Role


class OrganizationsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The organizations that the caller is in, the oldest first."""

    organizations: list[MembershipResponse]


class CreateOrganizationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The organization that is wanted."""

    name: Name


class ChangeOrganizationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays."""

    name: Name | UnsetType = UNSET
    daily_quota_bytes: _QuotaBytes | UnsetType | None = UNSET


class MemberResponse(Mirror, frozen=True, kw_only=True):
    """A person in the organization."""

    user_id: UUID
    email: str
    role: Role
    must_change_password: bool
    last_seen_at: datetime | None


class MembersResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody in the organization, by e-mail address."""

    users: list[MemberResponse]


class ChangeUserRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person may do from now on."""

    role: Role


class PasswordLinkResponse(Confidential, frozen=True, kw_only=True):
    """A link for one person, by which they choose their password. It is good for one use."""

    email: str
    link: str
    token: Annotated[
        str, Meta(description="What the link carries, for `POST /v1/auth/reset-password` or `…/accept-invitation`.")
    ]
    expires_at: datetime


class InviteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is invited."""

    email: EmailAddress
    role: Role


class InvitationResponse(Mirror, frozen=True, kw_only=True):
    """A place that waits for a person."""

    id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime


class InvitationsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The invitations that wait, newest first."""

    invitations: list[InvitationResponse]


class NewInvitationResponse(Confidential, frozen=True, kw_only=True):
    """An invitation, and the link to pass on; it is shown this once."""

    invitation: InvitationResponse
    link: PasswordLinkResponse


class CreateServiceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service, and what is said of it."""

    name: Annotated[
        Name, Meta(description="OpenTelemetry's `service.name`, as its logs bear it.", examples=["payment"])
    ]
    owner: Annotated[_Owner | None, Meta(description="Who answers for it, such as a team.")] = None
    labels: _Labels = {}
    retention_class: _RetentionClass | None = None
    repository_url: _RepositoryUrl | None = None
    active: Annotated[bool, Meta(description="An inactive service's logs are kept as dead letters.")] = True


class ChangeServiceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays. The name stays: logs bear it."""

    owner: _Owner | UnsetType | None = UNSET
    labels: _Labels | UnsetType = UNSET
    retention_class: _RetentionClass | UnsetType | None = UNSET
    repository_url: _RepositoryUrl | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


class ServiceResponse(Mirror, frozen=True, kw_only=True):
    """A service of the organization."""

    id: UUID
    name: str
    owner: str | None
    labels: dict[str, str]
    retention_class: str | None
    repository_url: str | None
    active: bool
    created_at: datetime


class ServicesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every service of the organization, by name."""

    services: list[ServiceResponse]


class CreateKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API key that is wanted."""

    name: Name
    default_service: Annotated[Name, Meta(description="The service of logs that name none.")]
    allows_other_services: Annotated[
        bool, Meta(description="Whether logs may name another service; one that is new is registered.")
    ] = False
    scopes: Annotated[list[KeyScope], Meta(min_length=1, max_length=3, description="What it may be used for.")] = (
        msgspec.field(default_factory=lambda: sorted(LOGS_ONLY))
    )
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class RotateKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is replaced."""

    overlap_seconds: Annotated[
        int, Meta(ge=0, le=90 * 24 * 3600, description="For how long the old key works beside the new one.")
    ] = 24 * 3600


class ApiKeyResponse(Mirror, frozen=True, kw_only=True):
    """An API key without its secret."""

    id: UUID
    name: str
    prefix: str
    default_service: str
    allows_other_services: bool
    scopes: list[KeyScope]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None


class ApiKeysResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every API key of the organization, newest first, revoked ones too."""

    keys: tuple[ApiKeyResponse, ...]


class IssuedKeyResponse(Confidential, frozen=True, kw_only=True):
    """A new API key; its secret is shown this once."""

    key: ApiKeyResponse
    secret: Annotated[str, Meta(description="For the header `X-API-Key`. It can't be shown again.")]

    @classmethod
    def of(cls, issued: IssuedKey) -> "IssuedKeyResponse":
        """The new key on the wire."""
        return cls(key=ApiKeyResponse.of(issued.key), secret=issued.secret)
