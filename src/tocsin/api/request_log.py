"""A line in Tocsin's own log for each request."""

import time
from typing import Any

import structlog

from tocsin.kit.telemetry import AsgiApplication, AsgiReceive, AsgiScope, AsgiSend

#: Paths that are asked so often that their lines would drown the others: logged at debug only.
BUSY_PATHS = frozenset({"/v1/ingest", "/healthz", "/readyz", "/metrics"})

log = structlog.get_logger()


def logging_requests(application: AsgiApplication, *, busy_paths_too: bool) -> AsgiApplication:
    """The application, with a line for each request; the busy paths run as they would without."""
    skipped = frozenset[str]() if busy_paths_too else BUSY_PATHS

    async def logging_application(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http" or scope["path"] in skipped:
            await application(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def recording_send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await application(scope, receive, recording_send)
        finally:
            write = log.debug if scope["path"] in BUSY_PATHS else log.info
            write(
                "api.request_answered",
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_seconds=round(time.perf_counter() - started, 6),
            )

    return logging_application
