"""``WS /live/logs``: logs as they are stored, filtered on the server. docs/api.md has the protocol for clients."""

import asyncio
from contextlib import aclosing, suppress
from time import monotonic

from litestar import websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import SkipValidation

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import accounts_of, admit_in_band
from tocsin.kit.errors import Forbidden, InvalidRequest, TocsinError
from tocsin.query.parser import parse
from tocsin.search.live import LiveTail
from tocsin.search.live_messages import (
    Authenticate,
    Message,
    Pause,
    Query,
    Resume,
    Start,
    delivered,
    paused,
    problem,
    read_message,
    started,
)
from tocsin.search.live_sign_in import AnyWebSocket, Doorkeeper, check_origin
from tocsin.search.live_watcher import WatcherTooSlow, too_slow
from tocsin.search.questions import Questions

TOKEN_CHECK_SECONDS = 5.0
"""How long after its token's end a tail may live on."""

SEND_SECONDS = 10.0
"""A reader who does not take a message within this reads too slowly."""

CLOSING_SECONDS = 5.0
"""How long it is waited for, to hear why it was cut off."""

FAILED, TRY_AGAIN_LATER = 1011, 1013
UNAUTHENTICATED, FORBIDDEN, TOO_EXPENSIVE, TOO_SLOW = 4401, 4403, 4422, 4429
"""Codes with which the server closes; those of 4000 and more are Tocsin's own."""

_CODES: dict[int, int] = {
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    422: TOO_EXPENSIVE,
    429: TRY_AGAIN_LATER,
    503: TRY_AGAIN_LATER,
    504: TRY_AGAIN_LATER,
}
_MAX_REASON_BYTES = 123


class LiveSockets:
    """The sockets of one process: who they are, and what each watches."""

    def __init__(
        self, live_tail: LiveTail, questions: Questions, *, allowed_origins: frozenset[str] = frozenset()
    ) -> None:
        """Serve a live tail to the pages of this server, and of other sites that are allowed."""
        self._live_tail = live_tail
        self._questions = questions
        self._allowed_origins = allowed_origins
        self._door = Doorkeeper()

    async def serve(self, socket: AnyWebSocket) -> None:
        """Talk with a socket until it is gone, or has to be sent away."""
        try:
            check_origin(socket, self._allowed_origins)
        except Forbidden as error:
            await socket.close(FORBIDDEN, error.detail)
            return
        await socket.accept()
        # Any of the two says that the other end is gone, depending on who notices.
        with suppress(WebSocketDisconnect, OSError):
            try:
                principal = await self._door.admit(socket)
                await _Session(socket, self._live_tail, self._questions, principal).run()
            except TocsinError as error:
                await _send_away(socket, error)


@websocket("/live/logs")
async def live_logs(socket: AnyWebSocket, live_sockets: NamedDependency[SkipValidation[LiveSockets]]) -> None:
    """Logs as they are stored."""
    await live_sockets.serve(socket)


class _Session:
    """One signed-in socket."""

    def __init__(self, socket: AnyWebSocket, live_tail: LiveTail, questions: Questions, principal: Principal) -> None:
        self._socket = socket
        self._live_tail = live_tail
        self._questions = questions
        self._principal = principal
        self._checked_at = monotonic()
        self._query: str | None = None
        self._rate_limit: int | None = None
        #: Everything up to here was sent.
        self._position: int | None = None
        self._forwarding: asyncio.Task[None] | None = None
        #: Held from before a message is sent until it counts as sent: a tail stops between two messages.
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Do what the client says, until it is gone.

        Raises:
            TocsinError: it must be sent away.
            WebSocketDisconnect: it is gone.
        """
        receiving = asyncio.create_task(self._socket.receive_data(mode="text"))
        try:
            while True:
                waiting = {receiving} if self._forwarding is None else {receiving, self._forwarding}
                done, _ = await asyncio.wait(waiting, timeout=TOKEN_CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if self._forwarding in done:
                    self._forwarding.result()
                await self._recheck()
                if receiving in done:
                    await self._answer(receiving.result())
                    receiving = asyncio.create_task(self._socket.receive_data(mode="text"))
        finally:
            receiving.cancel()
            if self._forwarding is not None:
                self._forwarding.cancel()
                await asyncio.gather(self._forwarding, return_exceptions=True)

    async def _recheck(self) -> None:
        """See now and then, and not with every message, whether the principal may still watch."""
        if monotonic() - self._checked_at >= TOKEN_CHECK_SECONDS:
            await accounts_of(self._socket).recheck(self._principal)
            self._checked_at = monotonic()

    async def _authenticate(self, token: str) -> None:
        principal = await admit_in_band(self._socket, token)
        if principal.organization_id != self._principal.organization_id:
            raise Forbidden("the access token is of another organization; open another live tail for it")
        self._principal = principal
        self._checked_at = monotonic()

    async def _answer(self, text: str) -> None:
        try:
            await self._obey(read_message(text))
        except InvalidRequest as error:
            await self._send(problem(error))

    async def _obey(self, message: Message) -> None:
        match message:
            case Authenticate(token):
                await self._authenticate(token)
            case Start(query, rate_limit=rate_limit):
                parse(query)
                position = message.position()
                await self._stop()
                self._query, self._position, self._rate_limit = query, position, rate_limit
                self._go_on()
            case Query(query):
                parse(query)
                await self._stop()
                self._query = query
                self._go_on()
            case Pause():
                await self._stop()
                await self._send(paused(self._position))
            case Resume():
                self._go_on()

    def _go_on(self) -> None:
        if self._query is None:
            raise InvalidRequest("nothing was started")
        if self._forwarding is None:
            self._forwarding = asyncio.create_task(self._forward(self._query))

    async def _stop(self) -> None:
        """Send no more of what is watched; a message that is on its way is sent first, and counts.

        Raises:
            TocsinError: watching had failed already.
        """
        forwarding, self._forwarding = self._forwarding, None
        if forwarding is None:
            return
        async with self._sending:
            forwarding.cancel()
        await asyncio.wait({forwarding})
        if not forwarding.cancelled():
            forwarding.result()

    async def _forward(self, query: str) -> None:
        organization_id = self._principal.organization_id
        # A pattern means the shapes that it has now, for as long as this query is watched.
        wanted = await self._questions.query(organization_id, query)
        deliveries = self._live_tail.watch(organization_id, wanted, after=self._position, rate_limit=self._rate_limit)
        async with aclosing(deliveries):
            self._position = (await anext(deliveries)).position
            await self._send(started(query, self._position))
            async for delivery in deliveries:
                for position, text in delivered(delivery):
                    async with self._sending:
                        await self._send(text)
                        self._position = position

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_data(text)
        except TimeoutError:
            raise too_slow() from None


async def _send_away(socket: AnyWebSocket, error: TocsinError) -> None:
    code = TOO_SLOW if isinstance(error, WatcherTooSlow) else _CODES.get(error.status, FAILED)
    reason = error.detail.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_SECONDS):
            await socket.send_data(problem(error))
            await socket.close(code, reason)
