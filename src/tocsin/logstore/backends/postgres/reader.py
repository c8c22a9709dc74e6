"""Reads: questions printed from the tree, answers as Arrow, each in a transaction that sees one state of the store.

A scan is read in pages, each continued from the last row of the one before, so that no connection waits for a slow
reader and closing the iterator leaves nothing running.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_COLUMNS, STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.postgres.aggregates import aggregate_rows, aggregate_sql
from tocsin.logstore.backends.postgres.connection import PostgresPool, Row
from tocsin.logstore.backends.postgres.encoding import signed, stored_batch, unescaped
from tocsin.logstore.backends.postgres.following import (
    counts_after,
    earliest_messages,
    last_sequence,
    read_after,
    recent_counts_table,
    shapes_after,
)
from tocsin.logstore.backends.postgres.printer import Printer, all_of
from tocsin.logstore.backends.postgres.recheck import Selected, certainty, kept, selected
from tocsin.logstore.backends.postgres.schema import DAYS, LEDGERS, LOG_COLUMNS, LOGS, start_of_interval
from tocsin.logstore.backends.postgres.shapes import shape_counts_sql, shape_counts_table
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    EarliestMessage,
    HistogramBucket,
    IngestTotals,
    KeyCount,
    Order,
    OrganizationId,
    Position,
    ScanPlan,
    SeenShape,
    Selection,
    ShapeCount,
    TimeRange,
    interval_starts,
    slice_ranges,
)

MAX_PAGE_ROWS = 10_000
"""A scan's pages grow up to this: at 400 bytes a row some 10 MB of memory."""

SHORT_TIMEOUT_SECONDS = 10.0
"""For questions that one index answers."""

CATCHING_UP_TIMEOUT_SECONDS = 300.0
"""For questions about all logs after a position, which may be all that there are."""

_PAGE_GROWTH = 4
_NANOSECONDS_A_MILLISECOND = 1_000_000
_COLUMNS = ", ".join(LOG_COLUMNS)


class PostgresReader:
    """Answers the port's reads. All methods raise as ``connection.translated_errors`` does."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        """See the port."""
        pages = _Pages(self._pool, plan)
        while (page := await pages.next()) is not None:
            for start in range(0, page.num_rows, plan.batch_rows):
                yield page.slice(start, plan.batch_rows)

    async def count(self, selection: Selection) -> int:
        """See the port."""
        async with selected(self._pool, selection) as found:
            [[rows]] = await found.fetch(f"SELECT count(*) FROM {LOGS} WHERE {found.condition}")
        return int(rows)

    async def histogram(self, selection: Selection, *, interval_nano: int) -> list[HistogramBucket]:
        """See the port."""
        async with selected(self._pool, selection) as found:
            rows = await found.fetch(f"""
SELECT {start_of_interval(interval_nano)} AS start, severity_number, count(*) FROM {LOGS} WHERE {found.condition}
GROUP BY 1, 2 ORDER BY 1, 2""")
        return [HistogramBucket(*row) for row in rows]

    async def top_shapes(self, selection: Selection, *, limit: int) -> list[ShapeCount]:
        """See the port; the exemplar is the newest log of its shape."""
        async with selected(self._pool, selection) as found:
            # Shapes are unsigned numbers, kept as signed ones: those below zero are the largest.
            rows = await found.fetch(f"""
