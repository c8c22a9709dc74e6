"""How long a body is waited for; the clock is that of the event loop, and small."""

import asyncio
from typing import Any

import pytest

from tocsin.api import body_pace
from tocsin.api.body_pace import BodyPace
from tocsin.kit.errors import RequestTimeout

PATIENCE_SECONDS = 0.1


class Client:
    """Sends pieces of a body, each after a pause."""

    def __init__(self, *pieces: tuple[float, bytes, bool]) -> None:
        self._pieces = list(pieces)
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if not self._pieces:
            await asyncio.Event().wait()
        pause, body, more_body = self._pieces.pop(0)
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": body, "more_body": more_body}


async def whole_body(client: Client, *, announced_bytes: int = 0) -> bytes:
    pace = BodyPace(client.receive, patience_seconds=PATIENCE_SECONDS, announced_bytes=announced_bytes)
    body, more = b"", True
    async with asyncio.timeout(10):
        while more:
            message = await pace.receive()
            body, more = body + message["body"], message["more_body"]
    return body


async def test_body_is_handed_on_when_it_comes_in_time() -> None:
    assert await whole_body(Client((0.0, b"a", True), (0.01, b"b", False))) == b"ab"


async def test_body_is_given_up_when_nothing_comes() -> None:
    with pytest.raises(RequestTimeout, match="0 bytes"):
        await whole_body(Client())


async def test_body_is_given_up_when_it_stops() -> None:
    with pytest.raises(RequestTimeout, match="1,000,000 bytes"):
        await whole_body(Client((0.0, b"x" * 1_000_000, True)))


async def test_body_is_given_up_when_it_trickles() -> None:
    with pytest.raises(RequestTimeout):
        await whole_body(Client(*[(0.02, b"x", True)] * 400, (0.0, b"", False)))


async def test_body_is_taken_for_as_long_as_it_comes_fast_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_pace, "LEAST_BYTES_PER_SECOND", 1)
    pieces = [(0.02, b"x" * 100, True)] * 20
    assert len(await whole_body(Client(*pieces, (0.0, b"", False)))) == 2_000


async def test_body_is_given_up_when_it_comes_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_pace, "MAX_BODY_SECONDS", 0.2)
    with pytest.raises(RequestTimeout):
        await whole_body(Client(*[(0.02, b"x" * 1_000_000, True)] * 100, (0.0, b"", False)))


async def test_large_announcement_has_to_come_faster() -> None:
    pieces = [(0.02, b"x" * 10_000, True)] * 20
    assert len(await whole_body(Client(*pieces, (0.0, b"", False)), announced_bytes=200_000)) == 200_000
    with pytest.raises(RequestTimeout):
        await whole_body(Client(*pieces, (0.0, b"", False)), announced_bytes=2**30)


async def test_time_in_which_the_body_is_not_asked_for_does_not_count() -> None:
    client = Client((0.0, b"a", True), (0.0, b"b", False))
    pace = BodyPace(client.receive, patience_seconds=PATIENCE_SECONDS, announced_bytes=2)
    await pace.receive()
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    assert (await pace.receive())["body"] == b"b"


async def test_what_comes_after_the_body_is_waited_for() -> None:
    client = Client((0.0, b"a", False), (3 * PATIENCE_SECONDS, b"later", False))
    pace = BodyPace(client.receive, patience_seconds=PATIENCE_SECONDS, announced_bytes=1)
    await pace.receive()
    assert (await pace.receive())["body"] == b"later"


async def test_client_that_was_given_up_counts_as_gone() -> None:
    client = Client()
    pace = BodyPace(client.receive, patience_seconds=0.01, announced_bytes=1)
    with pytest.raises(RequestTimeout):
        await pace.receive()
    assert pace.is_overdue
    assert await pace.receive() == {"type": "http.disconnect"}
    assert client.asked == 1
