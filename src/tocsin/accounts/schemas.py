"""Signing in, sessions and tokens as they are on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from msgspec import Meta

from tocsin.accounts.contracts import (
    IssuedPersonalToken,
    PersonalTokenSummary,
    Principal,
    Role,
    Scope,
    SessionSummary,
    SignIn,
    Ticket,
)
from tocsin.kit.text_forms import FORM_IN_WORDS, NO_NUL, NOT_BLANK

# Not blank, without control characters: as ingest wants the names of services. PostgreSQL takes no NUL in any text.
_NAME_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NAME_FORM, extra=NOT_BLANK)]

#: An address that people can be invited by; what it names is for the mail to find out.
EmailAddress = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=320,
        pattern=r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$(?![\s\S])",
        examples=["ada@example.com"],
        extra={FORM_IN_WORDS: "an e-mail address, such as ada@example.com"},
    ),
]
Password = Annotated[str, Meta(min_length=1, max_length=1_024)]
NewPassword = Annotated[str, Meta(min_length=12, max_length=1_024)]
SignedText = Annotated[str, Meta(min_length=1, max_length=4_096)]


class Confidential(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps its fields out of messages, logs and tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Mirror(msgspec.Struct, frozen=True, kw_only=True):
    """Shows a contract as it is: its fields of the same names."""

    @classmethod
    def of(cls, contract: object) -> Self:
        """The contract on the wire."""
        return msgspec.convert(contract, cls, from_attributes=True)


class LoginRequest(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logs in."""

    email: Annotated[
        str, Meta(min_length=1, max_length=320, pattern=r"^[^\x00]*$", examples=["admin@localhost"], extra=NO_NUL)
    ]
    password: Password
    organization_id: Annotated[
        UUID | None, Meta(description="Which of one's organizations; the oldest where left out.")
    ] = None


class RefreshRequest(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token of the last sign-in or refresh. It is good for one use."""

    refresh_token: SignedText


class ChangePasswordRequest(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's password, and the one that they want."""

    old_password: Password
    new_password: NewPassword


class ResetPasswordRequest(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of an administrator's link, and the password that is wanted."""

    token: SignedText
    new_password: NewPassword


class AcceptInvitationRequest(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token of an invitation's link, and a password: a new one, or that of the account one has already."""

    token: SignedText
    password: Password


class SwitchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The organization to go on in."""

    organization_id: UUID


class SignInResponse(Confidential, frozen=True, kw_only=True):
    """A bearer token for the header ``Authorization``, and what brings the next one."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in_seconds: int
    password_change_required: Annotated[
        bool, Meta(description="Until the password is changed, the token may read, and change nothing else.")
    ]
    refresh_token: Annotated[
        str, Meta(description="For `POST /v1/auth/refresh`, once. Shown again, it ends the session.")
    ]
    refresh_expires_in_seconds: int

    @classmethod
    def of(cls, sign_in: SignIn) -> "SignInResponse":
        """The tokens on the wire."""
        return cls(
            access_token=sign_in.access.token,
            expires_in_seconds=sign_in.access.expires_in_seconds,
            password_change_required=sign_in.access.password_change_required,
            refresh_token=sign_in.refresh_token,
            refresh_expires_in_seconds=sign_in.refresh_expires_in_seconds,
        )


class PrincipalResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is."""

    user_id: UUID
    organization_id: UUID
    email: str
    role: Role
    password_change_required: bool
    scopes: Annotated[
        list[Scope] | None,
        Meta(description="What a personal access token may be used for; null where the role decides."),
    ]

    @classmethod
    def of(cls, principal: Principal) -> "PrincipalResponse":
        """The principal on the wire."""
        return cls(
            user_id=principal.user_id,
            organization_id=principal.organization_id,
            email=principal.email,
            role=principal.role,
            password_change_required=principal.password_change_required,
            scopes=None if principal.scopes is None else sorted(principal.scopes),
        )


class TicketResponse(Confidential, frozen=True, kw_only=True):
    """Opens one WebSocket, as the parameter ``ticket`` of its URL."""

    ticket: str
    expires_in_seconds: int

    @classmethod
    def of(cls, ticket: Ticket) -> "TicketResponse":
        """The ticket on the wire."""
        return cls(ticket=ticket.ticket, expires_in_seconds=ticket.expires_in_seconds)


class SessionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the caller is signed in."""

    id: UUID
    organization_id: UUID
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    is_this: Annotated[bool, Meta(description="Whether it is the session of this request.")]

    @classmethod
    def of(cls, session: SessionSummary, principal: Principal) -> "SessionResponse":
        """The session on the wire, for one of its owner's."""
        return cls(
            id=session.id,
            organization_id=session.organization_id,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
            address=session.address,
            user_agent=session.user_agent,
            is_this=session.id == principal.session_id,
        )


class SessionsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Where the caller is signed in, the newest use first."""

    sessions: list[SessionResponse]


class CreatePersonalTokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The personal access token that is wanted."""

    name: Name
    scopes: Annotated[list[Scope], Meta(min_length=1, description="What it may be used for, within the owner's role.")]
    expires_at: Annotated[datetime, Meta(tz=True, description="At most 366 days away.")]


class PersonalTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A personal access token without its secret."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, token: PersonalTokenSummary) -> "PersonalTokenResponse":
        """The token on the wire."""
        return cls(
            id=token.id,
            name=token.name,
            prefix=token.prefix,
            scopes=sorted(token.scopes),
            created_at=token.created_at,
            last_used_at=token.last_used_at,
            expires_at=token.expires_at,
        )


class PersonalTokensResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's personal access tokens in this organization, newest first."""

    tokens: list[PersonalTokenResponse]


class IssuedPersonalTokenResponse(Confidential, frozen=True, kw_only=True):
    """A new personal access token; its secret is shown this once."""

    token: PersonalTokenResponse
    secret: Annotated[str, Meta(description="For the header `Authorization: Bearer …`. It can't be shown again.")]

    @classmethod
    def of(cls, issued: IssuedPersonalToken) -> "IssuedPersonalTokenResponse":
        """The new token on the wire."""
        return cls(token=PersonalTokenResponse.of(issued.token), secret=issued.secret)
