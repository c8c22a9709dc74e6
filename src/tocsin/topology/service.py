"""``TopologyService``: who calls whom, learned from recent traces and kept in the database.

Each process looks at the organizations whose logs it has stored, about once a minute. Whoever moves on the moment up
to which an organization's traces were looked at has the time until then to itself, so several processes share the work.
A process that dies in between leaves out a minute of traces, of many.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import polars as pl
import pyarrow as pa
import structlog
from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError

from tocsin.kit.clock import Clock
from tocsin.kit.errors import TocsinError
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import LogStore, OrganizationId, Selection, TimeRange
from tocsin.query.tree import Not, TraceIs
from tocsin.topology.calls import calls_of
from tocsin.topology.contracts import CallCounts, CallGraph
from tocsin.topology.learning import SeenCall, graph_of, learned
from tocsin.topology.reading import COLUMNS, span_logs
from tocsin.topology.repository import TopologyRepository

LOOK_SECONDS = 60.0
"""How often an organization that sends logs is looked at: a new call is known so much later."""

TICK_SECONDS = 5.0

MOST_ROWS = 30_000
"""Logs with a trace that one look reads at most. More finds rarer calls sooner; it costs 8 µs of CPU a row."""

SETTLED_NANO = 10 * NANOSECONDS_A_SECOND
"""A trace whose last log is so old is over; one whose first log is so long after the start of what was read is all
there. Where less time was read, a fifth of that."""

FIRST_WINDOW_NANO = 60 * NANOSECONDS_A_SECOND
"""So much time is looked at where nobody looked before."""

LONGEST_WINDOW_NANO = 5 * 60 * NANOSECONDS_A_SECOND
"""After a longer pause, the time before is not looked at."""

TIMEOUT_SECONDS = 10.0

_GOLDEN = 0.618_034
"""Offsets that are multiples of it, cut to their fractions, fill an interval evenly."""

log = structlog.get_logger(__name__)

_rows_read = Counter("tocsin_topology_read_rows_total", "Logs that were read to learn who calls whom.")
_failures = Counter("tocsin_topology_failed_looks_total", "Looks at an organization's traces that failed.")


@dataclass(slots=True)
class _Known:
    """One organization."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_woken: bool = False
    #: Both in monotonic seconds.
    looked_at: float = float("-inf")
    loaded_at: float = float("-inf")
    seen: Mapping[tuple[str, str], SeenCall] = field(default_factory=dict)
    graph: CallGraph = field(default_factory=CallGraph)
    looks: int = 0
    #: Whether the last look read all that there was.
    read_all: bool = True