SELECT shape, count(*), max(timestamp) FROM {LOGS} WHERE {found.condition}
GROUP BY shape ORDER BY 2 DESC, shape < 0, shape LIMIT {limit:d}""")
            exemplars = await _exemplars(found, rows)
        return [ShapeCount(exemplars[shape].shape, count, exemplars[shape]) for shape, count, _ in rows]

    async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
        """See the port."""
        starts = interval_starts(selection.time_range, interval_nano)
        async with selected(self._pool, selection) as found:
            rows = await found.fetch(shape_counts_sql(found, interval_nano))
        return await asyncio.to_thread(shape_counts_table, rows, starts)

    async def sample(
        self,
        selection: Selection,
        *,
        slices: int,
        rows_per_slice: int,
        columns: Sequence[str] = STORED_LOG_COLUMNS,
    ) -> pa.Table:
        """See the port: a scan of each part, which the primary key ends early."""
        deadline = time.monotonic() + selection.timeout_seconds
        batches: list[pa.RecordBatch] = []
        for part in slice_ranges(selection.time_range, slices):
            if part.start_unix_nano < part.end_unix_nano:
                within = replace(selection, time_range=part, timeout_seconds=deadline - time.monotonic())
                plan = ScanPlan(selection=within, order=Order.OLDEST_FIRST, limit=rows_per_slice)
                batches += [batch async for batch in self.scan(plan)]
        return pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA).select(list(columns))

    async def aggregate(self, plan: AggregatePlan) -> list[AggregateRow]:
        """See the port."""
        async with selected(self._pool, plan.selection) as found:
            rows = await found.fetch(aggregate_sql(plan, found))
        return aggregate_rows(plan, rows)

    async def metadata_keys(self, selection: Selection, *, limit: int) -> list[KeyCount]:
        """See the port."""
        async with selected(self._pool, selection) as found:
            rows = await found.fetch(f"""
SELECT key COLLATE "C", count(*) FROM {LOGS}, jsonb_object_keys(fields) AS key WHERE {found.condition}
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {limit:d}""")
        return [KeyCount(unescaped(key), count) for key, count in rows]

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """See the port."""
        async with self._pool.reading(timeout_seconds=SHORT_TIMEOUT_SECONDS) as reading:
            return await last_sequence(reading, organization_id)

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        """See the port."""
        async with self._pool.reading(timeout_seconds=SHORT_TIMEOUT_SECONDS) as reading:
            return await read_after(reading, organization_id, ingest_sequence, limit=limit)

    async def shapes_after(
        self, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
    ) -> list[SeenShape]:
        """See the port."""
        async with self._pool.reading(timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS) as reading:
            return await shapes_after(reading, organization_id, ingest_sequence, up_to=up_to)

    async def counts_after(
        self,
        organization_id: OrganizationId,
        ingest_sequence: int,
        *,
        up_to: int,
        interval_nano: int,
        max_age_nano: int,
    ) -> pa.Table:
        """See the port."""
        async with self._pool.reading(timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS) as reading:
            rows = await counts_after(
                reading,
                organization_id,
                ingest_sequence,
                up_to=up_to,
                interval_nano=interval_nano,
                max_age_nano=max_age_nano,
            )
        return await asyncio.to_thread(recent_counts_table, rows)

    async def earliest_messages(
        self, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
    ) -> list[EarliestMessage]:
        """See the port."""
        async with self._pool.reading(timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS) as reading:
            return await earliest_messages(reading, organization_id, shapes, after=after, up_to=up_to)

    async def get(self, organization_id: OrganizationId, *, timestamp_unix_milli: int, content_hash: int) -> Log | None:
        """See the port."""
        printer = Printer()
        start = timestamp_unix_milli * _NANOSECONDS_A_MILLISECOND
        scope = printer.scope(organization_id, TimeRange(start, start + _NANOSECONDS_A_MILLISECOND))
        sql = f"""
SELECT {_COLUMNS} FROM {LOGS} WHERE {scope} AND content_hash = {printer.bind(signed(content_hash))}
ORDER BY timestamp LIMIT 1"""
        async with self._pool.reading(timeout_seconds=SHORT_TIMEOUT_SECONDS) as reading:
            found = logs_of(stored_batch(await reading.fetch(sql, printer.parameters)))
        return found[0] if found else None

    async def totals(self, organization_id: OrganizationId) -> IngestTotals:
        """See the port."""
        sql = f"""
