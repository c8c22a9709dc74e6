"""``tocsin tail`` against a server that speaks the live tail's protocol and breaks off when it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from tocsin.cli.client import CommandFailed
from tocsin.cli.tailing import LiveLogs
from tocsin.kit.settings import read_settings

Message = dict[str, Any]
Handler = Callable[[ServerConnection, Message], None]


@contextmanager
def _server(handler: Handler) -> Iterator[str]:
    """A server that hands each connection's first message to the handler, and closes when that returns."""

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/live/logs"
        assert connection.request.headers["Authorization"] == "Bearer some-token"
        handler(connection, json.loads(connection.recv()))

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def _live_logs(url: str, **arguments: Any) -> LiveLogs:
    settings = read_settings({"TOCSIN_URL": url, "TOCSIN_TOKEN": "some-token"}, Path("/nowhere"))
    options: dict[str, Any] = {"rate_limit": 10, "pause": lambda _seconds: None}
    return LiveLogs(settings, "level:ERROR", **options | arguments)


def _say(connection: ServerConnection, kind: str, **message: Any) -> None:
    connection.send(json.dumps({"type": kind, **message}))


def test_the_tail_goes_on_where_it_was_when_the_connection_breaks() -> None:
    starts: list[Message] = []

    def handler(connection: ServerConnection, start: Message) -> None:
        starts.append(start)
        number = len(starts)
        _say(connection, "started", query="level:ERROR", position=str(start["after"] or 100))
        _say(connection, "logs", position=str(100 + number), logs=[{"message": f"log {number}"}])
        if number == 2:
            _say(connection, "left_out", position="150", count=3)
        if number == 3:
            _say(connection, "position", position="160")

    breaks: list[str] = []
    with _server(handler) as url:
        messages = list(islice(_live_logs(url, on_break=breaks.append), 5))
    assert [message["logs"][0]["message"] for message in messages if message["type"] == "logs"] == [
        "log 1", "log 2", "log 3", "log 4",
    ]  # fmt: skip
    assert messages[2] == {"type": "left_out", "position": "150", "count": 3}
    assert [start["after"] for start in starts[:4]] == [None, 101, 150, 160]
    assert all((start["query"], start["rate_limit"]) == ("level:ERROR", 10) for start in starts)
    assert breaks == ["the connection was closed"] * 3


def test_a_message_that_was_not_taken_is_asked_for_again() -> None:
    def handler(connection: ServerConnection, start: Message) -> None:
        _say(connection, "started", query="level:ERROR", position="7")
        _say(connection, "logs", position="8", logs=[])

    with _server(handler) as url:
        live_logs = _live_logs(url)
        for _ in live_logs:
            break
        assert live_logs.position == 7


def test_a_bad_query_ends_the_tail_with_the_suggestion() -> None:
    def handler(connection: ServerConnection, _start: Message) -> None:
        _say(connection, "problem", problem={"status": 400, "detail": "no such level", "suggestion": "level:ERROR"})

    with _server(handler) as url, pytest.raises(CommandFailed, match="no such level; did you mean level:ERROR"):
        next(iter(_live_logs(url)))


def test_a_stranger_is_told_how_to_sign_in() -> None:
    def handler(connection: ServerConnection, _start: Message) -> None:
        _say(connection, "problem", problem={"status": 401, "detail": "the access token is not valid"})

    with _server(handler) as url, pytest.raises(CommandFailed, match=r"set TOCSIN_TOKEN.*restart the server"):
        next(iter(_live_logs(url)))


def test_an_expired_token_is_renewed_when_the_tail_was_there() -> None:
    connections = 0

    def handler(connection: ServerConnection, _start: Message) -> None:
        nonlocal connections
        connections += 1
        _say(connection, "started", query="", position="1")
        if connections == 1:
            _say(connection, "problem", problem={"status": 401, "detail": "the access token has expired"})
        else:
            _say(connection, "logs", position="2", logs=[])

    with _server(handler) as url:
        assert next(iter(_live_logs(url)))["position"] == "2"


def test_pauses_grow_while_the_server_is_away() -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            raise KeyboardInterrupt

    def handler(connection: ServerConnection, _start: Message) -> None:
        _say(connection, "started", query="", position="1")
        _say(connection, "logs", position="2", logs=[])

    with _server(handler) as url:
        following = iter(_live_logs(url, pause=pause))
        next(following)
    with pytest.raises(KeyboardInterrupt):
        next(following)
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_no_server_is_said_at_once() -> None:
    with pytest.raises(CommandFailed, match="no Tocsin answers"):
        next(iter(_live_logs("http://127.0.0.1:1")))


def test_what_is_no_live_tail_is_said() -> None:
    def refuse(connection: ServerConnection, _request: Any) -> Any:
        return connection.respond(404, "nothing here")

    with serve(lambda _connection: None, "127.0.0.1", 0, process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(CommandFailed, match="has no live tail"):
            next(iter(_live_logs(f"http://127.0.0.1:{server.socket.getsockname()[1]}")))
        server.shutdown()
        thread.join()
