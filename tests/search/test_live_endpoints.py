"""``WS /live/logs``: signing in, the messages of both sides, and how tails end."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import WebSocketDisconnect
from litestar.testing import TestClient, WebSocketTestSession

from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock
from tests.search.held_connection import HeldConnection
from tests.support.access import access_guard
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import questions_by
from tocsin.accounts.access_tokens import ACCESS_TOKEN_SECONDS, AccessTokens
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.guards import ACCOUNTS_STATE
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.api.problems import EXCEPTION_HANDLERS
from tocsin.database.service import Database
from tocsin.limits.backends.memory import MemoryRateLimiter
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import Receipt
from tocsin.search import live_endpoints, live_messages, live_sign_in
from tocsin.search.live import LiveTail
from tocsin.search.live_endpoints import LiveSockets, live_logs

SIGNING_KEYS = SigningKeys.of(b"k" * 64)
Client = TestClient[Litestar]
Message = dict[str, Any]


@pytest.fixture
def store() -> MemoryLogStore:
    """In memory alone: the client runs the application in an event loop that is not the test's."""
    return MemoryLogStore()


@pytest.fixture
def token(clock: HeldClock) -> str:
    return AccessTokens(SIGNING_KEYS, clock).mint(PRINCIPAL).token


@pytest.fixture
async def sqlite(tmp_path: Path, migrated_sqlite_file: Path) -> AsyncIterator[Database]:
    """Closed here, and before that in the event loop of the application where that is another."""
    shutil.copy(migrated_sqlite_file, tmp_path / "tocsin.db")
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    yield database
    await database.close()


@pytest.fixture
def accounts(sqlite: Database, clock: HeldClock) -> AccountsService:
    return AccountsService(sqlite, signing_keys=SIGNING_KEYS, clock=clock, limiter=MemoryRateLimiter(clock))


@pytest.fixture
def app(store: MemoryLogStore, accounts: AccountsService, sqlite: Database) -> Litestar:
    sockets: list[LiveSockets] = []

    async def provide_sockets() -> LiveSockets:
        if not sockets:
            sockets.append(LiveSockets(LiveTail(store), questions_by(HeldClock(NOON_UNIX_NANO))))
        return sockets[0]

    return Litestar(
        [live_logs],
        guards=[access_guard()],
        on_shutdown=[sqlite.close],
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({ACCOUNTS_STATE: accounts}),
        dependencies={"live_sockets": Provide(provide_sockets)},
    )


@pytest.fixture
def client(app: Litestar) -> Iterator[Client]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def socket(client: Client, token: str) -> Iterator[WebSocketTestSession]:
    """A live tail that is signed in."""
    with client.websocket_connect("/live/logs", headers={"Authorization": f"Bearer {token}"}) as socket:
        yield socket


def _store(client: Client, store: MemoryLogStore, *messages: str) -> None:
    offset = store._last_sequence
    batch = log_batch(
        [{"message": text, "timestamp": NOON_UNIX_NANO + offset + row} for row, text in enumerate(messages)]
    )
    client.blocking_portal.call(store.write, ORGANIZATION, batch, Receipt(received=len(messages)))


def _receive(socket: WebSocketTestSession, kind: str) -> Message:
    message: Message = socket.receive_json(timeout=10)
    assert message["type"] == kind, message
    return message


