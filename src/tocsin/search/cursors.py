"""Cursors: where the next page starts, as an opaque text that only continues the question it was made for."""

import base64
import binascii
import hashlib
from typing import Annotated

import msgspec

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Order, Position, TimeRange
from tocsin.search.contracts import Question


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended.

    It holds the resolved time range, because ``now-15m`` means another range by the time the next page is asked for.
    """

    question_digest: bytes
    start_unix_nano: int
    end_unix_nano: int
    timestamp_unix_nano: int
    ingest_sequence: Annotated[int, msgspec.Meta(ge=0)]

    @property
    def time_range(self) -> TimeRange:
        """The range of the first page, and so of all pages."""
        return TimeRange(self.start_unix_nano, self.end_unix_nano)

    @property
    def position(self) -> Position:
        """The last log of the page before."""
        return Position(self.timestamp_unix_nano, self.ingest_sequence)


def cursor_text(question: Question, order: Order, time_range: TimeRange, last: Position) -> str:
    """The cursor to the page after ``last``."""
    cursor = Cursor(
        _digest(question, order),
        time_range.start_unix_nano,
        time_range.end_unix_nano,
        last.timestamp_unix_nano,
        last.ingest_sequence,
    )
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def read_cursor(text: str, question: Question, order: Order) -> Cursor:
    """Take a cursor apart.

    Raises:
        InvalidRequest: it is not a cursor, or one of another question.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        cursor = msgspec.msgpack.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Cursor)
        ends_after_start = cursor.start_unix_nano < cursor.end_unix_nano
    except (binascii.Error, ValueError):
        raise InvalidRequest("the cursor is damaged; start again without one") from None
    if cursor.question_digest != _digest(question, order) or not ends_after_start:
        raise InvalidRequest("the cursor belongs to another query, time range or order; start again without one")
    return cursor


def _digest(question: Question, order: Order) -> bytes:
    parts = (question.organization_id.bytes, question.text, question.start, question.end, order.value)
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()[:12]
