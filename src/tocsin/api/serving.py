"""The server process: from settings to an open port, and back to nothing without losing a log."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn
import uvloop

from tocsin.api.application import create_app
from tocsin.api.http_protocol import BoundedHttpProtocol
from tocsin.api.request_log import logging_requests
from tocsin.kit import interpreter
from tocsin.kit.errors import StartupError
from tocsin.kit.setting_sections import EdgeSettings
from tocsin.kit.settings import Settings
from tocsin.kit.telemetry import AsgiApplication, Tracing, configure_logging
from tocsin.wiring import Components, build

#: Connections that wait to be accepted; bursts of senders that reconnect stay below it.
BACKLOG = 2048

#: Requests in work get this long to end once the process was told to stop.
DRAIN_SECONDS = 20

#: What a client may say at once on a WebSocket; queries are far smaller.
MAX_WEBSOCKET_MESSAGE_BYTES = 256 * 1024

_OWNERS_ALONE = 0o077
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def serve(settings: Settings, on_ready: Callable[[Components], None]) -> None:
    """Serve until SIGTERM or SIGINT; then stop taking, finish what is in work, flush, and return.

    Args:
        settings: of the process.
        on_ready: called once requests are answered.

    Raises:
        StartupError: the port is taken, or a part can't be started.
    """
    configure_logging(level=settings.telemetry.log_level, form=settings.telemetry.log_format)
    # Whatever is written from here on is the owner's alone.
    os.umask(_OWNERS_ALONE)
    listener = _bind(settings.server.host, settings.server.port)
    with contextlib.closing(listener), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, on_ready))


class _Server(uvicorn.Server):
    """A server that says when it answers, and can be told to stop before it does."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as error:
            # Two processes can bind one port at the same time; only one of them may listen.
            raise StartupError(f"can't listen: {error.strerror}; set TOCSIN_PORT to another port") from error
        if self.started:
            self._on_started()


class _StopRequest:
    """Remembers that the process was told to stop while no server listens for it.

    The server puts its own handlers in place of these, and raises the signals it got once more when it has ended:
    those land here, so that the process ends with exit code 0.
    """

    def __init__(self) -> None:
        self.requested = False
        for number in _STOP_SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


async def _serve(settings: Settings, listener: socket.socket, on_ready: Callable[[Components], None]) -> None:
    stop = _StopRequest()
    async with build(settings) as components:
        tracing = Tracing(settings.telemetry.otlp_endpoint) if settings.telemetry.otlp_endpoint else None
        config = server_config(_application(settings, components, tracing), settings.edge)
        server = _Server(config, lambda: on_ready(components))
        interpreter.settle()
        if not stop.requested:
            await server.serve(sockets=[listener])
        log.info("api.draining")
        if tracing:
            await asyncio.to_thread(tracing.close)
    log.info("api.stopped")


def server_config(application: AsgiApplication, edge: EdgeSettings) -> uvicorn.Config:
    """How the HTTP server is set up."""
    return uvicorn.Config(
        application,
        http=BoundedHttpProtocol,
        ws="websockets-sansio",
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        # Many small messages to many readers: compressing each costs more than sending it.
        ws_per_message_deflate=False,
        # Left to itself, it believes whatever runs on this machine, and an environment variable.
        proxy_headers=bool(edge.trusted_proxies),
        forwarded_allow_ips=list(edge.trusted_proxies),
        lifespan="off",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _application(settings: Settings, components: Components, tracing: Tracing | None) -> AsgiApplication:
    application: AsgiApplication = create_app(components)
    if tracing:
        application = tracing.traced(application)
    return logging_requests(application, busy_paths_too=settings.telemetry.log_level == "debug")


def _bind(host: str, port: int) -> socket.socket:
    """A socket on the port: before anything else is started, since this is the likeliest thing to go wrong."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartupError(f"{host} is no address to listen on: {error.strerror}; set TOCSIN_HOST") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            reason = "in use, perhaps by another Tocsin; stop that, or set TOCSIN_PORT to another port"
        else:
            reason = f"not for us: {error.strerror}; set TOCSIN_HOST or TOCSIN_PORT"
        raise StartupError(f"port {port} on {host} is {reason}") from error
    return listener
