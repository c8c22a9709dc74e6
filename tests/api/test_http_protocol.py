"""What a client may send before it is a request, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.support.serving import everything, sent, served
from tocsin.api import http_protocol
from tocsin.api.http_protocol import MAX_HEAD_BYTES, MAX_HEADERS, BoundedHttpProtocol

GET = b"GET / HTTP/1.1\r\nHost: test\r\n"
LAST_GET = GET + b"Connection: close\r\n\r\n"


class Echo:
    """Answers with the body of the request; on a WebSocket, with each message."""

    def __init__(self) -> None:
        self.requests = 0
        self.answer_bytes = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.ended: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._talk(receive, send)
            return
        self.requests += 1
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("disconnected")
                return
            body, more = body + message["body"], message["more_body"]
        await self.goes_on.wait()
        body = body or b"x" * self.answer_bytes
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})
        self.ended.append("answered")

    async def _talk(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    async with served(echo) as port:
        yield port


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.05)


def problem_in(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *headers = head.decode().lower().split("\r\n")
    assert {"content-type: application/problem+json", "connection: close", "x-content-type-options: nosniff"} <= set(
        headers
    )
    assert f"content-length: {len(body)}" in headers
    problem = json.loads(body)
    assert status_line.startswith(f"http/1.1 {problem['status']} ")
    return problem["status"], problem


def slug_of(answer: bytes) -> str:
    return str(problem_in(answer)[1]["type"]).removeprefix("/problems/")


def head_of(size_bytes: int) -> bytes:
    """A request whose line and headers have so many bytes as the limit counts them."""
    rest = size_bytes - len(b"/" + b"Host" + b"test" + b"Connection" + b"close" + b"X-Filler")
    return b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Filler: " + b"x" * rest + b"\r\n\r\n"


async def test_head_is_taken_when_it_is_as_large_as_allowed(port: int) -> None:
    reader, writer = await sent(port, head_of(MAX_HEAD_BYTES))
    assert (await everything(reader)).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_head_is_refused_when_it_is_one_byte_too_large(port: int, echo: Echo) -> None:
    reader, writer = await sent(port, head_of(MAX_HEAD_BYTES + 1))
    assert slug_of(await everything(reader)) == "head-too-large"
    assert echo.requests == 0
    writer.close()


async def test_head_is_refused_when_it_has_too_many_headers(port: int, echo: Echo) -> None:
    # Host is one of them.
    for count, status in ((MAX_HEADERS - 2, b"200"), (MAX_HEADERS - 1, b"431")):
        reader, writer = await sent(port, GET + b"X-A: b\r\n" * count + b"Connection: close\r\n\r\n")
        assert (await everything(reader)).startswith(b"HTTP/1.1 " + status)
        writer.close()
    assert echo.requests == 1


@pytest.mark.parametrize("endless", [b"GET /", GET + b"X-Filler: ", GET + b"X-"])
async def test_head_is_refused_when_it_does_not_end(port: int, endless: bytes) -> None:
    reader, writer = await sent(port, endless)
    answer = asyncio.create_task(everything(reader))
    while not answer.done():
        writer.write(b"x" * 65_536)
        try:
            await writer.drain()
        except ConnectionError:
            break
        await asyncio.sleep(0.001)
    assert slug_of(await answer) == "head-too-large"
    writer.close()


async def test_body_is_cut_off_when_its_trailers_do_not_end(port: int, echo: Echo) -> None:
    post = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: "
    reader, writer = await sent(port, post)
    answer = asyncio.create_task(everything(reader))
    while not answer.done():
        writer.write(b"x" * 65_536)
        try:
            await writer.drain()
        except ConnectionError:
            break
        await asyncio.sleep(0.001)
    assert slug_of(await answer) == "head-too-large"
    assert echo.ended == ["disconnected"]
    writer.close()


async def test_large_body_is_taken_in_pieces_when_its_head_is_small(port: int) -> None:
    body = b"x" * (4 * MAX_HEAD_BYTES)
    for framing, framed in (
        (b"Content-Length: %d" % len(body), body),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
    ):
        head = b"POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + framing + b"\r\n\r\n"
        reader, writer = await sent(port, head + framed[:1000], framed[1000:])
        assert (await everything(reader)).endswith(b"\r\n\r\n" + body)
        writer.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        GET + b"Content-Length: many\r\n\r\n",
        GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b" folded\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
    ],
)
async def test_answer_is_a_problem_when_what_arrives_is_not_http(port: int, nonsense: bytes, echo: Echo) -> None:
    reader, writer = await sent(port, nonsense)
    assert problem_in(await everything(reader))[0] == 400
    assert "answered" not in echo.ended
    writer.close()


async def test_nothing_of_a_refused_connection_is_read_as_a_request(port: int, echo: Echo) -> None:
    reader, writer = await sent(port, b"nonsense\r\n\r\n", LAST_GET)
    assert problem_in(await everything(reader))[0] == 400
    assert echo.requests == 0
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_head_is_given_up_when_it_does_not_come_to_its_end(port: int, echo: Echo) -> None:
    reader, writer = await sent(port, GET)
    assert slug_of(await everything(reader)) == "request-timeout"
    assert echo.requests == 0
    writer.close()


async def test_trickling_does_not_extend_the_time_of_a_head(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    reader, writer = await sent(port, GET)
    answer = asyncio.create_task(everything(reader))
    while not answer.done():
        writer.write(b"X-A: b\r\n")
        await asyncio.sleep(0.02)
    assert slug_of(await answer) == "request-timeout"
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_connection_is_closed_without_an_answer_when_nothing_was_asked(port: int) -> None:
    reader, writer = await sent(port)
    assert await everything(reader) == b""
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_second_head_is_given_up_when_it_does_not_come_to_its_end(port: int) -> None:
    reader, writer = await sent(port, GET + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET / HTT")
    assert slug_of(await everything(reader)) == "request-timeout"
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_blank_lines_do_not_keep_an_idle_connection_open(port: int) -> None:
    reader, writer = await sent(port, GET + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    rest = asyncio.create_task(everything(reader))
    while not rest.done():
        writer.write(b"\r\n")
        await asyncio.sleep(0.01)
    assert await rest == b""
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_answer_that_takes_long_is_not_cut_off(port: int, echo: Echo) -> None:
    echo.goes_on.clear()
    reader, writer = await sent(port, GET + b"\r\n")
    await asyncio.sleep(0.15)
    echo.goes_on.set()
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_answer_in_work_is_carried_through_when_the_next_head_does_not_come_to_its_end(
    port: int, echo: Echo
) -> None:
    echo.goes_on.clear()
    reader, writer = await sent(port, GET + b"\r\n" + b"GET / HTT")
    await asyncio.sleep(0.15)
    echo.goes_on.set()
    answer = await everything(reader)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_requests_are_answered_in_order_when_they_come_at_once(port: int) -> None:
    posts = b"".join(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(9))
    reader, writer = await sent(port, posts + LAST_GET)
    answers = (await everything(reader)).split(b"HTTP/1.1 200 OK")[1:]
    assert [answer[-1:] for answer in answers] == [*(b"%d" % number for number in range(9)), b"\n"]
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_websocket_goes_on_after_the_time_of_a_head(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/") as socket:
        await socket.send("one")
        assert await socket.recv() == "one"
        await asyncio.sleep(0.15)
        await socket.send("two")
        assert await socket.recv() == "two"


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the server has ended a connection."""
    event, connection_lost = asyncio.Event(), BoundedHttpProtocol.connection_lost

    def noticed(protocol: BoundedHttpProtocol, exc: Exception | None) -> None:
        connection_lost(protocol, exc)
        event.set()

    monkeypatch.setattr(BoundedHttpProtocol, "connection_lost", noticed)
    return event


async def test_connection_is_ended_when_its_client_takes_nothing_of_an_answer(
    port: int, echo: Echo, ended: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "SECONDS_TO_TAKE", 0.05)
    echo.answer_bytes = 32 * 1024 * 1024
    reader, writer = await sent(port, GET + b"\r\n")
    await asyncio.wait_for(ended.wait(), 30)
    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readexactly(echo.answer_bytes)
    writer.close()


async def test_answer_is_sent_to_its_end_when_its_client_takes_it_slowly(
    port: int, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for the kernel's own buffers to have been emptied meanwhile.
    monkeypatch.setattr(http_protocol, "SECONDS_TO_TAKE", 0.5)
    echo.answer_bytes = 24 * 1024 * 1024
    reader, writer = await sent(port, GET + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    taken = 0
    while piece := await reader.read(1024 * 1024):
        taken += len(piece)
        if taken == echo.answer_bytes:
            break
        await asyncio.sleep(0.01)
    assert taken == echo.answer_bytes
    writer.close()
