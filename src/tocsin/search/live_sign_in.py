"""Who is at the other end of a WebSocket: by a header, by a ticket, or by the first message.

A browser can't send a header with a WebSocket, and a URL ends up in logs; so its URL bears a ticket that is good for
one use, or its first message shows the access token. Until then the socket costs little: it has seconds, one message,
and there are only so many of them.
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from litestar import WebSocket

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import admit_in_band, known_principal
from tocsin.kit.errors import Forbidden, InvalidRequest, TooManyRequests, Unauthenticated
from tocsin.search.live_messages import Authenticate, read_message

SIGN_IN_SECONDS = 5.0
"""How long an open socket has to show its token."""

MAX_STRANGERS = 256
"""How many sockets may be open at a time that have shown none yet."""

AnyWebSocket = WebSocket[Any, Any, Any]


class Doorkeeper:
    """Lets sockets in; one a process."""

    def __init__(self) -> None:
        self._strangers = 0

    async def admit(self, socket: AnyWebSocket) -> Principal:
        """Who an accepted socket is: known to the guard by a header or a ticket, or by the first message.

        Raises:
            Unauthenticated: it shows no valid token or ticket, or not in time.
            Forbidden: its bearer may not watch.
            TooManyRequests: too many others have yet to say who they are.
            ServiceUnavailable: the database is needed to tell, and can't be reached.
            WebSocketDisconnect: it is gone.
        """
        return known_principal(socket) or await admit_in_band(socket, await self._first_message(socket))

    async def _first_message(self, socket: AnyWebSocket) -> str:
        if self._strangers >= MAX_STRANGERS:
            raise TooManyRequests("too many connections have yet to authenticate", retry_after_seconds=5)
        self._strangers += 1
        try:
            async with asyncio.timeout(SIGN_IN_SECONDS):
                message = read_message(await socket.receive_data(mode="text"))
        except TimeoutError:
            raise Unauthenticated(f"no access token was shown within {SIGN_IN_SECONDS:g} seconds") from None
        except InvalidRequest as error:
            raise Unauthenticated(f"the first message must show an access token; {error.detail}") from error
        finally:
            self._strangers -= 1
        if not isinstance(message, Authenticate):
            raise Unauthenticated("the first message must show an access token")
        return message.token


def check_origin(socket: AnyWebSocket, allowed_origins: frozenset[str]) -> None:
    """Refuse pages of other sites, but for those that are allowed.

    Raises:
        Forbidden: a browser says that the page is of another host than it connects to.
    """
    origin = socket.headers.get("Origin")
    if origin is None or origin.lower() in allowed_origins:
        return
    if urlsplit(origin).netloc.lower() != socket.headers.get("Host", "").lower():
        raise Forbidden(f"pages of {origin} may not open a live tail here; TOCSIN_CORS_ORIGINS can allow them")
