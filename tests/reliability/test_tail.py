"""A live tail that breaks off again and again, while the server is killed under load: each log once, in order."""

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.reliability.reading import all_logs
from tests.reliability.senders import Senders
from tests.support.server import TocsinServer

ROUNDS = int(os.environ.get("TOCSIN_TEST_TAIL_ROUNDS", "12"))
"""More of them make a longer test of the same kind."""

_ROUNDS_A_KILL = 6
_WATCHING_SECONDS = (0.0, 0.6)
_PATIENCE_SECONDS = 30.0

Log = tuple[int, str]


class Watcher:
    """Watches everything, over many connections, and keeps what it saw and where it was."""

    def __init__(self, port: int, token: str) -> None:
        self._url = f"ws://127.0.0.1:{port}/live/logs"
        self._headers = {"Authorization": token}
        self.position = 0
        self.seen: list[Log] = []

    def watch(self, seconds: float) -> None:
        """Watch over one connection for so long, or until it is closed; a message counts once it was read whole."""
        deadline = time.monotonic() + seconds
        try:
            with connect(self._url, additional_headers=self._headers, compression=None, max_size=None) as connection:
                connection.send(json.dumps({"type": "start", "after": str(self.position)}))
                for message in _messages(connection, deadline):
                    assert message["type"] in {"started", "logs", "position"}, message
                    self.seen += [(int(log["ingest_sequence"]), log["message"]) for log in message.get("logs", ())]
                    self.position = int(message["position"])
        except (ConnectionClosed, InvalidHandshake, OSError):
            return


def _messages(connection: ClientConnection, deadline: float) -> Iterator[dict[str, Any]]:
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield json.loads(connection.recv(timeout=left))
        except TimeoutError:
            return


@pytest.mark.slow
def test_a_watcher_that_reconnects_sees_each_log_once_when_the_server_is_killed_under_load(tmp_path: Path) -> None:
    chance = random.Random(0x7A11)
    with TocsinServer(tmp_path) as server, server.reader() as reader:
        reader.headers["Connection"] = "close"  # it meets several processes
        senders = Senders(server)
        watcher = Watcher(server.port, reader.headers["Authorization"])
        for round_number in range(ROUNDS):
            with senders.sending():
                watcher.watch(chance.uniform(*_WATCHING_SECONDS))
                if round_number % _ROUNDS_A_KILL == _ROUNDS_A_KILL - 1:
                    server.kill()
            if server.process.poll() is not None:
                server.start()
        _assert_seen_exactly_once(watcher, senders, reader)


def _assert_seen_exactly_once(watcher: Watcher, senders: Senders, reader: httpx.Client) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    acknowledged = senders.acknowledged.total()
    stored: list[Log] = []
    while len(stored) < acknowledged and time.monotonic() < deadline:  # a search may lag by a second
        stored = sorted((int(log["ingest_sequence"]), log["message"]) for log in all_logs(reader))
    while len(watcher.seen) < len(stored) and time.monotonic() < deadline:
        watcher.watch(1.0)
    assert watcher.seen == stored
    assert len({sequence for sequence, _ in stored}) == len(stored) >= acknowledged > 20 * ROUNDS
