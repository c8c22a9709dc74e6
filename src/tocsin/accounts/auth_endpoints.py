"""``/v1/auth``: signing in and out, and what belongs to the caller alone."""

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from tocsin.accounts.contracts import Origin, Principal
from tocsin.accounts.endpoint_parts import DEPENDENCIES, NOT_STORED, TAGS
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.accounts.schemas import (
    AcceptInvitationRequest,
    ChangePasswordRequest,
    CreatePersonalTokenRequest,
    IssuedPersonalTokenResponse,
    LoginRequest,
    PersonalTokenResponse,
    PersonalTokensResponse,
    PrincipalResponse,
    RefreshRequest,
    ResetPasswordRequest,
    SessionResponse,
    SessionsResponse,
    SignInResponse,
    SwitchRequest,
    TicketResponse,
)
from tocsin.accounts.service import AccountsService
from tocsin.kit.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.kit.problem_responses import problem_responses

Accounts = NamedDependency[AccountsService]
Caller = NamedDependency[Principal]


class SignInController(Controller):
    """How a stranger becomes somebody."""

    path = "/v1/auth"
    tags = TAGS
    cache_control = NOT_STORED
    dependencies = DEPENDENCIES

    @post(
        "/login",
        status_code=200,
        summary="Log in",
        responses=problem_responses(InvalidRequest, Unauthenticated, TooManyRequests, ServiceUnavailable),
    )
    async def login(
        self, data: JSONBody[LoginRequest], accounts: Accounts, origin: NamedDependency[Origin]
    ) -> SignInResponse:
        """Trade an e-mail address and a password for an access token and a refresh token."""
        sign_in = await accounts.login(data.email, data.password, origin, organization_id=data.organization_id)
        return SignInResponse.of(sign_in)

    @post(
        "/refresh",
        status_code=200,
        summary="Get the next access token",
        responses=problem_responses(InvalidRequest, Unauthenticated, TooManyRequests, ServiceUnavailable),
    )
    async def refresh(
        self, data: JSONBody[RefreshRequest], accounts: Accounts, origin: NamedDependency[Origin]
    ) -> SignInResponse:
        """Trade a refresh token for a new pair. One that was used before ends its session: somebody has a copy."""
        return SignInResponse.of(await accounts.sessions.refresh(data.refresh_token, origin))

    @post(
        "/reset-password",
        status_code=204,
        summary="Choose a new password by a link",
        responses=problem_responses(InvalidRequest, Unauthenticated, Conflict, TooManyRequests, ServiceUnavailable),
    )
    async def reset_password(self, data: JSONBody[ResetPasswordRequest], accounts: Accounts) -> None:
        """Choose a new password by the link that an administrator gave; every session ends."""
        await accounts.reset_password(data.token, data.new_password)

    @post(
        "/accept-invitation",
        status_code=200,
        summary="Come into an organization",
        responses=problem_responses(InvalidRequest, Unauthenticated, TooManyRequests, ServiceUnavailable),
    )
    async def accept_invitation(
        self, data: JSONBody[AcceptInvitationRequest], accounts: Accounts, origin: NamedDependency[Origin]
    ) -> SignInResponse:
        """Accept an invitation, with a new password or with that of the account one has already."""
        return SignInResponse.of(await accounts.invitations.accept(data.token, data.password, origin))


class OwnController(Controller):
    """Who one is, where one is signed in, and one's tokens."""

    path = "/v1/auth"
    tags = TAGS
    cache_control = NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get("/me", summary="Who am I?", responses=problem_responses(Unauthenticated, ServiceUnavailable))
    async def me(self, principal: Caller) -> PrincipalResponse:
        """Who the access token says that the caller is."""
        return PrincipalResponse.of(principal)

    @post(
        "/password",
        status_code=200,
        summary="Change one's password",
        responses=problem_responses(
            InvalidRequest, Unauthenticated, Forbidden, Conflict, TooManyRequests, ServiceUnavailable
        ),
    )
    async def change_password(
        self,
        data: JSONBody[ChangePasswordRequest],
        accounts: Accounts,
        principal: Caller,
        origin: NamedDependency[Origin],
    ) -> SignInResponse:
        """Change the caller's password: every session ends, and the answer is a new one."""
        sign_in = await accounts.change_password(principal, data.old_password, data.new_password, origin)
        return SignInResponse.of(sign_in)

    @post(
        "/logout",
        status_code=204,
        summary="Log out",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def logout(self, accounts: Accounts, principal: Caller) -> None:
        """End the session of this request; its tokens are refused everywhere within five seconds."""
        await accounts.sessions.end_own(principal)

    @post(
        "/logout-everywhere",
        status_code=204,
        summary="Log out everywhere",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def logout_everywhere(self, accounts: Accounts, principal: Caller) -> None:
        """End every session of the caller, this one too."""
        await accounts.sessions.end_everywhere(principal)

    @post(
        "/switch",
        status_code=200,
        summary="Go on in another organization",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, NotFound, ServiceUnavailable),
    )
    async def switch(self, data: JSONBody[SwitchRequest], accounts: Accounts, principal: Caller) -> SignInResponse:
        """Trade the session's tokens for tokens in another of the caller's organizations."""
        return SignInResponse.of(await accounts.sessions.switch(principal, data.organization_id))

    @post(
        "/ticket",
        summary="Get a ticket for a WebSocket",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def ticket(self, accounts: Accounts, principal: Caller) -> TicketResponse:
        """A ticket for the parameter ``ticket`` of one WebSocket's URL, good for thirty seconds and one use."""
        return TicketResponse.of(accounts.tickets.issue(principal))

    @get(
        "/sessions",
        summary="Where am I signed in?",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def list_sessions(self, accounts: Accounts, principal: Caller) -> SessionsResponse:
        """Where the caller is signed in, the newest use first."""
        sessions = await accounts.sessions.all_of(principal)
        return SessionsResponse(sessions=[SessionResponse.of(session, principal) for session in sessions])

    @delete(
        "/sessions/{session_id:uuid}",
        summary="Sign out at one place",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, NotFound, ServiceUnavailable),
    )
    async def end_session(self, session_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """End one session of the caller's."""
        await accounts.sessions.end(principal, session_id)

    @get(
        "/tokens",
        summary="List personal access tokens",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def list_tokens(self, accounts: Accounts, principal: Caller) -> PersonalTokensResponse:
        """The caller's tokens in this organization, newest first."""
        tokens = await accounts.personal_tokens.all_of(principal)
        return PersonalTokensResponse(tokens=[PersonalTokenResponse.of(token) for token in tokens])

    @post(
        "/tokens",
        summary="Create a personal access token",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, Conflict, ServiceUnavailable),
    )
    async def create_token(
        self, data: JSONBody[CreatePersonalTokenRequest], accounts: Accounts, principal: Caller
    ) -> IssuedPersonalTokenResponse:
        """Issue a token for programs. Its secret is in this answer and can't be shown again."""
        issued = await accounts.personal_tokens.create(
            principal, name=data.name, scopes=data.scopes, expires_at=data.expires_at
        )
        return IssuedPersonalTokenResponse.of(issued)

    @delete(
        "/tokens/{token_id:uuid}",
        summary="Revoke a personal access token",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, NotFound, ServiceUnavailable),
    )
    async def revoke_token(self, token_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """Make one of the caller's tokens invalid, in every process within five seconds."""
        await accounts.personal_tokens.revoke(principal, token_id)
