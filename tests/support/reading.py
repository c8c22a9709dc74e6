"""Read a log store in tests: reads may lag a write by up to a second, so tests wait for what they have written."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.ports import IngestTotals, LogStore, Order, Position, ScanPlan, Selection, TimeRange
from tocsin.query.tree import Everything, Node

READS_MAY_LAG_SECONDS = 1.0
"""What the port promises."""

_PATIENCE_SECONDS = 30 * READS_MAY_LAG_SECONDS
"""More than that, because a loaded test machine is not what the promise is about."""

ALL_TIME = TimeRange(-(2**62), 2**62)

Answer = TypeVar("Answer")


def selection(organization_id: UUID, query: Node | None = None, *, time_range: TimeRange = ALL_TIME) -> Selection:
    """All logs of the organization that match."""
    return Selection(organization_id=organization_id, time_range=time_range, query=query or Everything())


async def eventually(read: Callable[[], Awaitable[Answer]], accept: Callable[[Answer], bool]) -> Answer:
    """The first answer that is accepted, or the last one before patience ends, for the test to assert on."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        answer = await read()
        if accept(answer) or asyncio.get_running_loop().time() > deadline:
            return answer
        await asyncio.sleep(0.02)


async def searchable(store: LogStore, organization_id: UUID, rows: int) -> None:
    """Wait until so many logs of the organization can be read."""
    everything = selection(organization_id)
    seen = await eventually(lambda: store.count(everything), lambda count: count >= rows)
    assert seen == rows, f"{seen} logs can be read, {rows} were stored"


async def eventual_totals(store: LogStore, organization_id: UUID, *, received: int) -> IngestTotals:
    """The ledger, once it says that so many records were received."""
    return await eventually(lambda: store.totals(organization_id), lambda totals: totals.received >= received)


async def scanned(
    store: LogStore,
    selected: Selection,
    *,
    order: Order = Order.OLDEST_FIRST,
    limit: int | None = None,
    after: Position | None = None,
    batch_rows: int = 5_000,
) -> list[Log]:
    """All logs of a scan, of which every batch is checked for its form."""
    plan = ScanPlan(selection=selected, order=order, limit=limit, after=after, batch_rows=batch_rows)
    batches: list[pa.RecordBatch] = [batch async for batch in store.scan(plan)]
    assert all(batch.schema.equals(STORED_LOG_SCHEMA) for batch in batches)
    assert all(batch.num_rows <= batch_rows for batch in batches)
    return [log for batch in batches for log in logs_of(batch)]


async def messages(store: LogStore, organization_id: UUID, query: Node | None = None) -> list[str]:
    """The messages that match, oldest first."""
    return [log.message for log in await scanned(store, selection(organization_id, query))]
