"""The HTTP server's protocol, with an end to what a client may send before a request is one, and to waiting for it.

uvicorn bounds bodies and answers by flow control; it bounds neither the bytes of a request's head nor the time in
which it comes. A request that comes in one piece costs a few integers here.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.api.edges import CONTENT_SECURITY_POLICY, SECURITY_HEADERS
from tocsin.kit.departures import SECONDS_TO_TAKE
from tocsin.kit.errors import HeadTooLarge, InvalidRequest, RequestTimeout, TocsinError
from tocsin.kit.problem_responses import PROBLEM_MEDIA_TYPE

MAX_HEAD_BYTES = 64 * 1024
"""A request's line and headers; real ones have some hundred bytes, and a few thousand with a large token."""

MAX_HEADERS = 100

HEAD_SECONDS = 10.0
"""From a connection's opening, or a head's first byte, to its end."""

LINGER_SECONDS = 2.0
"""How long a refused client's bytes are read and thrown away, so that it can read why it was refused."""

LEAST_TAKEN_BYTES_PER_SECOND = 1024
"""A client that takes an answer more slowly than this for ``SECONDS_TO_TAKE`` counts as gone."""

_MAX_PIECE_BYTES = 256 * 1024
"""What the event loop reads at one time; a head may begin at the end of such a piece."""


class _Refused(Exception):
    """Stops the parser; ``_refusal`` has the reason."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Since the piece with the end of the last head, or of what came of a body: the parser may be holding them.
        self._unparsed_bytes = 0
        self._piece_bytes = 0
        self._refusal: TocsinError | None = None
        #: Refused, or handed on to the WebSocket protocol.
        self._is_over = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._taking_timer: asyncio.TimerHandle | None = None
        self._untaken_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._is_over = True
        self._forget_head()
        self._forget_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and bound what is not a whole head yet."""
        if self._is_over:
            return
        self._piece_bytes = len(data)
        self._unparsed_bytes += self._piece_bytes
        super().data_received(data)
        self._bound_head()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on."""
        self._is_over = True
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        """A head is whole: refuse it, or begin to answer."""
        if len(self.headers) > MAX_HEADERS or (self._unparsed_bytes > MAX_HEAD_BYTES and self._is_head_too_large()):
            self._refusal = _head_too_large()
            raise _Refused
        self._unparsed_bytes = self._piece_bytes
        if self._head_timer is not None:
            self._forget_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body, which flow control bounds."""
        self._unparsed_bytes = self._piece_bytes
        super().on_body(body)

    def on_response_complete(self) -> None:
        """The answer is written; on a connection that ends with it, it must be taken in time."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came after an answer."""
        self._close()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser stopped at."""
        self._refuse(self._refusal or InvalidRequest("what arrived is not a request of HTTP/1.1"))

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is written: see that it takes it at all."""
        super().pause_writing()
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self._forget_taking()
        self._taking_timer = self.loop.call_later(SECONDS_TO_TAKE, self._check_taking)

    def resume_writing(self) -> None:
        """The client has taken enough to go on."""
        self._forget_taking()
        super().resume_writing()

    def _bound_head(self) -> None:
        if self._is_over:
            return
        if self._unparsed_bytes > MAX_HEAD_BYTES + _MAX_PIECE_BYTES:
            self._refuse(_head_too_large())
        elif self.cycle is None or self.cycle.response_complete or self.cycle.scope is not self.scope:
            # No request is in work, or the head of one more has begun.
            self._await_head()

    def _is_in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _is_head_too_large(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _forget_taking(self) -> None:
        if self._taking_timer is not None:
            self._taking_timer.cancel()
            self._taking_timer = None

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:
            # The rest may have come, and waits for the answers before it.
            self._await_head()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif self._is_in_head():
            self._refuse(RequestTimeout(f"the request's head was not complete after {HEAD_SECONDS:g} seconds"))
        else:
            # Browsers open connections ahead of use: an answer to no request would only confuse them.
            self._close()

    def _check_taking(self) -> None:
        untaken = self.transport.get_write_buffer_size()
        if untaken > self._untaken_bytes - SECONDS_TO_TAKE * LEAST_TAKEN_BYTES_PER_SECOND:
            self.transport.abort()
            return
        self._untaken_bytes = untaken
        self._taking_timer = self.loop.call_later(SECONDS_TO_TAKE, self._check_taking)

    def _close(self) -> None:
        """Close once what was answered is taken, but don't wait for that for ever."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(SECONDS_TO_TAKE, self.transport.abort)

    def _refuse(self, error: TocsinError) -> None:
        """Answer what is no request, and take no more."""
        self._is_over = True
        self._forget_head()
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:
            # The broken bytes are the rest of a request that is in work: its answer would come too late.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started or self.pipeline:
                self._close()
                return
        self.transport.write(_refusal(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"a request's head may have {MAX_HEAD_BYTES:,} bytes and {MAX_HEADERS} headers")


def _refusal(error: TocsinError) -> bytes:
    """A whole answer, for a request that no application has seen."""
    body = msgspec.json.encode(error.problem())
    headers = [
        (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *SECURITY_HEADERS,
        CONTENT_SECURITY_POLICY,
    ]
    status_line = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()
    lines = [status_line, *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", body])
