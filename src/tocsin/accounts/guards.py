"""Who is asking, for endpoints of every room.

The application holds the ``AccountsService`` in its state under ``ACCOUNTS_STATE``. Its guard finds out once who calls
(``authenticate``) and holds them against the endpoint's rule; an endpoint takes the caller as a dependency.
"""

from typing import Any

from litestar.connection import ASGIConnection, Request

from tocsin.accounts.access import Caller, Rule
from tocsin.accounts.contracts import KeyIdentity, Origin, Principal
from tocsin.accounts.key_secrets import API_KEY, PERSONAL_TOKEN
from tocsin.accounts.service import AccountsService
from tocsin.kit.errors import TocsinError, Unauthenticated
from tocsin.limits.addresses import UNKNOWN_ADDRESS

#: Where the application's state holds the ``AccountsService``.
ACCOUNTS_STATE = "accounts"

#: The names of the two ways to show who one is, in the API's description.
ACCESS_TOKEN_SECURITY: list[dict[str, list[str]]] = [{"accessToken": []}]
API_KEY_SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}]

API_KEY_HEADER = "X-API-Key"

#: The parameter of a WebSocket's URL with a ticket.
TICKET_PARAMETER = "ticket"

#: Where a connection's own state holds who calls, by which rule they may, and why they may not.
_CALLER = "tocsin_caller"
_RULE = "tocsin_rule"
_REFUSAL = "tocsin_refusal"

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def accounts_of(connection: AnyConnection) -> AccountsService:
    """The application's ``AccountsService``."""
    service: AccountsService = connection.app.state[ACCOUNTS_STATE]
    return service


async def authenticate(connection: AnyConnection, rule: Rule) -> KeyIdentity | Principal | None:
    """Find out who calls and whether the rule lets them; what follows reads it from the connection.

    None is nobody: where anyone may call, or where a WebSocket has yet to say who it is. One that is refused is told
    so by its endpoint (``known_principal``): before it is accepted, it could not hear why.

    Raises:
        Unauthenticated: what the rule asks for is missing, or not valid.
        Forbidden: the caller may not do this.
        ServiceUnavailable: the database is needed to tell, and can't be reached.
    """
    connection.scope["state"][_RULE] = rule
    match rule.caller:
        case Caller.ANYONE:
            return None
        case Caller.SENDER:
            key = await _sender(connection)
            rule.check_key(key)
            connection.scope["state"][_CALLER] = key
            return key
        case Caller.PERSON:
            if rule.in_band:
                return await _on_a_socket(connection, rule)
            return await _checked_person(connection, rule)


def costs_a_read(connection: AnyConnection, rule: Rule) -> bool:
    """Whether finding out who calls takes a read of the database that the caller has to wait for."""
    accounts = accounts_of(connection)
    if rule.caller is Caller.SENDER:
        return not accounts.keys.is_known(_api_key(connection) or "")
    token = bearer_token(connection) if rule.caller is Caller.PERSON else None
    return token is not None and PERSONAL_TOKEN.is_one(token) and not accounts.personal_tokens.is_known(token)


def refuse_once_accepted(connection: AnyConnection, error: TocsinError) -> None:
    """Leave it to a WebSocket's endpoint to say why it is refused: before it is accepted, it could not hear it."""
    connection.scope["state"][_REFUSAL] = error


async def admit_in_band(connection: AnyConnection, token: str) -> Principal:
    """Who a WebSocket is that shows its token in a message, held against the rule of its endpoint.

    Raises:
        Unauthenticated: the token is not valid.
        Forbidden: its bearer may not do this.
    """
    principal = await accounts_of(connection).principal_of(token)
    rule: Rule = connection.scope["state"][_RULE]
    rule.check(principal)
    return principal


def known_principal(connection: AnyConnection) -> Principal | None:
    """Who calls, where the guard has found out.

    Raises:
        TocsinError: the guard has refused a WebSocket for this.
    """
    refusal = connection.scope["state"].get(_REFUSAL)
    if isinstance(refusal, TocsinError):
        raise refusal
    caller = connection.scope["state"].get(_CALLER)
    return caller if isinstance(caller, Principal) else None


async def provide_accounts(request: Request[Any, Any, Any]) -> AccountsService:
    """Dependency: the application's ``AccountsService``."""
    return accounts_of(request)


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Dependency: the person who calls.

    Raises:
        Unauthenticated: there is no valid token.
    """
    return known_principal(request) or await _person(request, takes_tickets=False)


async def provide_key_identity(request: Request[Any, Any, Any]) -> KeyIdentity:
    """Dependency: whose API key is in the header ``X-API-Key``, or is the bearer token of ``Authorization``.

    Raises:
        Unauthenticated: there is no key, or it is not valid.
        ServiceUnavailable: the key is not in memory, and the database can't be reached.
    """
    caller = request.scope["state"].get(_CALLER)
    return caller if isinstance(caller, KeyIdentity) else await _sender(request)


async def provide_origin(request: Request[Any, Any, Any]) -> Origin:
    """Dependency: where the request comes from."""
    return Origin(address_of(request), request.headers.get("User-Agent", ""))


def address_of(connection: AnyConnection) -> str:
    """The address that a connection comes from: the client's, where a trusted proxy says it."""
    return connection.client.host if connection.client else UNKNOWN_ADDRESS


def bearer_token(connection: AnyConnection) -> str | None:
    """The token in the header ``Authorization``, where there is one."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _api_key(connection: AnyConnection) -> str | None:
    """The API key that is shown; programs that can set no header of their own show it as a bearer token."""
    secret = connection.headers.get(API_KEY_HEADER)
    if secret:
        return secret
    token = bearer_token(connection)
    return token if token is not None and API_KEY.is_one(token) else None


async def _sender(connection: AnyConnection) -> KeyIdentity:
    secret = _api_key(connection)
    if secret is None:
        raise Unauthenticated(f"the header {API_KEY_HEADER} is missing")
    return await accounts_of(connection).keys.authenticate(secret)


async def _on_a_socket(connection: AnyConnection, rule: Rule) -> Principal | None:
    if bearer_token(connection) is None and TICKET_PARAMETER not in connection.query_params:
        return None
    try:
        return await _checked_person(connection, rule)
    except TocsinError as error:
        refuse_once_accepted(connection, error)
        return None


async def _checked_person(connection: AnyConnection, rule: Rule) -> Principal:
    principal = await _person(connection, takes_tickets=rule.in_band)
    rule.check(principal)
    connection.scope["state"][_CALLER] = principal
    return principal


async def _person(connection: AnyConnection, *, takes_tickets: bool) -> Principal:
    token = bearer_token(connection)
    if token is not None:
        if API_KEY.is_one(token):
            raise Unauthenticated("this is an API key: it sends logs, alerts and deploys, and opens nothing for people")
        return await accounts_of(connection).principal_of(token)
    ticket = connection.query_params.get(TICKET_PARAMETER) if takes_tickets else None
    if ticket is not None:
        principal = await accounts_of(connection).tickets.take(ticket)
        await accounts_of(connection).recheck(principal)
        return principal
    if API_KEY_HEADER in connection.headers:
        raise Unauthenticated(
            "an API key opens nothing for people; this takes the header Authorization with a bearer token"
        )
    raise Unauthenticated("the header Authorization with a bearer token is missing")