SELECT received, stored, duplicates, dead_letters FROM {LEDGERS} WHERE organization_id = %(organization)s::uuid"""
        async with self._pool.reading(timeout_seconds=SHORT_TIMEOUT_SECONDS) as reading:
            rows = await reading.fetch(sql, {"organization": str(organization_id)})
        if not rows:
            return IngestTotals()
        received, stored, duplicates, dead_letters = rows[0]
        return IngestTotals(received=received, stored=stored, duplicates=duplicates, dead_letters=dead_letters)

    async def size(self) -> tuple[int, int]:
        """Rows and bytes on disk of all organizations' logs."""
        sql = f"""
SELECT (SELECT coalesce(sum(stored), 0) FROM {DAYS})::bigint,
(SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree('{LOGS}') WHERE isleaf)::bigint"""
        async with self._pool.reading(timeout_seconds=SHORT_TIMEOUT_SECONDS) as reading:
            [[rows, size_bytes]] = await reading.fetch(sql)
        return rows, size_bytes


async def _exemplars(found: Selected, ranked: list[Row]) -> dict[int, Log]:
    """By shape as it is kept, its newest log; ``ranked`` has each shape's newest timestamp."""
    if not ranked:
        return {}
    shapes, timestamps = [row[0] for row in ranked], [row[2] for row in ranked]
    rows = await found.fetch(f"""
SELECT DISTINCT ON (shape) {_COLUMNS} FROM {LOGS} WHERE {found.condition}
AND timestamp = ANY({found.printer.bind(timestamps)}) AND shape = ANY({found.printer.bind(shapes)})
ORDER BY shape, timestamp DESC, ingest_sequence DESC""")
    return {signed(log.shape): log for log in logs_of(stored_batch(rows))}


class _Pages:
    """A scan's pages."""

    def __init__(self, pool: PostgresPool, plan: ScanPlan) -> None:
        self._pool = pool
        self._plan = plan
        self._after = plan.after
        self._missing = plan.limit
        self._page_rows = min(plan.batch_rows, MAX_PAGE_ROWS)
        self._seconds_left = plan.selection.timeout_seconds
        self._is_last = plan.limit == 0

    async def next(self) -> pa.RecordBatch | None:
        """The next page, None after the last."""
        while not self._is_last:
            started = time.monotonic()
            page = await self._read()
            self._seconds_left -= time.monotonic() - started
            if page.num_rows:
                return page
        return None

    async def _read(self) -> pa.RecordBatch:
        printer = Printer()
        selection = self._plan.selection
        scope = printer.scope(selection.organization_id, selection.time_range)
        bounds = printer.bounds(selection.query)
        # Where some rows may fall out again, a page as long as what is missing would often be followed by another.
        wanted = min(self._page_rows, self._missing or MAX_PAGE_ROWS) if bounds.is_exact else self._page_rows
        direction = "DESC" if self._plan.order is Order.NEWEST_FIRST else "ASC"
        sql = f"""
SELECT {_COLUMNS}, {certainty(bounds)} FROM {LOGS} WHERE {all_of([scope, bounds.may, self._continued(printer)])}
ORDER BY timestamp {direction}, ingest_sequence {direction} LIMIT {wanted:d}"""
        async with self._pool.reading(timeout_seconds=self._seconds_left) as reading:
            rows = await reading.fetch(sql, printer.parameters)
        return await self._advanced(rows, wanted)

    async def _advanced(self, rows: list[Row], wanted: int) -> pa.RecordBatch:
        """The page that these rows make; remembers where the scan stands."""
        self._is_last = len(rows) < wanted
        self._page_rows = min(self._page_rows * _PAGE_GROWTH, MAX_PAGE_ROWS)
        if rows:
            self._after = Position(rows[-1][0], rows[-1][len(LOG_COLUMNS) - 1])
        page = await asyncio.to_thread(kept, rows, self._plan.selection.query)
        if self._missing is not None:
            page = page.slice(0, self._missing)
            self._missing -= page.num_rows
            self._is_last = self._is_last or self._missing == 0
        return page

    def _continued(self, printer: Printer) -> str:
        if self._after is None:
            return "TRUE"
        sign = "<" if self._plan.order is Order.NEWEST_FIRST else ">"
        moment, sequence = printer.time(self._after.timestamp_unix_nano), printer.bind(self._after.ingest_sequence)
        # The first comparison is for the index, which does not know the second column.
        return f"timestamp {sign}= {moment} AND (timestamp, ingest_sequence) {sign} ({moment}, {sequence})"
