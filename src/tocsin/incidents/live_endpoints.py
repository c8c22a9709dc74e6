"""``WS /live/incidents``: changes of incidents as they happen. docs/api.md has the protocol for clients."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Annotated, Literal

import msgspec
from litestar import websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import QueryParameter, SkipValidation

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import accounts_of
from tocsin.incidents.contracts import Change, IncidentChanged
from tocsin.incidents.schemas import IncidentResponse
from tocsin.incidents.service import IncidentsService
from tocsin.kit.errors import Forbidden, TocsinError
from tocsin.search.live_sign_in import AnyWebSocket, Doorkeeper, check_origin

POLL_SECONDS = 2.0
"""How often events of other processes are looked for; those of this one come at once."""

TOKEN_CHECK_SECONDS = 5.0
"""How long after its token's end a socket may live on."""

SEND_SECONDS = 10.0
"""A reader who does not take a message within this reads too slowly."""

UNAUTHENTICATED, FORBIDDEN, TOO_SLOW, FAILED, TRY_AGAIN_LATER = 4401, 4403, 4429, 1011, 1013
"""Codes with which the server closes; those of 4000 and more are Tocsin's own."""

_CODES = {401: UNAUTHENTICATED, 403: FORBIDDEN, 429: TRY_AGAIN_LATER, 503: TRY_AGAIN_LATER}
_MAX_REASON_BYTES = 123


class StartedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The first message: events after this one follow."""

    type: Literal["started"] = "started"
    sequence: int


class ChangeMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A change, and the incident as it was with it; whoever comes back with ``?after=`` its sequence misses none."""

    type: Literal["change"] = "change"
    sequence: int
    change: Change
    at: str
    incident: IncidentResponse


class LiveIncidents:
    """The sockets of one process that watch incidents."""

    def __init__(self, incidents: IncidentsService, *, allowed_origins: frozenset[str] = frozenset()) -> None:
        """Serve the pages of this server, and of other sites that are allowed."""
        self._incidents = incidents
        self._allowed_origins = allowed_origins
        self._door = Doorkeeper()

    async def serve(self, socket: AnyWebSocket, after: int | None) -> None:
        """Send a socket what happens, until it is gone or has to be sent away."""
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
                await self._watch(socket, principal, after)
            except TimeoutError:
                await socket.close(TOO_SLOW, "messages were not read in time")
            except TocsinError as error:
                reason = error.detail.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
                await socket.close(_CODES.get(error.status, FAILED), reason)

    async def _watch(self, socket: AnyWebSocket, principal: Principal, after: int | None) -> None:
        woken = asyncio.Event()

        def wake(event: IncidentChanged) -> None:
            if event.incident.organization_id == principal.organization_id:
                woken.set()

        forget = self._incidents.on_change(wake)
        # A client has nothing to say, but that it is gone.
        receiving = asyncio.create_task(_until_gone(socket))
        sending = asyncio.create_task(self._send_all(socket, principal, after, woken))
        try:
            done, _ = await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            forget()
            for task in (receiving, sending):
                task.cancel()
            await asyncio.gather(receiving, sending, return_exceptions=True)

    async def _send_all(
        self, socket: AnyWebSocket, principal: Principal, after: int | None, woken: asyncio.Event
    ) -> None:
        organization_id = principal.organization_id
        position = await self._incidents.last_sequence(organization_id) if after is None else after
        await _send(socket, [StartedMessage(sequence=position)])
        checked_at = monotonic()
        while True:
            woken.clear()
            while events := await self._incidents.events_after(organization_id, position):
                await _send(socket, [_message(event) for event in events])
                position = events[-1].sequence
            if monotonic() - checked_at >= TOKEN_CHECK_SECONDS:
                await accounts_of(socket).recheck(principal)
                checked_at = monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await woken.wait()


@websocket("/live/incidents")
async def live_incidents(
    socket: AnyWebSocket,
    live_incident_sockets: NamedDependency[SkipValidation[LiveIncidents]],
    after: Annotated[int | None, QueryParameter(ge=0, description="The last sequence that was seen.")] = None,
) -> None:
    """Changes of incidents as they happen."""
    await live_incident_sockets.serve(socket, after)


async def _until_gone(socket: AnyWebSocket) -> None:
    while True:
        await socket.receive_data(mode="text")


async def _send(socket: AnyWebSocket, messages: Sequence[msgspec.Struct]) -> None:
    for message in messages:
        async with asyncio.timeout(SEND_SECONDS):
            await socket.send_data(msgspec.json.encode(message).decode())


def _message(event: IncidentChanged) -> ChangeMessage:
    return ChangeMessage(
        sequence=event.sequence,
        change=event.change,
        at=event.at.isoformat(),
        incident=IncidentResponse.of(event.incident),
    )
