"""A small API of the demo's own, for this machine alone: ``GET /faults`` lists, ``POST /faults`` injects."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.faults import FaultDesk
from tocsin.cli.simulating import shown

PATH = "/faults"
MAX_BODY_BYTES = 4_096
REQUEST_TIMEOUT_SECONDS = 5.0
STOP_POLL_SECONDS = 0.1

_LOOPBACK = "127.0.0.1"
_JSON = "application/json"


class _Refused(Exception):
    """A request is not answered; says with which status, and why."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@contextmanager
def faults_api(desk: FaultDesk, *, port: int) -> Iterator[str]:
    """Answer at a port of the loopback interface; yields the address.

    Raises:
        CommandFailed: the port is taken.
    """

    class Handler(_FaultsHandler):
        faults = desk

    try:
        server = ThreadingHTTPServer((_LOOPBACK, port), Handler)
    except OSError as error:
        raise CommandFailed(f"port {port}, for the faults' API, is not free; give another with --port") from error
    server.daemon_threads = True
    answering = threading.Thread(target=server.serve_forever, args=(STOP_POLL_SECONDS,), daemon=True)
    answering.start()
    try:
        yield f"http://{_LOOPBACK}:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        answering.join()


class _FaultsHandler(BaseHTTPRequestHandler):
    faults: FaultDesk
    timeout = REQUEST_TIMEOUT_SECONDS
    server_version = "TocsinDemo"
    sys_version = ""

    def do_GET(self) -> None:
        """List the scenarios, and what is going on."""
        self._answered(self._list)

    def do_POST(self) -> None:
        """Inject one."""
        self._answered(self._inject)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Say nothing: the terminal is the demo's."""

    def _answered(self, answer: Any) -> None:
        try:
            self._check_place()
            status, content = answer()
        except _Refused as refusal:
            status, content = refusal.status, {"detail": refusal.detail}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _check_place(self) -> None:
        """A page of another site may send people's browsers here, under a name that it chooses; we answer to ours."""
        name = self.headers.get("Host", "").rsplit(":", 1)[0]
        if name not in {_LOOPBACK, "localhost"}:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "this is for 127.0.0.1 alone")
        if self.path != PATH:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is only {PATH}")

    def _list(self) -> tuple[HTTPStatus, dict[str, Any]]:
        scenarios = [{"name": each.name, "description": each.description} for each in self.faults.scenarios]
        going_on = [
            {"scenario": each.scenario.name, "start": shown(each.start_unix_nano), "end": shown(each.end_unix_nano)}
            for each in self.faults.going_on()
        ]
        return HTTPStatus.OK, {"scenarios": scenarios, "going_on": going_on}

    def _inject(self) -> tuple[HTTPStatus, dict[str, Any]]:
        # A browser sends this type across sites only after it has asked, which nobody answers here.
        if self.headers.get_content_type() != _JSON:
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send Content-Type: {_JSON}")
        name = self._scenario_name()
        if name not in {scenario.name for scenario in self.faults.scenarios}:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no scenario {name}; GET {PATH} lists them")
        try:
            self.faults.ask(name)
        except CommandFailed as error:
            raise _Refused(HTTPStatus.CONFLICT, error.detail) from error
        return HTTPStatus.ACCEPTED, {"scenario": name}

    def _scenario_name(self) -> str:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= MAX_BODY_BYTES):
            raise _Refused(HTTPStatus.BAD_REQUEST, f"the body must have at most {MAX_BODY_BYTES:,} bytes")
        try:
            name = json.loads(self.rfile.read(int(length)))["scenario"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, 'the body must be {"scenario": "name"}') from error
        if not isinstance(name, str):
            raise _Refused(HTTPStatus.BAD_REQUEST, "a scenario is named by a text")
        return name
