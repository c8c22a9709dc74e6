"""Stops work on a request whose caller is no longer there to take the answer."""

import asyncio
from typing import Any

from tocsin.kit.errors import RequestTimeout
from tocsin.kit.telemetry import AsgiApplication, AsgiReceive, AsgiScope, AsgiSend

SECONDS_TO_TAKE = 60.0
"""A caller who takes nothing of an answer for so long counts as gone."""


def stopped_on_departure(app: AsgiApplication) -> AsgiApplication:
    """The application, cancelled when the caller disconnects before the answer is complete.

    Without it, a server goes on with a query that nobody waits for.
    """

    async def stopping_application(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        answering = asyncio.current_task()
        assert answering is not None
        caller = _Caller(receive, send, answering)
        watching = asyncio.create_task(caller.watch())
        try:
            await app(scope, caller.receive, caller.send)
        except asyncio.CancelledError:
            if not caller.has_left:
                raise
            answering.uncancel()
        finally:
            watching.cancel()

    return stopping_application


class _Caller:
    """The other end of a request, watched while it is answered."""

    def __init__(self, receive: AsgiReceive, send: AsgiSend, answering: "asyncio.Task[Any]") -> None:
        self.has_left = False
        self._is_answered = False
        self._receive = receive
        self._send = send
        self._answering = answering
        #: One at most, so that a large body is not gathered here.
        self._messages: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)

    async def watch(self) -> None:
        """Hand on what the caller sends, until they leave."""
        while True:
            try:
                message = await self._receive()
            except RequestTimeout:
                # Who does not finish the question does not wait for the answer.
                self._leave()
                return
            if message["type"] == "http.disconnect":
                self._leave()
            await self._messages.put(message)

    async def receive(self) -> Any:
        return await self._messages.get()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_answered = True
        try:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await self._send(message)
        except TimeoutError:
            self._leave()
            # The cancellation arrives at the next point where this waits.
            await asyncio.sleep(0)

    def _leave(self) -> None:
        if not self._is_answered and not self.has_left:
            self.has_left = True
            self._answering.cancel()
