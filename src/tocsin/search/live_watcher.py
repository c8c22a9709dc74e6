"""One live tail's end of the line: what waits for its reader, how much may wait, and how much it takes a second."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from tocsin.kit.errors import TocsinError
from tocsin.query.tree import Node

MAX_WAITING_BYTES = 4 << 20
"""A watcher is cut off that leaves more than this unread, in more than one delivery; it may come back where it was."""

_logs = Counter("tocsin_search_live_logs_total", "Logs that matched live tails, by what became of them.", ["outcome"])
_offered, _left_out = _logs.labels("delivered"), _logs.labels("left_out")
_cut_off = Counter("tocsin_search_live_cut_off_total", "Live tails that were ended because they were read too slowly.")


class WatcherTooSlow(TocsinError):
    """The watcher does not read as fast as logs match; it may come back where it was."""

    slug = "watcher-too-slow"
    status = 429
    title = "Watcher too slow"


def too_slow() -> WatcherTooSlow:
    """The error for one more watcher that is cut off."""
    _cut_off.inc()
    return WatcherTooSlow("the live tail was not read as fast as logs matched; go on where it ended")


@dataclass(frozen=True, slots=True)
class LiveLog:
    """A log that matched."""

    ingest_sequence: int
    #: As ``/v1/logs`` shows it.
    json: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was found on the way to a position."""

    #: In the order of ``ingest_sequence``.
    logs: Sequence[LiveLog]
    #: How many more matched behind these, and were left out because of the rate limit.
    left_out: int
    #: Everything up to here was looked at.
    position: int


class RateLimit:
    """So many logs a second, of which a second's worth may come at once; None is as many as there are."""

    def __init__(self, limit: int | None, *, now_seconds: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._now_seconds = now_seconds
        self._left = float(limit or 0)
        self._counted_at = now_seconds()

    def take(self, wanted: int) -> int:
        """How many of these may pass now; they count as passed."""
        if self._limit is None:
            return wanted
        now = self._now_seconds()
        self._left = min(self._limit, self._left + (now - self._counted_at) * self._limit)
        self._counted_at = now
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


class Watcher:
    """A query that is being watched, and the deliveries that wait for its reader."""

    def __init__(self, query: Node, rate_limit: RateLimit) -> None:
        self.query = query
        self.rate_limit = rate_limit
        #: Logs up to here were delivered before it joined its follower.
        self.joined_at = 0
        self._waiting: deque[Delivery] = deque()
        self._waiting_bytes = 0
        self._failure: TocsinError | None = None
        self._changed = asyncio.Event()

    def offer(self, delivery: Delivery) -> bool:
        """Let a delivery wait for the reader; False when too much waits already, and the watcher is cut off."""
        self._waiting.append(delivery)
        self._waiting_bytes += _size_bytes(delivery)
        self._changed.set()
        _offered.inc(len(delivery.logs))
        _left_out.inc(delivery.left_out)
        # One delivery may be larger alone: its reader has had no time to read it.
        if self._waiting_bytes <= MAX_WAITING_BYTES or len(self._waiting) == 1:
            return True
        self.fail(too_slow())
        return False

    def fail(self, failure: TocsinError) -> None:
        """End the watcher: its reader gets this in place of what waits."""
        self._failure = failure
        self._waiting.clear()
        self._changed.set()

    async def next(self, *, patience_seconds: float) -> Delivery | None:
        """The next delivery; None when there is none for so long.

        Raises:
            TocsinError: the watcher was ended.
        """
        if not self._waiting and self._failure is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._changed.wait()
            except TimeoutError:
                if not self._waiting and self._failure is None:
                    return None
        if self._failure is not None:
            raise self._failure
        delivery = self._waiting.popleft()
        self._waiting_bytes -= _size_bytes(delivery)
        return delivery


def _size_bytes(delivery: Delivery) -> int:
    return sum(len(log.json) for log in delivery.logs)
