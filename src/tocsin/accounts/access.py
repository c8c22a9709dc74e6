"""Who may call an endpoint: a rule for each, and how a caller is held against it."""

from dataclasses import dataclass
from enum import StrEnum

from tocsin.accounts.contracts import KeyIdentity, KeyScope, Principal, Role, Scope
from tocsin.kit.errors import Forbidden


class Caller(StrEnum):
    """What a caller must show."""

    ANYONE = "anyone"
    #: An API key.
    SENDER = "sender"
    #: An access token or a personal access token.
    PERSON = "person"


class Traffic(StrEnum):
    """What a call counts as, where calls are limited."""

    #: Of machines that look after Tocsin itself; not limited.
    OPERATIONS = "operations"
    #: By which a stranger becomes somebody.
    SIGN_IN = "sign-in"
    #: By which somebody stays who they are: apart, so that a stranger's attempts to sign in keep nobody out.
    REFRESH = "refresh"
    READ = "read"
    WRITE = "write"
    INGEST = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may call an endpoint."""

    caller: Caller
    traffic: Traffic
    #: Of persons: any of these.
    roles: frozenset[Role] = frozenset()
    #: What a personal access token needs; None where any will do.
    scope: Scope | None = None
    #: What an API key needs.
    key_scope: KeyScope | None = None
    #: Whether a personal access token will not do at all.
    needs_session: bool = False
    #: Whether a person may call it who has yet to change their one-time password.
    one_time_password_suffices: bool = False
    #: Whether a WebSocket may also say who it is in its first message.
    in_band: bool = False

    def check(self, principal: Principal) -> None:
        """Let a person pass who may call the endpoint.

        Raises:
            Forbidden: they may not; the message says what it takes.
        """
        if principal.password_change_required and not self.one_time_password_suffices:
            raise Forbidden("change your one-time password first: POST /v1/auth/password")
        if principal.role not in self.roles:
            wanted = " or ".join(role for role in Role if role in self.roles)
            raise Forbidden(f"this takes the role {wanted}, yours is {principal.role}")
        if principal.scopes is None:
            return
        if self.needs_session:
            raise Forbidden("a personal access token may not do this: sign in with a password")
        if self.scope is not None and self.scope not in principal.scopes:
            raise Forbidden(f"this takes a token with the scope {self.scope}")

    def check_key(self, key: KeyIdentity) -> None:
        """Let a sender pass whose key is for the endpoint.

        Raises:
            Forbidden: it is not.
        """
        if self.key_scope is not None and self.key_scope not in key.scopes:
            raise Forbidden(f"this takes an API key with the scope {self.key_scope}")


def anyone(traffic: Traffic) -> Rule:
    """Nobody need show anything."""
    return Rule(caller=Caller.ANYONE, traffic=traffic)


def sender(scope: KeyScope = KeyScope.LOGS_WRITE) -> Rule:
    """An API key that is for this."""
    return Rule(caller=Caller.SENDER, traffic=Traffic.INGEST, key_scope=scope)


def reader(scope: Scope, *, in_band: bool = False) -> Rule:
    """Everybody in the organization, to look."""
    return Rule(
        caller=Caller.PERSON,
        traffic=Traffic.READ,
        roles=frozenset(Role),
        scope=scope,
        one_time_password_suffices=True,
        in_band=in_band,
    )


def oneself(traffic: Traffic, *, with_any_token: bool = False, with_one_time_password: bool = False) -> Rule:
    """Everybody, about themselves."""
    return Rule(
        caller=Caller.PERSON,
        traffic=traffic,
        roles=frozenset(Role),
        needs_session=not with_any_token,
        one_time_password_suffices=with_one_time_password,
    )


def developer(scope: Scope, *, traffic: Traffic = Traffic.WRITE) -> Rule:
    """Developers and administrators."""
    return Rule(caller=Caller.PERSON, traffic=traffic, roles=frozenset({Role.ADMIN, Role.DEVELOPER}), scope=scope)


def admin(scope: Scope | None, *, traffic: Traffic = Traffic.WRITE) -> Rule:
    """Administrators; without a scope, only with a session."""
    return Rule(
        caller=Caller.PERSON, traffic=traffic, roles=frozenset({Role.ADMIN}), scope=scope, needs_session=scope is None
    )
