"""ClickHouse's HTTP interface in front of chDB, in a process of its own: what a wire test of the HTTP store needs.

It knows queries in the body, the URL or a form, bound parameters, settings, inserts with a body, and errors with
their codes; no users, sessions or compression. It listens on the loopback interface and ends with its parent.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_CONNECTIONS = 4
_TRANSPORT_SETTINGS = frozenset(
    {
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "database",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "query",
        "query_id",
        "send_progress_in_http_headers",
        "wait_end_of_query",
    }
)
_INSERT = re.compile(r"(?P<head>\s*INSERT\s.*?)\s+FORMAT\s+(?P<format>\w+)\s*\Z", re.IGNORECASE | re.DOTALL)
_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


@contextmanager
def clickhouse_gateway(directory: Path) -> Iterator[str]:
    """Serve the engine in ``directory`` while the block runs; yields the URL."""
    command = [sys.executable, "-m", __name__, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port, "the gateway ended before it listened"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


class _Engine:
    """Connections to chDB, each lent to one request at a time."""

    def __init__(self, directory: str) -> None:
        import chdb

        self._connect: Callable[[], Any] = partial(chdb.connect, directory)
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(_CONNECTIONS):
            self._idle.put(self._connect())

    def query(self, sql: str, parameters: dict[str, str]) -> bytes:
        connection = self._idle.get()
        try:
            answer: bytes | None = connection.query(sql, "TabSeparated", params=parameters).bytes()
        except Exception:
            # What a failed query had ready would stand before the next one's answer.
            connection.close()
            connection = self._connect()
            raise
        finally:
            self._idle.put(connection)
        return answer or b""

    def insert(self, head: str, data_format: str, body: bytes) -> int:
        connection = self._idle.get()
        try:
            inserter = connection.send_insert(head, data_format)
            inserter.append(body)
            return int(inserter.finish().rows_written)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        for _ in range(_CONNECTIONS):
            self._idle.get().close()


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write an answer, sent at once: else each waits 40 ms for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    engine: _Engine

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n", {})
        else:
            self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get_content_type() == "multipart/form-data":
            arguments |= _form_fields(self.headers["Content-Type"], body)
            body = b""
        try:
            self._answer(200, *self._run(arguments, body))
        except Exception as error:  # noqa: BLE001  (the edge of the process: whatever the engine says is the answer)
            code = _CODE.search(str(error))
            self._answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code.group(1) if code else "1001"})

    def _run(self, arguments: dict[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
        settings = [
            f"{name} = '{value}'"
            for name, value in arguments.items()
            if name not in _TRANSPORT_SETTINGS and not name.startswith("param_")
        ]
        clause = f" SETTINGS {', '.join(settings)}" if settings else ""
        statement = arguments.get("query", "")
        if body.startswith(b"INSERT"):
            # The statement is the first line, and its data follow.
            first_line, _, body = body.partition(b"\n")
            statement = first_line.decode()
        if insert := _INSERT.match(statement):
            rows = self.engine.insert(insert["head"] + clause, insert["format"], body)
            return b"", {"X-ClickHouse-Summary": f'{{"written_rows":"{rows}"}}'}
        sql = statement + body.decode()
        parameters = {
            name.removeprefix("param_"): value for name, value in arguments.items() if name.startswith("param_")
        }
        data_format = _FORMAT.search(sql)
        headers = {"X-ClickHouse-Format": data_format.group(1)} if data_format else {}
        # After any other statement the clause would be about the table.
        takes_settings = sql.lstrip()[:6].upper() == "SELECT"
        return self.engine.query(sql + clause if takes_settings else sql, parameters), headers

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """A test's output is for the test."""


def _form_fields(content_type: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields = {}
    for part in message.walk():
        name = part.get_param("name", header="Content-Disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode()
    return fields


def main(directory: str) -> None:
    """Serve until the parent closes its end of standard input."""
    engine = _Engine(directory)
    handler = type("_EngineRequest", (_Request,), {"engine": engine})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
    engine.close()


if __name__ == "__main__":
    main(sys.argv[1])