class TopologyService:
    """The call graph of every organization; one a process, on its event loop."""

    def __init__(
        self,
        store: LogStore,
        repository: TopologyRepository,
        *,
        clock: Clock,
        look_seconds: float = LOOK_SECONDS,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._store = store
        self._repository = repository
        self._clock = clock
        self._look_seconds = look_seconds
        self._tick_seconds = tick_seconds
        self._known: dict[OrganizationId, _Known] = {}
        self._task: asyncio.Task[None] | None = None

    def wake(self, organization_id: OrganizationId) -> None:
        """Logs of this organization were stored. Waits for nothing."""
        self._known.setdefault(organization_id, _Known()).is_woken = True

    async def start(self) -> None:
        """Look at the organizations that are woken."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def call_graph(self, organization_id: OrganizationId) -> CallGraph:
        """Which services call which, as known about a minute ago at most.

        Raises:
            ServiceUnavailable: nothing is known in this process yet, and the database can't be reached.
        """
        known = self._known.setdefault(organization_id, _Known())
        if monotonic() - known.loaded_at >= self._look_seconds:
            async with known.turn:
                await self._load_if_old(organization_id, known)
        return known.graph

    async def look(self, organization_id: OrganizationId) -> bool:
        """Learn from the traces since the last look; whether this process was the one to look.

        Raises:
            ServiceUnavailable: the database or the log store can't be reached.
            QueryTimedOut: reading took too long.
        """
        known = self._known.setdefault(organization_id, _Known())
        async with known.turn:
            known.is_woken = False
            known.looked_at = monotonic()
            return await self._look(organization_id, known)

    async def _follow(self) -> None:
        while True:
            for organization_id, known in list(self._known.items()):
                if known.is_woken and monotonic() - known.looked_at >= self._look_seconds:
                    await self._look_if_possible(organization_id)
            await asyncio.sleep(self._tick_seconds)

    async def _look_if_possible(self, organization_id: OrganizationId) -> None:
        try:
            await self.look(organization_id)
        except IntegrityError:
            self._known.pop(organization_id, None)
            log.info("topology.of_a_removed_organization", organization_id=str(organization_id))
        except TocsinError as error:
            _failures.inc()
            log.warning("topology.not_looked", organization_id=str(organization_id), reason=error.detail)
        except Exception:
            _failures.inc()
            log.warning("topology.look_failed", organization_id=str(organization_id), exc_info=True)

    async def _look(self, organization_id: OrganizationId, known: _Known) -> bool:
        now = self._clock.now_unix_nano()
        before = await self._repository.looked_until(organization_id)
        until = now - SETTLED_NANO
        since = max(until - LONGEST_WINDOW_NANO, until - FIRST_WINDOW_NANO if before is None else before)
        if since >= until or not await self._repository.move_on(organization_id, seen=before, until_unix_nano=until):
            return False
        # Of the rows, since what another process has learned meanwhile counts too.
        known.seen = await self._repository.calls(organization_id)
        found = await self._found(organization_id, known, TimeRange(since, until), now)
        after = learned(known.seen, found, now_unix_nano=now)
        changed = {pair: after[pair] for pair in found if pair in after}
        await self._repository.save(organization_id, changed, gone=known.seen.keys() - after.keys())
        known.seen = after
        self._show(known)
        return True

    async def _found(
        self, organization_id: OrganizationId, known: _Known, window: TimeRange, now_unix_nano: int
    ) -> CallCounts:
        """The calls of the traces that were over in the window, or of a sample of them."""
        known.looks += 1
        length = window.end_unix_nano - window.start_unix_nano
        offset = 0 if known.read_all else int(length * (known.looks * _GOLDEN % 1.0))
        # A margin before, since a trace that ends early in the window has begun before it.
        read = TimeRange(window.start_unix_nano - 2 * SETTLED_NANO + offset, now_unix_nano)
        selection = Selection(
            organization_id=organization_id,
            time_range=read,
            query=Not(TraceIs("")),
            timeout_seconds=TIMEOUT_SECONDS,
        )
        stored = await self._store.sample(selection, slices=1, rows_per_slice=MOST_ROWS, columns=COLUMNS)
        _rows_read.inc(stored.num_rows)
        known.read_all = stored.num_rows < MOST_ROWS
        if not stored.num_rows:
            return {}
        return await asyncio.to_thread(_learn, stored, read, window, read_all=known.read_all)

    async def _load_if_old(self, organization_id: OrganizationId, known: _Known) -> None:
        if monotonic() - known.loaded_at < self._look_seconds:
            return
        try:
            known.seen = await self._repository.calls(organization_id)
        except TocsinError as error:
            if known.loaded_at == float("-inf"):
                raise
            log.warning("topology.older_graph_serves", reason=error.detail)
        self._show(known)

    def _show(self, known: _Known) -> None:
        known.graph = graph_of(known.seen, now_unix_nano=self._clock.now_unix_nano())
        known.loaded_at = monotonic()


def _learn(stored: pa.Table, read: TimeRange, window: TimeRange, *, read_all: bool) -> CallCounts:
    logs = span_logs(stored)
    if not read_all:
        first, last = logs.select(first=pl.col("timestamp").min(), last=pl.col("timestamp").max()).row(0)
        read = TimeRange(first, last)
    return calls_of(complete(logs, read, window))


def complete(logs: pl.DataFrame, read: TimeRange, window: TimeRange) -> pl.DataFrame:
    """The logs of the traces that were over in the window, and of which all was read, as far as one can tell."""
    margin = min(SETTLED_NANO, (read.end_unix_nano - read.start_unix_nano) // 5)
    first, last = (
        pl.col("timestamp").min().over("trace_id"),
        pl.col("timestamp").max().over("trace_id"),
    )
    return logs.filter(
        first >= read.start_unix_nano + margin,
        last < read.end_unix_nano - margin,
        last >= window.start_unix_nano,
        last < window.end_unix_nano,
    )
