import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import structlog

from tocsin.kit.telemetry import Tracing, configure_logging, metrics_page


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Each test configures the process's logging; the next one must not notice."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_log_is_one_json_object_a_line_when_the_form_is_json() -> None:
    stream = io.StringIO()
    configure_logging(level="info", form="json", stream=stream)
    structlog.get_logger().info("room.thing_happened", rows=3)
    (line,) = lines_of(stream)
    assert (line["event"], line["rows"], line["level"]) == ("room.thing_happened", 3, "info")
    assert line["timestamp"].endswith("Z")


def test_form_is_json_when_auto_and_not_a_terminal() -> None:
    stream = io.StringIO()
    configure_logging(level="info", form="auto", stream=stream)
    structlog.get_logger().info("room.thing_happened")
    assert lines_of(stream)[0]["event"] == "room.thing_happened"


def test_log_is_left_out_when_below_the_level() -> None:
    stream = io.StringIO()
    configure_logging(level="warning", form="json", stream=stream)
    structlog.get_logger().info("room.quiet")
    structlog.get_logger().warning("room.loud")
    assert [line["event"] for line in lines_of(stream)] == ["room.loud"]


def test_library_log_has_the_same_form_when_it_warns() -> None:
    stream = io.StringIO()
    configure_logging(level="info", form="json", stream=stream)
    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("uvicorn.error").warning("trouble")
    (line,) = lines_of(stream)
    assert (line["event"], line["logger"]) == ("trouble", "uvicorn.error")


def test_exception_is_one_line_when_logged() -> None:
    stream = io.StringIO()
    configure_logging(level="info", form="json", stream=stream)
    structlog.get_logger().error("room.broken", exc_info=ValueError("why"))
    (line,) = lines_of(stream)
    assert line["exception"][0]["exc_value"] == "why"


def test_metrics_page_is_in_prometheus_text_form() -> None:
    page, content_type = metrics_page("")
    assert content_type.startswith("text/plain")
    assert b"python_info" in page


def test_tracing_libraries_are_not_imported_when_there_is_no_endpoint() -> None:
    code = "import sys, tocsin.kit.telemetry; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Collector(BaseHTTPRequestHandler):
    """Takes traces as an OTLP collector does, and keeps their bytes."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not the place."""


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_span_joins_the_trace_of_the_caller_when_there_is_an_endpoint(collector: str) -> None:
    async def application(scope: Any, _receive: Any, send: Any) -> None:
        scope["path_template"] = "/v1/logs/{log_id}"
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = [(b"traceparent", f"00-{trace_id}-00f067aa0ba902b7-01".encode())]
    tracing = Tracing(f"{collector}/")
    await tracing.traced(application)(
        {"type": "http", "method": "GET", "path": "/v1/logs/17", "headers": headers}, receive, send
    )
    tracing.close()

    ((path, body),) = Collector.received
    assert path == "/v1/traces"
    assert bytes.fromhex(trace_id) in body
    assert b"GET /v1/logs/{log_id}" in body
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
