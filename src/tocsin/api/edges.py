"""What every HTTP answer gets on its way out, and every body on its way in, errors included."""

from collections.abc import Awaitable
from typing import Any

from tocsin.api.body_pace import BodyPace
from tocsin.kit.telemetry import AsgiApplication, AsgiReceive, AsgiScope, AsgiSend

Header = tuple[bytes, bytes]

CONTENT_SECURITY_POLICY: Header = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
"""Of answers that have none of their own: a browser that shows one loads and runs nothing."""

SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

#: Only where the request came by HTTPS: by HTTP a browser ignores it, and a server without TLS must stay reachable.
STRICT_TRANSPORT_SECURITY: Header = (b"strict-transport-security", b"max-age=31536000")

#: Of the API's answers that don't say otherwise: they hold other people's logs.
NO_STORE: Header = (b"cache-control", b"no-store")

_API_PREFIX = "/v1/"
_CLOSE: Header = (b"connection", b"close")
_HTTPS_HEADERS = (*SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY)


def with_edges(application: AsgiApplication, *, slow_client_seconds: float) -> AsgiApplication:
    """The application, with security headers on every answer and no waiting for clients that don't go on."""

    async def edged_application(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        pace = _pace(scope, receive, slow_client_seconds)

        # No coroutine of its own: this runs for every message of every answer.
        def send_with_headers(message: Any) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = _with_security(message.get("headers", ()), scope)
                if pace is not None and pace.is_overdue:
                    message["headers"].append(_CLOSE)
            return send(message)

        await application(scope, receive if pace is None else pace.receive, send_with_headers)

    return edged_application


def _pace(scope: AsgiScope, receive: AsgiReceive, patience_seconds: float) -> BodyPace | None:
    """None for a request that announces no body: it is whole when it arrives."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            # The HTTP server lets only digits through.
            return BodyPace(receive, patience_seconds=patience_seconds, announced_bytes=int(value))
        if name == b"transfer-encoding":
            return BodyPace(receive, patience_seconds=patience_seconds, announced_bytes=0)
    return None


def _with_security(given: Any, scope: AsgiScope) -> list[Header]:
    headers = [*given, *(_HTTPS_HEADERS if scope["scheme"] == "https" else SECURITY_HEADERS)]
    needs_policy, needs_caching = True, scope["path"].startswith(_API_PREFIX)
    for name, _ in given:
        if name == b"content-security-policy":
            needs_policy = False
        elif name == b"cache-control":
            needs_caching = False
    if needs_policy:
        headers.append(CONTENT_SECURITY_POLICY)
    if needs_caching:
        headers.append(NO_STORE)
    return headers