def _messages(socket: WebSocketTestSession, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        found += [log["message"] for log in _receive(socket, "logs")["logs"]]
    return found


def _closed(socket: WebSocketTestSession) -> tuple[int, str]:
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json(timeout=10)
    return closed.value.code, closed.value.detail


def _start(socket: WebSocketTestSession, **message: Any) -> Message:
    socket.send_json({"type": "start", **message})
    return _receive(socket, "started")


def test_logs_come_as_they_are_stored(client: Client, store: MemoryLogStore, socket: WebSocketTestSession) -> None:
    _store(client, store, "before")
    assert _start(socket, query="level:INFO one") == {"type": "started", "query": "level:INFO one", "position": "1"}
    _store(client, store, "one", "two", "one more")
    message = _receive(socket, "logs")
    assert [log["message"] for log in message["logs"]] == ["one", "one more"]
    assert message["position"] == "4"
    assert set(message["logs"][0]) >= {"id", "timestamp", "level", "service", "metadata", "ingest_sequence"}


def test_a_tail_goes_on_behind_a_position(client: Client, store: MemoryLogStore, socket: WebSocketTestSession) -> None:
    _store(client, store, "one", "two", "three")
    assert _start(socket, after="1")["position"] == "1"
    assert _messages(socket, 2) == ["two", "three"]
    _start(socket, after=2)
    assert _messages(socket, 1) == ["three"]


def test_a_paused_tail_resumes_without_gap_or_repeat(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession
) -> None:
    _start(socket)
    _store(client, store, "one")
    assert _messages(socket, 1) == ["one"]
    socket.send_json({"type": "pause"})
    assert _receive(socket, "paused")["position"] == "1"
    _store(client, store, "two", "three")
    socket.send_json({"type": "resume"})
    assert _receive(socket, "started")["position"] == "1"
    assert _messages(socket, 2) == ["two", "three"]


async def test_a_message_that_is_being_sent_when_a_tail_is_paused_is_not_repeated(
    app: Litestar, store: MemoryLogStore, token: str
) -> None:
    async def write(message: str, offset: int) -> None:
        batch = log_batch([{"message": message, "timestamp": NOON_UNIX_NANO + offset}])
        await store.write(ORGANIZATION, batch, Receipt(received=1))

    connection = HeldConnection(app, token)
    connection.say(type="start")
    assert (await connection.taken.get())["type"] == "started"
    connection.open.clear()
    await write("one", 1)
    assert (await connection.taken.get())["type"] == "logs"
    connection.say(type="pause")
    await asyncio.sleep(0.05)
    connection.open.set()
    assert await connection.taken.get() == {"type": "paused", "position": "1"}
    await write("two", 2)
    connection.say(type="resume")
    assert (await connection.taken.get())["type"] == "started"
    assert [log["message"] for log in (await connection.taken.get())["logs"]] == ["two"]
    await connection.leave()


async def test_a_client_that_takes_no_answer_is_sent_away(
    app: Litestar, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_endpoints, "SEND_SECONDS", 0.05)
    monkeypatch.setattr(live_endpoints, "CLOSING_SECONDS", 0.05)
    connection = HeldConnection(app, token)
    connection.open.clear()
    connection.say(type="pause")
    async with asyncio.timeout(5):
        await connection.served


def test_another_query_goes_on_where_the_tail_stands(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession
) -> None:
    _start(socket, query="one")
    _store(client, store, "one", "two")
    assert _messages(socket, 1) == ["one"]
    socket.send_json({"type": "query", "query": "two"})
    assert _receive(socket, "started") == {"type": "started", "query": "two", "position": "2"}
    _store(client, store, "one", "two")
    assert _messages(socket, 1) == ["two"]


def test_a_bad_query_is_a_problem_with_its_place_and_the_tail_goes_on(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession
) -> None:
    _start(socket, query="one")
    for kind in ("query", "start"):
        socket.send_json({"type": kind, "query": "one level:ERORR"})
        problem = _receive(socket, "problem")["problem"]
        assert problem["type"] == "/problems/invalid-query"
        assert (problem["status"], problem["start"], problem["end"]) == (400, 10, 15)
        assert problem["suggestion"] == "one level:ERROR"
    _store(client, store, "one")
    assert _messages(socket, 1) == ["one"]


def test_what_exceeds_the_rate_limit_is_said(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession
) -> None:
    _start(socket, rate_limit=2)
    _store(client, store, *(f"log {number}" for number in range(5)))
    message = _receive(socket, "logs")
    assert [log["message"] for log in message["logs"]] == ["log 0", "log 1"]
    assert message["position"] == "2"
    assert _receive(socket, "left_out") == {"type": "left_out", "position": "5", "count": 3}


def test_large_deliveries_are_several_messages_with_a_position_each(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_messages, "MAX_FRAME_BYTES", 1_000)
    _start(socket)
    _store(client, store, *(f"log {number}" for number in range(8)))
    messages = [_receive(socket, "logs")]
    while messages[-1]["position"] != "8":
        messages.append(_receive(socket, "logs"))
    assert len(messages) > 2
    assert [log["message"] for message in messages for log in message["logs"]] == [f"log {n}" for n in range(8)]
    assert all(message["logs"][-1]["ingest_sequence"] == message["position"] for message in messages)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"type":"stop"}',
        '{"type":"start","q":"one"}',
        '{"type":"start","rate_limit":0}',
        '{"type":"start","after":"yesterday"}',
        '{"type":"start","after":-1}',
        '{"type":"start","after":9223372036854775808}',
        '{"type":"resume"}',
        '{"type":"query","query":5}',
    ],
)
def test_what_is_not_a_message_is_a_problem_and_no_end(socket: WebSocketTestSession, text: str) -> None:
    socket.send_text(text)
    assert _receive(socket, "problem")["problem"]["status"] == 400
    _start(socket)


def test_a_query_starts_a_tail_that_was_not_started(socket: WebSocketTestSession) -> None:
    socket.send_json({"type": "query", "query": "one"})
    assert _receive(socket, "started")["query"] == "one"


