"""Live tail: logs that match a query, as they are stored, to any number of watchers.

A *follower* for each organization that is watched reads what was stored, once for all of its watchers: as soon as this
process has acknowledged a write, and several times a second in any case. A watcher that starts at an older position
reads on its own first, and joins when it has reached the follower. So every watcher sees the logs in the order of
``ingest_sequence``, each once, late ones included, whatever it missed meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, TypeVarTuple

import pyarrow as pa
import structlog
from prometheus_client import Gauge

from tocsin.kit.errors import QueryTooExpensive, ServiceUnavailable, TocsinError, TooManyRequests
from tocsin.logstore.ports import LogStore, OrganizationId
from tocsin.query.text import to_text
from tocsin.query.tree import Node
from tocsin.search.live_filters import Filters, FilterSet, Rows, TooDear
from tocsin.search.live_watcher import Delivery, LiveLog, RateLimit, Watcher
from tocsin.search.schemas import encoded_logs

READ_ROWS = 5_000
"""How many logs are read and evaluated at a time."""

INTERVAL_SECONDS = 0.2
"""How often followers read while logs come in: more often costs CPU, less often delays delivery."""

POSITION_SECONDS = 10.0
"""How often a watcher for whom nothing matches is told its position."""

MAX_WATCHERS = 5_000
"""In one process, of all organizations."""

_PACE_SECONDS = 0.1

log = structlog.get_logger()

_watchers = Gauge("tocsin_search_live_watchers", "Live tails that are open.")
Answer = TypeVar("Answer")
Arguments = TypeVarTuple("Arguments")


class LiveTail:
    """Follows the log store for everybody who watches; one a process, on its event loop."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._followers: dict[OrganizationId, _Follower] = {}
        self._open = 0
        # Evaluation is native code for the most part; the event loop goes on meanwhile.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tocsin-live")

    def wake(self, organization_id: OrganizationId) -> None:
        """Say that this process has stored logs of the organization."""
        follower = self._followers.get(organization_id)
        if follower is not None:
            follower.woken.set()

    async def watch(
        self, organization_id: OrganizationId, query: Node, *, after: int | None, rate_limit: int | None
    ) -> AsyncGenerator[Delivery]:
        """Yield what matches, from a position on, for ever; at first, a delivery of nothing that says the position.

        Args:
            organization_id: whose logs.
            query: which of them.
            after: the position of an earlier delivery, to go on behind it; None begins with what is stored from now on.
            rate_limit: at most so many logs a second; what matches above that is counted and left out. Logs that were
                stored before the watcher came are not left out: they come at that rate.

        Raises:
            TooManyRequests: too many watch already.
            WatcherTooSlow: the deliveries are not read fast enough.
            QueryTooExpensive: to ask every log this takes too much, beside what else is watched.
            ServiceUnavailable: the store can't be followed right now; come back where you were.
        """
        if self._open >= MAX_WATCHERS:
            raise TooManyRequests(f"{MAX_WATCHERS:,} live tails are open already", retry_after_seconds=10)
        follower = self._follower(organization_id)
        watcher = Watcher(query, RateLimit(rate_limit))
        self._count(follower, 1)
        try:
            last = await follower.position()
            position = last if after is None else after
            yield Delivery((), 0, position)
            async for delivery in follower.missed_by(watcher, position):
                position = delivery.position
                yield delivery
            follower.join(watcher, position)
            while True:
                found = await watcher.next(patience_seconds=POSITION_SECONDS)
                yield found or Delivery((), 0, max(position, follower.looked_at))
        finally:
            follower.leave(watcher)
            self._count(follower, -1)

    def _follower(self, organization_id: OrganizationId) -> "_Follower":
        follower = self._followers.get(organization_id)
        if follower is None or follower.failure is not None:
            follower = self._followers[organization_id] = _Follower(self._store, organization_id, self._thread)
        return follower

    def _count(self, follower: "_Follower", change: int) -> None:
        self._open += change
        _watchers.set(self._open)
        follower.users += change
        if not follower.users:
            follower.stop()
            if self._followers.get(follower.organization_id) is follower:
                del self._followers[follower.organization_id]

    async def close(self) -> None:
        """End every watcher, and let go of the thread."""
        for follower in list(self._followers.values()):
            follower.stop()
            follower.fail(ServiceUnavailable("the server is stopping"))
        await asyncio.to_thread(self._thread.shutdown)


