"""The application's guard: finds an endpoint's rule in the table, and holds its caller against it."""

from collections.abc import Mapping

import structlog
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler

from tocsin.accounts.access import Rule
from tocsin.accounts.guards import AnyConnection, authenticate
from tocsin.api.access_rules import RULES, WEBSOCKET, Endpoint
from tocsin.kit.errors import Forbidden

log = structlog.get_logger()


class AccessGuard:
    """Runs before every endpoint, WebSockets too."""

    def __init__(self, rules: Mapping[Endpoint, Rule] = RULES) -> None:
        self._rules = rules

    async def __call__(self, connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        """Let the connection pass, or not.

        Raises:
            Unauthenticated: the caller must show who they are.
            Forbidden: the caller may not do this; or nobody may, since no rule says who.
        """
        scope = connection.scope
        method = WEBSOCKET if scope["type"] == ScopeType.WEBSOCKET else scope["method"]
        if method == "OPTIONS":
            # Says which methods there are, and does nothing.
            return
        endpoint = (method, scope["path_template"])
        rule = self._rules.get(endpoint)
        if rule is None:
            log.error("api.endpoint_without_rule", method=method, path=scope["path_template"])
            raise Forbidden("no rule says who may do this, so nobody may")
        await authenticate(connection, rule)
