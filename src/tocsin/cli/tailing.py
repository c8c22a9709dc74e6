"""Follows a running server's live tail: comes back after every break, where it was."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tocsin.cli.client import WHAT_LETS_COMMANDS_IN, CommandFailed, access_token, problem_detail, server_url
from tocsin.kit.errors import InvalidRequest, Unauthenticated
from tocsin.kit.settings import Settings

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.25, 8.0
"""Between two tries to come back; each pause is twice the one before, until the server answers."""

CLOSE_SECONDS = 1.0
MAX_MESSAGE_BYTES = 64 << 20

Message = dict[str, Any]


class _Interrupted(Exception):
    """The connection is gone, and another may go on."""


class LiveLogs:
    """The messages of a live tail, over as many connections as it takes."""

    def __init__(
        self,
        settings: Settings,
        query: str,
        *,
        rate_limit: int | None,
        after: int | None = None,
        on_break: Callable[[str], None] = lambda _reason: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to follow; nothing is connected yet.

        Args:
            settings: say where the server is, and who we are.
            query: what to follow.
            rate_limit: at most so many logs a second; None for all of them.
            after: the position to start behind; None starts with what comes from now on.
            on_break: called with the reason each time that the connection breaks after it was there.
            pause: waits that many seconds.
        """
        self._settings = settings
        self._query = query
        self._rate_limit = rate_limit
        #: Everything up to here was handed out.
        self.position = after
        self._on_break = on_break
        self._pause = pause
        self._was_connected = False
        self._next_pause_seconds = FIRST_PAUSE_SECONDS

    def __iter__(self) -> Iterator[Message]:
        """Yield ``logs`` and ``left_out`` messages for ever.

        Raises:
            CommandFailed: the server could not be reached at first, or refuses the query or the caller.
        """
        while True:
            try:
                yield from self._connected()
            except _Interrupted as interruption:
                if not self._was_connected:
                    raise CommandFailed(str(interruption)) from interruption
                if self._next_pause_seconds == FIRST_PAUSE_SECONDS:
                    self._on_break(str(interruption))
                self._pause(self._next_pause_seconds)
                self._next_pause_seconds = min(2 * self._next_pause_seconds, MAX_PAUSE_SECONDS)

    def _connected(self) -> Iterator[Message]:
        with self._connection() as connection:
            start = {"type": "start", "query": self._query, "after": self.position, "rate_limit": self._rate_limit}
            self._send(connection, start)
            while True:
                message = self._received(connection)
                if message["type"] == "problem":
                    self._give_up_or_come_back(message["problem"])
                if message["type"] == "started":
                    self._was_connected = True
                    self._next_pause_seconds = FIRST_PAUSE_SECONDS
                if message["type"] in {"logs", "left_out"}:
                    yield message
                self.position = int(message["position"])

    @contextmanager
    def _connection(self) -> Iterator[ClientConnection]:
        server = server_url(self._settings)
        token = access_token(self._settings)
        with ExitStack() as closing:
            try:
                connection = closing.enter_context(
                    connect(
                        f"ws{server.removeprefix('http')}/live/logs",
                        additional_headers={"Authorization": f"Bearer {token}"},
                        close_timeout=CLOSE_SECONDS,
                        max_size=MAX_MESSAGE_BYTES,
                        compression=None,
                    )
                )
            except OSError as error:
                reason = f"no Tocsin answers at {server}: start one with `tocsin serve`, or set TOCSIN_URL"
                raise _Interrupted(reason) from error
            except InvalidHandshake as error:
                raise _Interrupted(f"what answers at {server} has no live tail ({error}); set TOCSIN_URL") from error
            yield connection

    def _send(self, connection: ClientConnection, message: Message) -> None:
        try:
            connection.send(json.dumps(message))
        except ConnectionClosed as error:
            raise _Interrupted(_reason(error)) from error

    def _received(self, connection: ClientConnection) -> Message:
        try:
            message: Message = json.loads(connection.recv())
        except ConnectionClosed as error:
            raise _Interrupted(_reason(error)) from error
        return message

    def _give_up_or_come_back(self, problem: dict[str, Any]) -> None:
        if problem["status"] == InvalidRequest.status:
            raise CommandFailed(problem_detail(problem))
        if problem["status"] == Unauthenticated.status and not self._was_connected:
            raise CommandFailed(f"{problem['detail']}; {WHAT_LETS_COMMANDS_IN}")
        raise _Interrupted(str(problem["detail"]))


def _reason(error: ConnectionClosed) -> str:
    """Why the server closed the connection, if it said so."""
    return (error.rcvd.reason if error.rcvd is not None else "") or "the connection was closed"
