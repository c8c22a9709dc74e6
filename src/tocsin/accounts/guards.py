"""Who is asking, for endpoints of every room.

The application holds the ``AccountsService`` in its state under ``ACCOUNTS_STATE``. An endpoint takes the caller as a
dependency (``{"principal": Provide(provide_principal)}``), and a guard says which roles may call it.
"""

from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from tocsin.accounts.contracts import KeyIdentity, Principal, Role
from tocsin.accounts.service import AccountsService
from tocsin.kit.errors import Forbidden, Unauthenticated

#: Where the application's state holds the ``AccountsService``.
ACCOUNTS_STATE = "accounts"

#: The names of the two ways to show who one is, in the API's description.
ACCESS_TOKEN_SECURITY: list[dict[str, list[str]]] = [{"accessToken": []}]
API_KEY_SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}]

API_KEY_HEADER = "X-API-Key"

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def accounts_of(connection: AnyConnection) -> AccountsService:
    """The application's ``AccountsService``."""
    service: AccountsService = connection.app.state[ACCOUNTS_STATE]
    return service


async def provide_accounts(request: Request[Any, Any, Any]) -> AccountsService:
    """Dependency: the application's ``AccountsService``."""
    return accounts_of(request)


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Dependency: who bears the access token.

    Raises:
        Unauthenticated: there is no valid token.
    """
    return _bearer(request)


async def provide_key_identity(request: Request[Any, Any, Any]) -> KeyIdentity:
    """Dependency: whose API key is in the header ``X-API-Key``.

    Raises:
        Unauthenticated: there is no such header, or the key is not valid.
        ServiceUnavailable: the key is not in memory, and the database can't be reached.
    """
    secret = request.headers.get(API_KEY_HEADER)
    if not secret:
        raise Unauthenticated(f"the header {API_KEY_HEADER} is missing")
    return await accounts_of(request).authenticate_key(secret)


def requires_role(*roles: Role) -> Guard:
    """A guard that lets principals with one of these roles pass.

    The guard raises ``Unauthenticated`` when there is no valid token, and ``Forbidden`` when the principal has another
    role, or has yet to change their one-time password: until then they may look, and change nothing but it.
    """

    def guard(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        principal = _bearer(connection)
        if principal.password_change_required:
            raise Forbidden("change your one-time password first: POST /v1/auth/password")
        if principal.role not in roles:
            raise Forbidden(f"this takes the role {' or '.join(roles)}, yours is {principal.role}")

    return guard


def bearer_token(connection: AnyConnection) -> str | None:
    """The access token in the header ``Authorization``, where there is one."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _bearer(connection: AnyConnection) -> Principal:
    token = bearer_token(connection)
    if token is None:
        raise Unauthenticated("the header Authorization with a bearer token is missing")
    return accounts_of(connection).principal_of(token)
