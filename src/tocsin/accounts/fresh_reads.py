"""What the database says, a few seconds old at most: requests look it up in memory, and few of them read."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable
from tocsin.kit.moments import NANOSECONDS_A_SECOND

#: What any process has changed, every process knows after at most this long.
FRESH_SECONDS = 5
_FRESH = FRESH_SECONDS * NANOSECONDS_A_SECOND
#: From this age on it is read anew while the older one still serves: under steady use nobody waits.
_AGEING = _FRESH // 2

#: While the database is away, what it said last holds for this long: senders go on meanwhile.
STALE_SECONDS = 15 * 60
_STALE = STALE_SECONDS * NANOSECONDS_A_SECOND
#: Until it is asked again whether it is back.
_PATIENCE = NANOSECONDS_A_SECOND

#: Entries that are remembered of each of the two kinds; what was not used for longest goes first.
MAX_ENTRIES = 4_096

Key = TypeVar("Key")
Value = TypeVar("Value")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    read_unix_nano: int
    #: While the database is away: not to be asked before this.
    asked_again_unix_nano: int = 0


class FreshReads(Generic[Key, Value]):
    """Values by key, each read when it is wanted and remembered for ``FRESH_SECONDS``.

    Those who want the same value at one time wait for one read. Values that are None are kept apart from the others,
    so that guesses can't push out what there is.
    """

    def __init__(self, read: Callable[[Key], Awaitable[Value]], clock: Clock) -> None:
        """Take how a value is read; that may raise ``ServiceUnavailable``."""
        self._read = read
        self._clock = clock
        self._found: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._absent: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        #: The reads that others may wait for; and all that are under way, also those that nobody should.
        self._reading: dict[Key, asyncio.Task[Value]] = {}
        self._tasks: set[asyncio.Task[Value]] = set()
        #: Grows with all that is forgotten: what was read before is not remembered after it.
        self._generation = 0

    async def get(self, key: Key) -> Value:
        """The value, at most ``FRESH_SECONDS`` old; while the database is away, at most ``STALE_SECONDS``.

        Raises:
            ServiceUnavailable: the database is away, and nothing is known that is young enough.
        """
        entry, now = self._entry(key), self._clock.now_unix_nano()
        if entry is None:
            return await self._shared_read(key)
        age = now - entry.read_unix_nano
        # A clock that was set back makes an entry old, not eternal.
        if 0 <= age < _AGEING or (0 <= age < _STALE and now < entry.asked_again_unix_nano):
            return entry.value
        if 0 <= age < _FRESH:
            self._begin_read(key)
            return entry.value
        try:
            return await self._shared_read(key)
        except ServiceUnavailable as error:
            if not 0 <= age < _STALE:
                raise
            entry.asked_again_unix_nano = now + _PATIENCE
            log.warning("accounts.older_read_serves", age_seconds=age // NANOSECONDS_A_SECOND, reason=error.detail)
            return entry.value

    def last(self, key: Key) -> Value | None:
        """What was read last, however old, where that is remembered."""
        entry = self._entry(key)
        return None if entry is None else entry.value

    def amend(self, key: Key, value: Value) -> None:
        """Put a value in the place of one that is remembered; it is as old as that."""
        entry = self._entry(key)
        if entry is not None:
            entry.value = value

    def forget(self, key: Key) -> None:
        """Read the value anew the next time; reads that are under way are not remembered."""
        self._generation += 1
        self._found.pop(key, None)
        self._absent.pop(key, None)
        self._reading.pop(key, None)

    def forget_all(self) -> None:
        """Read everything anew the next time."""
        self._generation += 1
        self._found.clear()
        self._absent.clear()
        self._reading.clear()

    async def close(self) -> None:
        """Give up the reads that are under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _entry(self, key: Key) -> _Entry[Value] | None:
        for entries in (self._found, self._absent):
            entry = entries.get(key)
            if entry is not None:
                entries.move_to_end(key)
                return entry
        return None

    async def _shared_read(self, key: Key) -> Value:
        # A caller who leaves must not take the read from the others.
        return await asyncio.shield(self._begin_read(key))

    def _begin_read(self, key: Key) -> "asyncio.Task[Value]":
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read_and_remember(key))
            self._tasks.add(reading)
            reading.add_done_callback(lambda done: self._end_read(key, done))
        return reading

    def _end_read(self, key: Key, done: "asyncio.Task[Value]") -> None:
        self._tasks.discard(done)
        if self._reading.get(key) is done:
            del self._reading[key]
        if not done.cancelled():
            # Whoever waits has it too; without anybody it is of no interest.
            done.exception()

    async def _read_and_remember(self, key: Key) -> Value:
        # Taken before the read: what changes meanwhile must not count as fresh for longer.
        read_unix_nano, generation = self._clock.now_unix_nano(), self._generation
        value = await self._read(key)
        if generation == self._generation:
            self._found.pop(key, None)
            self._absent.pop(key, None)
            entries = self._absent if value is None else self._found
            entries[key] = _Entry(value, read_unix_nano)
            if len(entries) > MAX_ENTRIES:
                entries.popitem(last=False)
        return value
