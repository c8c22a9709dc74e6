"""``WS /live/incidents`` of a real server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.server import PASSWORD, TocsinServer


def _received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return message


@pytest.fixture
def signed_in(new_server: TocsinServer) -> Iterator[httpx.Client]:
    """An administrator of a server of its own."""
    new_server.start()
    with new_server.client() as client:
        answer = client.post("/v1/auth/login", json={"email": "admin@localhost", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client


@contextmanager
def _watching(server: TocsinServer, client: httpx.Client, query: str = "") -> Iterator[ClientConnection]:
    headers = {"Authorization": client.headers["Authorization"]}
    url = f"ws://127.0.0.1:{server.port}/live/incidents{query}"
    with connect(url, compression=None, additional_headers=headers) as socket:
        yield socket


def _open(client: httpx.Client, title: str) -> None:
    client.post("/v1/incidents", json={"title": title}).raise_for_status()


def test_changes_come_as_they_happen_and_go_on_where_they_ended(
    new_server: TocsinServer, signed_in: httpx.Client
) -> None:
    _open(signed_in, "before")
    with _watching(new_server, signed_in) as socket:
        assert _received(socket) == {"type": "started", "sequence": 1}
        _open(signed_in, "now")
        message = _received(socket)
        assert (message["sequence"], message["change"], message["incident"]["title"]) == (2, "opened", "now")
    _open(signed_in, "meanwhile")
    with _watching(new_server, signed_in, "?after=2") as socket:
        assert _received(socket) == {"type": "started", "sequence": 2}
        assert _received(socket)["incident"]["title"] == "meanwhile"
        ticket = signed_in.post("/v1/auth/ticket").raise_for_status().json()["ticket"]
        with connect(f"ws://127.0.0.1:{new_server.port}/live/incidents?after=2&ticket={ticket}") as another:
            assert _received(another)["sequence"] == 2
        assert new_server.stop() == 0
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    assert "Traceback" not in new_server.log


def test_a_stranger_hears_nothing(new_server: TocsinServer, signed_in: httpx.Client) -> None:
    _open(signed_in, "secret")
    with connect(f"ws://127.0.0.1:{new_server.port}/live/incidents?after=0", compression=None) as socket:
        socket.send(json.dumps({"type": "authenticate", "token": "nonsense"}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
