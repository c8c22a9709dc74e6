"""What is said on a live tail's WebSocket: JSON texts, each an object whose ``type`` says what it is.

Positions are texts, since JavaScript's numbers can't hold them; a number is taken as well.
"""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import msgspec

from tocsin.kit.errors import InvalidRequest, TocsinError
from tocsin.search.live_watcher import Delivery

MAX_RATE_LIMIT = 100_000
MAX_FRAME_BYTES = 256 * 1024
"""Logs of one delivery are sent in several messages above this; a single log may be larger."""

_LARGEST_POSITION = 2**63 - 1

RateLimit = Annotated[int, msgspec.Meta(ge=1, le=MAX_RATE_LIMIT)]
T = TypeVar("T")


class Authenticate(msgspec.Struct, frozen=True, tag_field="type", tag="authenticate", forbid_unknown_fields=True):
    """Show an access token: the first message of who sends no header, and at any time a newer one."""

    token: str


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start", forbid_unknown_fields=True):
    """Watch what matches, behind a position or from now on; again, it takes the place of what was watched."""

    query: str = ""
    after: str | int | None = None
    rate_limit: RateLimit | None = None

    def position(self) -> int | None:
        """The position as a number.

        Raises:
            InvalidRequest: it is none.
        """
        try:
            position = None if self.after is None else int(self.after)
        except ValueError:
            position = -1
        if position is not None and not 0 <= position <= _LARGEST_POSITION:
            raise InvalidRequest(f"after must be a position that the server sent, not {self.after}")
        return position


class Query(msgspec.Struct, frozen=True, tag_field="type", tag="query", forbid_unknown_fields=True):
    """Watch for something else, from where the tail stands."""

    query: str


class Pause(msgspec.Struct, frozen=True, tag_field="type", tag="pause", forbid_unknown_fields=True):
    """Send nothing until ``resume``."""


class Resume(msgspec.Struct, frozen=True, tag_field="type", tag="resume", forbid_unknown_fields=True):
    """Go on where the tail was paused, or ended."""


Message = Authenticate | Start | Query | Pause | Resume

_MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def read_message(text: str) -> Message:
    """What a client said.

    Raises:
        InvalidRequest: it is none of the messages above.
    """
    try:
        return _MESSAGES.decode(text)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"this is not a message of the live tail: {error}") from error


def started(query: str, position: int) -> str:
    """The answer to ``start``, ``query`` and ``resume``: what follows is of this query."""
    return _text({"type": "started", "query": query, "position": str(position)})


def paused(position: int | None) -> str:
    """The answer to ``pause``; without a position where nothing was started yet."""
    return _text({"type": "paused", "position": None if position is None else str(position)})


def problem(error: TocsinError) -> str:
    """An error, as every endpoint answers it."""
    return _text({"type": "problem", "problem": error.problem()})


def delivered(delivery: Delivery) -> Iterator[tuple[int, str]]:
    """A delivery as messages, each with the position at which a tail goes on that has read it."""
    logs = delivery.logs
    start = 0
    while start < len(logs):
        end, size = start + 1, len(logs[start].json)
        while end < len(logs) and size + len(logs[end].json) <= MAX_FRAME_BYTES:
            size += len(logs[end].json)
            end += 1
        is_last = end == len(logs) and not delivery.left_out
        position = delivery.position if is_last else logs[end - 1].ingest_sequence
        joined = b",".join(log.json for log in logs[start:end]).decode()
        yield position, f'{{"type":"logs","position":"{position}","logs":[{joined}]}}'
        start = end
    position_text = str(delivery.position)
    if delivery.left_out:
        yield delivery.position, _text({"type": "left_out", "position": position_text, "count": delivery.left_out})
    elif not logs:
        yield delivery.position, _text({"type": "position", "position": position_text})


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