class _Follower:
    """Reads one organization's logs as they are stored, and hands them out."""

    def __init__(self, store: LogStore, organization_id: OrganizationId, thread: ThreadPoolExecutor) -> None:
        self.organization_id = organization_id
        self.woken = asyncio.Event()
        #: How many watchers read from it, or will when they have reached it.
        self.users = 0
        #: Everything up to here was handed to those whom it matches.
        self.looked_at = 0
        self.failure: TocsinError | None = None
        self._store = store
        self._thread = thread
        self._filters = FilterSet()
        self._watchers: dict[Node, set[Watcher]] = {}
        #: Everything up to here was read; who joins now gets what comes after it.
        self._position = 0
        self._started = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def position(self) -> int:
        """Up to where it has read.

        Raises:
            TocsinError: it can't.
        """
        await self._started.wait()
        self._check()
        return self._position

    async def missed_by(self, watcher: Watcher, position: int) -> AsyncIterator[Delivery]:
        """What a watcher has missed since a position, read for it alone; at the end it has reached this follower."""
        filters = Filters.of([watcher.query])
        everything_up_to = self._position
        while position < self._position:
            reached = self._position
            rows = await self._store.read_after(self.organization_id, position, limit=READ_ROWS)
            try:
                found = (await self._in_thread(filters.matching, rows)).get(watcher.query, [])
            except TooDear as error:
                raise _too_expensive() from error
            leaves_out = position >= everything_up_to
            # Nothing may be left of what was there.
            position = int(rows["ingest_sequence"][-1].as_py()) if rows.num_rows else reached
            if leaves_out:
                taken = watcher.rate_limit.take(len(found))
                yield Delivery(await self._encoded(rows, found[:taken]), len(found) - taken, position)
                continue
            async for delivery in self._paced(watcher.rate_limit, rows, found, position):
                yield delivery

    async def _paced(
        self, rate_limit: RateLimit, rows: pa.RecordBatch, found: Rows, position: int
    ) -> AsyncIterator[Delivery]:
        """All that was found on the way to a position, no faster than the limit allows; at least one delivery."""
        while True:
            taken = rate_limit.take(len(found))
            logs, found = await self._encoded(rows, found[:taken]), found[taken:]
            if not found:
                yield Delivery(logs, 0, position)
                return
            if logs:
                yield Delivery(logs, 0, logs[-1].ingest_sequence)
            else:
                await asyncio.sleep(_PACE_SECONDS)

    def join(self, watcher: Watcher, position: int) -> None:
        """Hand the watcher what comes after ``position``, which is not behind this follower's.

        Raises:
            TocsinError: the follower has failed meanwhile.
        """
        self._check()
        watcher.joined_at = position
        self._watchers.setdefault(watcher.query, set()).add(watcher)
        self._filters.add(watcher.query)

    def leave(self, watcher: Watcher) -> None:
        """Hand the watcher nothing more. Safe to call for one that has not joined or has left."""
        watchers = self._watchers.get(watcher.query, set())
        if watcher in watchers:
            watchers.remove(watcher)
            self._filters.remove(watcher.query)
            if not watchers:
                del self._watchers[watcher.query]

    def fail(self, failure: TocsinError) -> None:
        """End all watchers, those that have yet to join too."""
        self.failure = failure
        self._started.set()
        for watcher in [each for watchers in self._watchers.values() for each in watchers]:
            watcher.fail(failure)

    def stop(self) -> None:
        """Read no more."""
        self._task.cancel()

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def _follow(self) -> None:
        try:
            self._position = self.looked_at = await self._store.last_sequence(self.organization_id)
            self._started.set()
            while True:
                await self._step()
        except TocsinError as error:
            log.warning("search.live_tail_interrupted", reason=error.detail)
            self.fail(ServiceUnavailable(f"the live tail was interrupted: {error.detail}"))
        except Exception:
            log.exception("search.live_tail_failed")
            self.fail(ServiceUnavailable("the live tail failed; Tocsin's own log says why"))

    async def _step(self) -> None:
        self.woken.clear()
        rows = await self._store.read_after(self.organization_id, self._position, limit=READ_ROWS)
        if rows.num_rows:
            self._position = int(rows["ingest_sequence"][-1].as_py())
            await self._hand_out(rows)
            self.looked_at = self._position
        if rows.num_rows == READ_ROWS:
            return
        if rows.num_rows:
            await asyncio.sleep(INTERVAL_SECONDS)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL_SECONDS):
                await self.woken.wait()

    async def _hand_out(self, rows: pa.RecordBatch) -> None:
        matched = await self._matching(rows)
        if not matched:
            return
        sequences = rows["ingest_sequence"].to_pylist()
        offers = [
            (watcher, found[:taken], len(found) - taken)
            for query, matching in matched.items()
            for watcher in self._watchers.get(query, ())
            # Who joins ahead of the follower has seen a part of this.
            if (found := [row for row in matching if sequences[row] > watcher.joined_at])
            for taken in (watcher.rate_limit.take(len(found)),)
        ]
        wanted = sorted({row for _, found, _ in offers for row in found})
        logs = dict(zip(wanted, await self._encoded(rows, wanted), strict=True))
        for watcher, found, left_out in offers:
            delivery = Delivery([logs[row] for row in found], left_out, self._position)
            if not watcher.offer(delivery):
                self.leave(watcher)

    async def _matching(self, rows: pa.RecordBatch) -> dict[Node, Rows]:
        """What each query matches; whoever watches one that is too dear for all to go on is cut off."""
        while True:
            try:
                return await self._in_thread(self._filters.prepared().matching, rows)
            except TooDear as error:
                log.warning("search.live_query_cut_off", query=to_text(error.query))
                for watcher in tuple(self._watchers.get(error.query, ())):
                    watcher.fail(_too_expensive())
                    self.leave(watcher)

    async def _encoded(self, rows: pa.RecordBatch, wanted: Rows) -> list[LiveLog]:
        return await self._in_thread(_encode, rows, wanted) if wanted else []

    async def _in_thread(self, work: Callable[[*Arguments], Answer], *arguments: *Arguments) -> Answer:
        self._check()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _too_expensive() -> QueryTooExpensive:
    return QueryTooExpensive(
        "this query takes too long to be asked of every log; narrow it by a service, a word or a metadata value"
    )


def _encode(rows: pa.RecordBatch, wanted: Rows) -> list[LiveLog]:
    taken = rows.take(pa.array(wanted))
    sequences = taken["ingest_sequence"].to_pylist()
    return [LiveLog(*each) for each in zip(sequences, encoded_logs(taken), strict=True)]
