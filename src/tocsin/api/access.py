"""The application's guard: finds an endpoint's rule in the table, and holds its caller against it."""

from collections.abc import Mapping
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler

from tocsin.accounts.access import Rule, Traffic
from tocsin.accounts.contracts import KeyIdentity, Principal
from tocsin.accounts.guards import AnyConnection, address_of, authenticate, costs_a_read, refuse_once_accepted
from tocsin.api.access_rules import RULES, WEBSOCKET, Endpoint
from tocsin.kit.errors import Forbidden, TooManyRequests, Unauthenticated
from tocsin.kit.rates import Rate
from tocsin.kit.setting_sections import LimitSettings
from tocsin.limits.addresses import counted_address
from tocsin.limits.ports import Allowance, RateLimiter

#: Where a connection's own state holds what its caller may still ask for.
_ALLOWANCE = "tocsin_allowance"

log = structlog.get_logger()


class AccessGuard:
    """Runs before every endpoint, WebSockets too.

    It finds out who calls, whether they may, and whether they have called too often. A caller is counted by kind of
    endpoint: a sender by its API key, a person by themselves or their personal access token, and whoever shows
    nothing that is valid by their address.
    """

    def __init__(self, limiter: RateLimiter, limits: LimitSettings, *, rules: Mapping[Endpoint, Rule] = RULES) -> None:
        self._limiter = limiter
        self._rules = rules
        self._strangers = limits.strangers
        self._rates: dict[Traffic, Rate | None] = {
            Traffic.OPERATIONS: None,
            Traffic.SIGN_IN: limits.sign_in,
            Traffic.REFRESH: limits.strangers,
            Traffic.READ: limits.read,
            Traffic.WRITE: limits.write,
            Traffic.INGEST: limits.ingest,
        }

    async def __call__(self, connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        """Let the connection pass, or not.

        Raises:
            Unauthenticated: the caller must show who they are.
            Forbidden: the caller may not do this; or nobody may, since no rule says who.
            TooManyRequests: the caller asks too often.
        """
        scope = connection.scope
        method = WEBSOCKET if scope["type"] == ScopeType.WEBSOCKET else scope["method"]
        if method == "OPTIONS":
            # Says which methods there are, and does nothing.
            return
        rule = self._rules.get((method, scope["path_template"]))
        if rule is None:
            log.error("api.endpoint_without_rule", method=method, path=scope["path_template"])
            raise Forbidden("no rule says who may do this, so nobody may")
        if costs_a_read(connection, rule):
            await self._check_strangers(connection)
        try:
            caller = await authenticate(connection, rule)
        except Unauthenticated:
            await self._take(connection, f"strangers:{_place(connection)}", self._strangers)
            raise
        try:
            await self._take(connection, f"{rule.traffic}:{_name(caller, connection)}", self._rates[rule.traffic])
        except TooManyRequests as error:
            if not rule.in_band:
                raise
            refuse_once_accepted(connection, error)

    async def _check_strangers(self, connection: AnyConnection) -> None:
        """Read nothing for an address that has shown too much that is not valid."""
        if self._strangers is None:
            return
        allowance = await self._limiter.peek(f"strangers:{_place(connection)}", self._strangers)
        if not allowance.allowed:
            raise _too_often(self._strangers, allowance)

    async def _take(self, connection: AnyConnection, bucket: str, rate: Rate | None) -> None:
        if rate is None:
            return
        allowance = await self._limiter.take(bucket, rate)
        connection.scope["state"][_ALLOWANCE] = allowance
        if not allowance.allowed:
            raise _too_often(rate, allowance)


async def add_limit_headers(message: Any, scope: Any) -> None:
    """Before an answer is sent: say in its headers how often its caller may still ask.

    Source: draft-ietf-httpapi-ratelimit-headers-06.
    """
    if message["type"] != "http.response.start":
        return
    allowance: Allowance | None = scope.get("state", {}).get(_ALLOWANCE)
    if allowance is None:
        return
    message["headers"] = [
        *message["headers"],
        (b"ratelimit-limit", b"%d" % allowance.limit),
        (b"ratelimit-remaining", b"%d" % allowance.remaining),
        (b"ratelimit-reset", b"%d" % -(-allowance.reset_seconds // 1)),
    ]


def _too_often(rate: Rate, allowance: Allowance) -> TooManyRequests:
    return TooManyRequests(
        f"you ask too often: {rate.count:,} in {rate.period_seconds:g} s are let through",
        retry_after_seconds=allowance.retry_after_seconds,
    )


def _name(caller: KeyIdentity | Principal | None, connection: AnyConnection) -> str:
    if isinstance(caller, KeyIdentity):
        return caller.key_id.hex
    if isinstance(caller, Principal):
        return (caller.personal_token_id or caller.user_id).hex
    return _place(connection)


def _place(connection: AnyConnection) -> str:
    return counted_address(address_of(connection))
