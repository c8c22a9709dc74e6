"""A request whose caller leaves is cancelled, and only then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tocsin.kit import departures
from tocsin.kit.departures import stopped_on_departure

SCOPE = {"type": "http", "path": "/"}
START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"all"}

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Caller:
    """Sends what it is told to, and takes every message unless it is told to wait."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.taken: list[dict[str, Any]] = []
        self.takes = asyncio.Event()
        self.takes.set()

    def leave(self) -> None:
        self.sent.put_nowait({"type": "http.disconnect"})

    async def call(self, application: Application) -> None:
        async with asyncio.timeout(10):
            await stopped_on_departure(application)(SCOPE, self.sent.get, self._take)

    async def _take(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        self.taken.append(message)


async def test_work_is_cancelled_when_the_caller_leaves() -> None:
    caller, ended = Caller(), []

    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        caller.leave()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    await caller.call(endless)
    assert ended == [True]
    assert caller.taken == [START]


async def test_the_work_sees_what_the_caller_sends() -> None:
    caller, received = Caller(), []

    async def reading(_scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        await send(START)
        await send(END)

    await caller.call(reading)
    assert received == [{"type": "http.request", "body": b"", "more_body": False}]
    assert caller.taken == [START, END]


async def test_work_after_the_answer_is_carried_through_when_the_caller_leaves_then() -> None:
    caller, ended = Caller(), []

    async def thorough(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(END)
        caller.leave()
        await asyncio.sleep(0.01)
        ended.append(True)

    await caller.call(thorough)
    assert ended == [True]


async def test_work_is_cancelled_when_the_caller_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "SECONDS_TO_TAKE", 0.01)
    caller, ended = Caller(), []

    async def streaming(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        caller.takes.clear()
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.append(True)

    await caller.call(streaming)
    assert (ended, caller.taken) == ([True], [START])


async def test_a_cancellation_from_elsewhere_goes_on() -> None:
    caller, started = Caller(), asyncio.Event()

    async def endless(_scope: Any, _receive: Any, _send: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    call = asyncio.create_task(caller.call(endless))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_an_error_of_the_work_goes_on() -> None:
    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await Caller().call(failing)
