"""Cuts off clients that send a body too slowly: what is held for one must not be held for ever."""

import asyncio
from collections.abc import Awaitable, Generator
from time import monotonic
from typing import Any

from tocsin.kit.errors import RequestTimeout
from tocsin.kit.telemetry import AsgiReceive

LEAST_BYTES_PER_SECOND = 1024
"""A body that comes more slowly on average is given up, once the client's patience is used."""

MAX_BODY_SECONDS = 300.0
"""All the time that one body may be waited for; an announced body has to come as fast as that asks for."""


class BodyPace:
    """The ``receive`` of one request, with an end to waiting. Only the time spent waiting for the client counts."""

    __slots__ = (
        "_is_whole",
        "_least_rate",
        "_patience_seconds",
        "_receive",
        "_received_bytes",
        "_waited",
        "is_overdue",
    )

    def __init__(self, receive: AsgiReceive, *, patience_seconds: float, announced_bytes: int) -> None:
        self._receive = receive
        self._patience_seconds = patience_seconds
        self._least_rate = max(LEAST_BYTES_PER_SECOND, announced_bytes / MAX_BODY_SECONDS)
        self._received_bytes = 0
        self._waited = 0.0
        self._is_whole = False
        #: Whether the client was given up.
        self.is_overdue = False

    async def receive(self) -> Any:
        """The next message; what comes after the body is waited for as long as it takes.

        Raises:
            RequestTimeout: the client sent nothing for too long, or too little in all that time.
        """
        if self._is_whole:
            return await self._receive()
        if self.is_overdue:
            return {"type": "http.disconnect"}
        begun = _Begun(self._receive())
        message = begun.message if begun.has_arrived else await self._in_time(begun)
        self._received_bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    async def _in_time(self, begun: "_Begun") -> Any:
        earned_seconds = min(self._received_bytes / self._least_rate, MAX_BODY_SECONDS)
        left = max(self._patience_seconds, earned_seconds) - self._waited
        started = monotonic()
        try:
            async with asyncio.timeout(min(left, self._patience_seconds)):
                message = await begun
        except TimeoutError:
            self.is_overdue = True
            raise RequestTimeout(
                f"the body came too slowly: {self._received_bytes:,} bytes, and then nothing; send it in smaller parts"
            ) from None
        self._waited += monotonic() - started
        return message


class _Begun:
    """A ``receive`` that was begun: most bodies have arrived with their heads, and need no timer (13 µs)."""

    __slots__ = ("_steps", "_waits_for", "has_arrived", "message")

    def __init__(self, receiving: Awaitable[Any]) -> None:
        self._steps: Any = receiving.__await__()
        self.has_arrived = False
        self.message: Any = None
        try:
            self._waits_for = next(self._steps)
        except StopIteration as arrived:
            self.has_arrived = True
            self.message = arrived.value

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    answer = yield waits_for
                except BaseException as error:  # noqa: BLE001  (it is handed on to where it belongs)
                    waits_for = self._steps.throw(error)
                else:
                    waits_for = self._steps.send(answer)
            except StopIteration as arrived:
                return arrived.value
