"""``tocsin tail`` and ``WS /live/logs`` of a real server."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.server import PASSWORD, TocsinServer


@contextmanager
def _tailing(server: TocsinServer, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A ``tocsin tail`` that has started to follow."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "tail", *arguments],
        cwd=server.directory,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C reaches it even where the tests run in the background of a shell, which has its children ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (it takes no lock)
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _send_until_shown(server: TocsinServer, output: IO[str], message: str) -> str:
    """Nothing says from outside when a tail has begun, so the same log is sent, anew each time, until it is shown."""
    shown: list[str] = []
    with server.sender() as sender:
        reading = threading.Thread(target=lambda: shown.append(output.readline()))
        reading.start()
        while reading.is_alive():
            sender.post("/v1/ingest", json={"message": message, "service": "shop"}).raise_for_status()
            reading.join(0.3)
    return shown[0]


def test_tail_prints_what_matches_and_ends_cleanly_at_ctrl_c(server: TocsinServer) -> None:
    with _tailing(server, "wanted") as process:
        assert process.stdout is not None
        with server.sender() as sender:
            sender.post("/v1/ingest", json={"message": "other", "service": "shop"}).raise_for_status()
        line = _send_until_shown(server, process.stdout, "wanted \x1b[2J")
        assert line.rstrip().endswith("INFO  shop wanted \\e[2J")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_tail_goes_on_when_the_server_was_killed(server: TocsinServer) -> None:
    with _tailing(server, "wanted", "--json") as process:
        assert process.stdout is not None
        first = json.loads(_send_until_shown(server, process.stdout, "wanted before"))
        server.kill()
        server.start()
        while "after" not in (line := json.loads(_send_until_shown(server, process.stdout, "wanted after"))["message"]):
            assert line == "wanted before"
        assert first["message"] == "wanted before"


def test_tail_says_what_is_wrong_with_a_query(server: TocsinServer) -> None:
    done = server.run("tail", "level:ERORR")
    assert done.returncode == 1
    assert done.stderr == "Error: 'ERORR' is not a level; did you mean level:ERROR?\n"


def test_a_stopping_server_says_goodbye_to_its_tails(new_server: TocsinServer) -> None:
    new_server.start()
    with new_server.client() as client:
        answer = client.post("/v1/auth/login", json={"email": "admin@localhost", "password": PASSWORD}).json()
    with connect(f"ws://127.0.0.1:{new_server.port}/live/logs", compression=None) as socket:
        socket.send(json.dumps({"type": "authenticate", "token": answer["access_token"]}))
        socket.send(json.dumps({"type": "start"}))
        assert _received(socket)["type"] == "started"
        assert new_server.stop() == 0
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    assert "Traceback" not in new_server.log


def _received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return message
