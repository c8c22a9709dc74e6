"""What Tocsin says of itself: structured logs, metrics, and traces of its own requests.

A room logs with ``structlog.get_logger()``, and counts with ``prometheus_client`` objects that its modules own, in
the default registry.
"""

import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TextIO

import structlog
from prometheus_client import REGISTRY, exposition
from structlog.typing import Processor

from tocsin import __version__

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[Any]]
AsgiSend = Callable[[Any], Awaitable[None]]
AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

#: Libraries that say at "info" what Tocsin says itself, or nobody needs, or at "debug" what they send, secrets too.
_QUIET_LIBRARIES = (
    "aiosqlite",
    "alembic",
    "clickhouse_connect",
    "httpcore",
    "httpx",
    "sqlalchemy",
    "urllib3",
    "uvicorn",
    "uvicorn.error",
    "websockets",
)

# A stack's local variables hold keys, passwords and other people's logs.
_WITHOUT_LOCALS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure_logging(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send Tocsin's logs, and warnings of the libraries under it, to a stream (standard error) in one form.

    Args:
        level: the least level that is written: debug, info, warning or error.
        form: json, console, or auto, which is console on a terminal and json elsewhere.
        stream: where to.
    """
    stream = stream or sys.stderr
    console = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.ExceptionRenderer(_WITHOUT_LOCALS), structlog.processors.JSONRenderer()]
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for library in _QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(max(least, logging.WARNING))


def metrics_page(accept: str) -> tuple[bytes, str]:
    """Every metric of the process in the text form that the ``Accept`` header asks for, and its content type."""
    encoder, content_type = exposition.choose_encoder(accept)
    return encoder(REGISTRY), content_type


class Tracing:
    """Traces of Tocsin's own requests, sent to an endpoint by OTLP over HTTP.

    Without an endpoint there is no ``Tracing``: the libraries are not even imported.
    """

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "tocsin", "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def traced(self, application: AsgiApplication) -> AsgiApplication:
        """The application with a span around every request, joined to the caller's trace where it sent one."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        tracer = self._provider.get_tracer("tocsin", __version__)
        propagator = TraceContextTextMapPropagator()

        async def traced_application(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            method = scope["method"]
            with tracer.start_as_current_span(
                method, context=propagator.extract(headers), kind=SpanKind.SERVER
            ) as span:
                span.set_attribute("http.request.method", method)
                span.set_attribute("url.path", scope["path"])

                async def recording_send(message: Any) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                        if message["status"] >= 500:
                            span.set_status(StatusCode.ERROR)
                    await send(message)

                await application(scope, receive, recording_send)
                route = scope.get("path_template")
                if route:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)

        return traced_application

    def close(self) -> None:
        """Send what has not been sent, and stop. Takes a few seconds where the endpoint does not answer."""
        self._provider.shutdown()
