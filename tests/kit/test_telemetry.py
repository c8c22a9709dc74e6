import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tocsin.kit.telemetry import configure_logging, metrics_page


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