def test_the_first_message_may_show_the_token(client: Client, token: str) -> None:
    with client.websocket_connect("/live/logs") as socket:
        socket.send_json({"type": "authenticate", "token": token})
        _start(socket)


@pytest.mark.parametrize("first", [{"type": "start"}, {"type": "authenticate", "token": "wrong"}, {"type": "nothing"}])
def test_strangers_are_sent_away(client: Client, first: Message) -> None:
    with client.websocket_connect("/live/logs") as socket:
        socket.send_json(first)
        assert _receive(socket, "problem")["problem"]["status"] == 401
        code, reason = _closed(socket)
        assert code == live_endpoints.UNAUTHENTICATED
        assert reason


def test_a_wrong_header_is_sent_away(client: Client) -> None:
    with client.websocket_connect("/live/logs", headers={"Authorization": "Bearer nobody"}) as socket:
        assert _receive(socket, "problem")["problem"]["status"] == 401
        assert _closed(socket)[0] == live_endpoints.UNAUTHENTICATED


def test_a_token_in_the_url_is_nothing(client: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sign_in, "SIGN_IN_SECONDS", 0.05)
    with client.websocket_connect(f"/live/logs?token={token}&access_token={token}") as socket:
        assert _receive(socket, "problem")["problem"]["status"] == 401


def test_who_says_nothing_is_sent_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sign_in, "SIGN_IN_SECONDS", 0.05)
    with client.websocket_connect("/live/logs") as socket:
        assert "within" in _receive(socket, "problem")["problem"]["detail"]
        assert _closed(socket)[0] == live_endpoints.UNAUTHENTICATED


def test_there_are_only_so_many_strangers(client: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sign_in, "MAX_STRANGERS", 1)
    with client.websocket_connect("/live/logs") as first:
        time.sleep(0.1)
        with client.websocket_connect("/live/logs") as second:
            assert _receive(second, "problem")["problem"]["status"] == 429
            assert _closed(second)[0] == live_endpoints.TRY_AGAIN_LATER
        first.send_json({"type": "authenticate", "token": token})
        _start(first)
        with client.websocket_connect("/live/logs") as third:
            third.send_json({"type": "authenticate", "token": token})
            _start(third)


def test_a_tail_ends_with_its_token_unless_a_newer_one_is_shown(
    client: Client, clock: HeldClock, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_endpoints, "TOKEN_CHECK_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {token}"}
    with client.websocket_connect("/live/logs", headers=headers) as socket:
        _start(socket)
        clock.unix_nano += (ACCESS_TOKEN_SECONDS - 1) * 1_000_000_000
        newer = AccessTokens(SIGNING_KEYS, clock).mint(PRINCIPAL).token
        socket.send_json({"type": "authenticate", "token": newer})
        _start(socket)
        clock.unix_nano += 2_000_000_000
        _start(socket)
        clock.unix_nano += ACCESS_TOKEN_SECONDS * 1_000_000_000
        assert _receive(socket, "problem")["problem"]["detail"] == "the access token has expired"
        assert _closed(socket)[0] == live_endpoints.UNAUTHENTICATED


def test_a_token_of_another_organization_ends_the_tail(socket: WebSocketTestSession, clock: HeldClock) -> None:
    stranger = Principal(UUID(int=2), UUID(int=3), Role.ADMIN, "other@example.com")
    other = AccessTokens(SIGNING_KEYS, clock).mint(stranger).token
    socket.send_json({"type": "authenticate", "token": other})
    assert _receive(socket, "problem")["problem"]["status"] == 403
    assert _closed(socket)[0] == live_endpoints.FORBIDDEN


def test_pages_of_other_sites_are_refused(client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://evil.example"}
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/live/logs", headers=headers):
        pass
    assert refused.value.code == live_endpoints.FORBIDDEN


def test_pages_of_the_server_itself_are_let_in(client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Origin": "http://testserver.local"}
    with client.websocket_connect("/live/logs", headers=headers) as socket:
        _start(socket)


def test_logs_in_messages_are_those_of_the_search(
    client: Client, store: MemoryLogStore, socket: WebSocketTestSession
) -> None:
    _start(socket)
    batch = log_batch([{"message": 'é "quoted"', "metadata": {"a": {"b": 1}}, "severity_number": 17}])
    client.blocking_portal.call(store.write, ORGANIZATION, batch, Receipt(received=1))
    [log] = _receive(socket, "logs")["logs"]
    assert (log["message"], log["metadata"], log["level"]) == ('é "quoted"', {"a.b": 1}, "ERROR")
    assert json.dumps(log)
