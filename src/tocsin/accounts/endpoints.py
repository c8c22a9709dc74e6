"""The HTTP endpoints of accounts."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, delete, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody
from litestar.types import Dependencies, Guard

from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.guards import (
    ACCESS_TOKEN_SECURITY,
    provide_accounts,
    provide_principal,
    requires_role,
)
from tocsin.accounts.schemas import (
    AccessTokenResponse,
    ApiKeyResponse,
    ApiKeysResponse,
    ChangePasswordRequest,
    CreateKeyRequest,
    IssuedKeyResponse,
    LoginRequest,
    PrincipalResponse,
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
from tocsin.limits.addresses import UNKNOWN_ADDRESS

_TAGS = ["accounts"]
_NOT_STORED = CacheControlHeader(no_store=True)
_ADMINISTRATORS: list[Guard] = [requires_role(Role.ADMIN)]
_DEPENDENCIES: Dependencies = {
    "accounts": Provide(provide_accounts),
    "principal": Provide(provide_principal),
}

AnyRequest = Request[Any, Any, Any]


class AuthController(Controller):
    """Logging in, and who one is then."""

    path = "/v1/auth"
    tags = _TAGS
    cache_control = _NOT_STORED
    dependencies = _DEPENDENCIES

    @post(
        "/login",
        status_code=200,
        summary="Log in",
        responses=problem_responses(InvalidRequest, Unauthenticated, TooManyRequests, ServiceUnavailable),
    )
    async def login(
        self, request: AnyRequest, data: JSONBody[LoginRequest], accounts: NamedDependency[AccountsService]
    ) -> AccessTokenResponse:
        """Trade an e-mail address and a password for an access token."""
        return AccessTokenResponse.of(await accounts.login(data.email, data.password, address=_address(request)))

    @post(
        "/password",
        status_code=200,
        summary="Change one's password",
        security=ACCESS_TOKEN_SECURITY,
        responses=problem_responses(
            InvalidRequest, Unauthenticated, Forbidden, Conflict, TooManyRequests, ServiceUnavailable
        ),
    )
    async def change_password(
        self,
        request: AnyRequest,
        data: JSONBody[ChangePasswordRequest],
        accounts: NamedDependency[AccountsService],
        principal: NamedDependency[Principal],
    ) -> AccessTokenResponse:
        """Change the caller's password; the answer is a new access token."""
        token = await accounts.change_password(
            principal, data.old_password, data.new_password, address=_address(request)
        )
        return AccessTokenResponse.of(token)

    @get(
        "/me",
        summary="Who am I?",
        security=ACCESS_TOKEN_SECURITY,
        responses=problem_responses(Unauthenticated),
    )
    async def me(self, principal: NamedDependency[Principal]) -> PrincipalResponse:
        """Who the access token says that the caller is."""
        return PrincipalResponse.of(principal)


class KeysController(Controller):
    """The organization's API keys, for administrators."""

    path = "/v1/keys"
    tags = _TAGS
    cache_control = _NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    guards = _ADMINISTRATORS
    dependencies = _DEPENDENCIES

    @get(
        "/",
        summary="List API keys",
        responses=problem_responses(Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def list_keys(
        self, accounts: NamedDependency[AccountsService], principal: NamedDependency[Principal]
    ) -> ApiKeysResponse:
        """Every API key of the organization, newest first, revoked ones too."""
        keys = await accounts.list_keys(principal.organization_id)
        return ApiKeysResponse(keys=tuple(ApiKeyResponse.of(key) for key in keys))

    @post(
        "/",
        summary="Create an API key",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, ServiceUnavailable),
    )
    async def create_key(
        self,
        data: JSONBody[CreateKeyRequest],
        accounts: NamedDependency[AccountsService],
        principal: NamedDependency[Principal],
    ) -> IssuedKeyResponse:
        """Issue an API key. Its secret is in this answer and can't be shown again."""
        issued = await accounts.create_key(
            principal.organization_id,
            name=data.name,
            default_service=data.default_service,
            allows_other_services=data.allows_other_services,
            expires_at=data.expires_at,
        )
        return IssuedKeyResponse.of(issued)

    @delete(
        "/{key_id:uuid}",
        summary="Revoke an API key",
        responses=problem_responses(InvalidRequest, Unauthenticated, Forbidden, NotFound, ServiceUnavailable),
    )
    async def revoke_key(
        self, key_id: FromPath[UUID], accounts: NamedDependency[AccountsService], principal: NamedDependency[Principal]
    ) -> None:
        """Make a key invalid for good, in every process within five seconds."""
        await accounts.revoke_key(principal.organization_id, key_id)


#: What ``api`` mounts.
ROUTE_HANDLERS = (AuthController, KeysController)


def _address(request: AnyRequest) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else UNKNOWN_ADDRESS
