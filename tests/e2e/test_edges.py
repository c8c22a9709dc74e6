"""The edges of a server in a process of its own, on its own event loop."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.server import API_KEY, PASSWORD, TocsinServer
from tocsin.api.http_protocol import MAX_HEAD_BYTES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TocsinServer]:
    """Says all it can, and waits for a second."""
    settings = {"TOCSIN_LOG_LEVEL": "debug", "TOCSIN_SLOW_CLIENT_SECONDS": "1"}
    with TocsinServer(tmp_path_factory.mktemp("tocsin"), settings=settings) as running:
        yield running


def answer_to(server: TocsinServer, *pieces: bytes) -> bytes:
    """What the server says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while received := connection.recv(65_536):
            answer += received
        return answer


def test_head_is_refused_when_it_is_too_large(server: TocsinServer) -> None:
    answer = answer_to(server, b"GET / HTTP/1.1\r\nHost: test\r\nX-Filler: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "/problems/head-too-large"


def test_what_is_not_http_is_a_problem(server: TocsinServer) -> None:
    answer = answer_to(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "/problems/invalid-request"


def test_slow_body_ends_with_408(server: TocsinServer) -> None:
    head = f"POST /v1/ingest HTTP/1.1\r\nHost: test\r\nX-API-Key: {API_KEY}\r\nContent-Length: 99\r\n\r\n".encode()
    answer = answer_to(server, head, b"[")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/request-timeout" in answer


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_is_refused_when_it_is_too_large(server: TocsinServer, is_chunked: bool) -> None:
    body = b"[" + b" " * (33 * 1024 * 1024) + b"]"
    chunks = (body[start : start + 1024 * 1024] for start in range(0, len(body), 1024 * 1024))
    with server.sender() as sender:
        answer = sender.post("/v1/ingest", content=chunks if is_chunked else body)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")


def test_secrets_are_never_logged(server: TocsinServer) -> None:
    wrong = "a wrong password that someone typed"
    with server.client() as client:
        credentials = {"email": "admin@localhost", "password": wrong}
        assert client.post("/v1/auth/login", json=credentials).status_code == 401
        assert client.post("/v1/ingest", headers={"X-API-Key": API_KEY[:-1] + "x"}, json=[]).status_code == 401
        client.get("/v1/logs", params={"access_token": "in-the-url"}, headers={"Authorization": "Bearer not.a.token"})
    with server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "hello"}).raise_for_status()
        answer_to(server, f"GET / HTTP/1.1\r\nX-API-Key: {API_KEY}\r\nbroken\r\n\r\n".encode())
    with server.reader() as reader:
        token = reader.headers["Authorization"].removeprefix("Bearer ")
        made = reader.post("/v1/keys", json={"name": "k", "default_service": "s", "allows_other_services": False})
    with connect(
        f"ws://127.0.0.1:{server.port}/live/logs", additional_headers={"Authorization": f"Bearer {token}"}
    ) as live:
        live.send('{"type": "start", "query": ""}')
        live.recv()
    assert "api.request_answered" in server.log
    issued = made.raise_for_status().json()["secret"]
    signing_key = (server.data_dir / "signing.key").read_text().strip()
    for secret in (PASSWORD, wrong, API_KEY, API_KEY[13:], token, issued, signing_key, "in-the-url", "not.a.token"):
        assert secret not in server.log
    # A driver at debug level would write its statements with their values: hashes of passwords and keys.
    assert "INSERT INTO" not in server.log
    assert "$argon2" not in server.log


def test_doctor_says_what_is_unsafe(server: TocsinServer, tmp_path: Path) -> None:
    done = server.run("doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(finding["what"].endswith("answers") for finding in findings)
    assert {finding["level"] for finding in findings} == {"worth a look", "fine"}
    done = server.run("doctor", settings={"TOCSIN_HOST": "0.0.0.0", "TOCSIN_DATA_DIR": str(tmp_path / "none")})
    assert done.returncode == 1
    assert done.stdout.startswith("unsafe       the server listens on 0.0.0.0")
    assert done.stdout.splitlines()[-1].startswith("1 unsafe, ")


def test_answers_name_no_server_and_have_the_security_headers(server: TocsinServer) -> None:
    with server.client() as client:
        answer: httpx.Response = client.get("/healthz")
    assert "Server" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
