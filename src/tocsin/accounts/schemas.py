"""Accounts as they are on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from tocsin.accounts.contracts import AccessToken, ApiKeySummary, IssuedKey, Principal, Role

# Not blank, without control characters: as ingest wants the names of services. PostgreSQL takes no NUL in any text.
_NAME_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NAME_FORM)]
_Password = Annotated[str, Meta(min_length=1, max_length=1_024)]


class _Confidential(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps its fields out of messages, logs and tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class LoginRequest(_Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logs in."""

    email: Annotated[str, Meta(min_length=1, max_length=320, pattern=r"^[^\x00]*$", examples=["admin@localhost"])]
    password: _Password


class ChangePasswordRequest(_Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's password, and the one that they want."""

    old_password: _Password
    new_password: Annotated[str, Meta(min_length=12, max_length=1_024)]


class AccessTokenResponse(_Confidential, frozen=True, kw_only=True):
    """A bearer token for the header ``Authorization``."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in_seconds: int
    password_change_required: Annotated[
        bool, Meta(description="Until the password is changed, the token may read, and change nothing else.")
    ]

    @classmethod
    def of(cls, token: AccessToken) -> "AccessTokenResponse":
        """The token on the wire."""
        return cls(
            access_token=token.token,
            expires_in_seconds=token.expires_in_seconds,
            password_change_required=token.password_change_required,
        )


class PrincipalResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is."""

    user_id: UUID
    organization_id: UUID
    email: str
    role: Role
    password_change_required: bool

    @classmethod
    def of(cls, principal: Principal) -> "PrincipalResponse":
        """The principal on the wire."""
        return cls(
            user_id=principal.user_id,
            organization_id=principal.organization_id,
            email=principal.email,
            role=principal.role,
            password_change_required=principal.password_change_required,
        )


class CreateKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API key that is wanted."""

    name: _Name
    default_service: Annotated[_Name, Meta(description="The service of logs that name none.")]
    allows_other_services: Annotated[bool, Meta(description="Whether logs may name another service.")] = False
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ApiKeyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret."""

    id: UUID
    name: str
    prefix: str
    default_service: str
    allows_other_services: bool
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKeySummary) -> "ApiKeyResponse":
        """The key on the wire."""
        return cls(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            default_service=key.default_service,
            allows_other_services=key.allows_other_services,
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


class ApiKeysResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every API key of the organization, newest first, revoked ones too."""

    keys: tuple[ApiKeyResponse, ...]


class IssuedKeyResponse(_Confidential, frozen=True, kw_only=True):
    """A new API key; its secret is shown this once."""

    key: ApiKeyResponse
    secret: Annotated[str, Meta(description="For the header `X-API-Key`. It can't be shown again.")]

    @classmethod
    def of(cls, issued: IssuedKey) -> "IssuedKeyResponse":
        """The new key on the wire."""
        return cls(key=ApiKeyResponse.of(issued.key), secret=issued.secret)
