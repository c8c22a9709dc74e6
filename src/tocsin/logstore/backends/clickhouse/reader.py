"""Reads: one statement a question, printed from the tree; answers as Arrow.

A scan is read in pages, each continued from the last row of the one before, so that no connection waits for a slow
reader and closing the iterator leaves nothing running.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive
from tocsin.logmodel.batch import STORED_LOG_COLUMNS, STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.clickhouse.aggregation import (
    aggregate_rows,
    aggregate_statement,
    key_rows,
    keys_statement,
)
from tocsin.logstore.backends.clickhouse.connection import MEMORY_LIMIT, ClickHousePool
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.probe import Keys, first_of_each, keys_of
from tocsin.logstore.backends.clickhouse.schema import DATABASE, LEDGER, LOG_COLUMNS, LOGS
from tocsin.logstore.backends.clickhouse.shapes import (
    SAMPLED_BY,
    SHAPE_COUNTS_SETTINGS,
    sample_statement,
    shape_counts_statement,
    shape_counts_table,
)
from tocsin.logstore.ports import (
    SHAPE_COUNTS_SCHEMA,
    AggregatePlan,
    AggregateRow,
    HistogramBucket,
    IngestTotals,
    KeyCount,
    Order,
    OrganizationId,
    Position,
    ScanPlan,
    Selection,
    ShapeCount,
    TimeRange,
    interval_starts,
    slice_ranges,
)

MAX_MEMORY_BYTES = 1 << 30
"""What one query may use; more is QueryTooExpensive."""

MAX_PAGE_ROWS = 40_000
"""A scan's pages grow up to this: at 400 bytes a row some 16 MB of memory."""

SLICES_A_STATEMENT = 10
"""A sample's statements run side by side, since planning one takes 4 ms of a core for each slice."""

_PAGE_GROWTH = 4
_NANOSECONDS_A_MILLISECOND = 1_000_000
_SHORT_TIMEOUT_SECONDS = 10.0
_COLUMNS = ", ".join(LOG_COLUMNS)


class ClickHouseReader:
    """Answers the port's reads from the tables in ``schema``.

    All methods raise ``StoreUnavailable``; those about a selection also ``QueryTimedOut`` and ``QueryTooExpensive``.
    Counts are of rows: where several writers have stored a log twice, it counts twice, and a scan shows it once.
    """

    def __init__(self, pool: ClickHousePool, *, condition_cache: bool = True) -> None:
        """Read through ``pool``; ``condition_cache`` lets ClickHouse remember which blocks a condition ruled out."""
        self._pool = pool
        self._condition_cache = condition_cache
        #: Column by key of the metadata, for the keys that have one: see ``promotion``.
        self.promoted: Mapping[str, str] = {}

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        """See the port."""
        pages = _Pages(self, plan)
        while (page := await pages.next()) is not None:
            for start in range(0, page.num_rows, plan.batch_rows):
                yield page.slice(start, plan.batch_rows)

    async def count(self, selection: Selection) -> int:
        """See the port."""
        printer = Printer(self.promoted)
        sql = f"SELECT count() FROM {LOGS} WHERE {printer.selection(selection)}"
        table = await self.fetch(sql, printer, timeout_seconds=selection.timeout_seconds)
        return int(table.column(0)[0].as_py())

    async def histogram(self, selection: Selection, *, interval_nano: int) -> list[HistogramBucket]:
        """See the port."""
        printer = Printer(self.promoted)
        nano = "toUnixTimestamp64Nano(timestamp)"
        sql = f"""
SELECT {nano} - positiveModulo({nano}, {interval_nano:d}) AS start, severity_number, count() AS rows
FROM {LOGS} WHERE {printer.selection(selection)}
GROUP BY start, severity_number ORDER BY start, severity_number"""
        table = await self.fetch(sql, printer, timeout_seconds=selection.timeout_seconds)
        columns = (column.to_pylist() for column in table.columns)
        return [HistogramBucket(*values) for values in zip(*columns, strict=True)]

    async def top_shapes(self, selection: Selection, *, limit: int) -> list[ShapeCount]:
        """See the port; the exemplar is the newest log of its shape."""
        printer = Printer(self.promoted)
        sql = f"""
SELECT shape, count() AS rows, max(timestamp) AS newest FROM {LOGS} WHERE {printer.selection(selection)}
GROUP BY shape ORDER BY rows DESC, shape LIMIT {limit:d}"""
        table = await self.fetch(sql, printer, timeout_seconds=selection.timeout_seconds)
        counts = dict(zip(table["shape"].to_pylist(), table["rows"].to_pylist(), strict=True))
        newest = table["newest"].cast(pa.int64()).to_pylist()
        exemplars = await self._exemplars(selection, list(counts), newest)
        # A log that was stored between the two questions can't hide the one that the first has seen.
        return [ShapeCount(shape, count, exemplars[shape]) for shape, count in counts.items() if shape in exemplars]

    async def _exemplars(self, selection: Selection, shapes: list[int], timestamps: list[int]) -> dict[int, Log]:
        """The newest log of each shape at one of these timestamps, which the primary key finds."""
        if not shapes:
            return {}
        printer = Printer(self.promoted)
        times = ", ".join(printer.time(timestamp) for timestamp in timestamps)
        sql = f"""
SELECT {_COLUMNS} FROM {LOGS} WHERE {printer.selection(selection)}
AND timestamp IN ({times}) AND shape IN ({", ".join(map(printer.bind, shapes))})
ORDER BY timestamp DESC, ingest_sequence DESC LIMIT 1 BY shape"""
        rows = await self.fetch_logs(sql, printer, timeout_seconds=selection.timeout_seconds)
        return {log.shape: log for log in logs_of(rows)}

    async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
        """See the port."""
        starts = interval_starts(selection.time_range, interval_nano)
        if not starts:
            return SHAPE_COUNTS_SCHEMA.empty_table()
        printer = Printer(self.promoted)
        sql = shape_counts_statement(selection, printer, starts)
        answer = await self.fetch(
            sql, printer, timeout_seconds=selection.timeout_seconds, settings=SHAPE_COUNTS_SETTINGS
        )
        return shape_counts_table(answer)

    async def sample(
        self,
        selection: Selection,
        *,
        slices: int,
        rows_per_slice: int,
        columns: Sequence[str] = STORED_LOG_COLUMNS,
    ) -> pa.Table:
        """See the port."""
        parts = [
            part for part in slice_ranges(selection.time_range, slices) if part.start_unix_nano < part.end_unix_nano
        ]
        schema = pa.schema([each for each in STORED_LOG_SCHEMA if each.name in {*columns, *SAMPLED_BY}])
        starts = range(0, len(parts), SLICES_A_STATEMENT)
        statements = [
            self._sample(selection, parts[start : start + SLICES_A_STATEMENT], rows_per_slice, schema)
            for start in starts
        ]
        return pa.Table.from_batches(await asyncio.gather(*statements), schema=schema).select(list(columns))

    async def _sample(
        self, selection: Selection, parts: Sequence[TimeRange], rows: int, schema: pa.Schema
    ) -> pa.RecordBatch:
        for once in (False, True):
            printer = Printer(self.promoted)
            sql = sample_statement(selection, parts, printer, schema.names, rows=rows, once=once)
            found = await self.fetch_logs(sql, printer, timeout_seconds=selection.timeout_seconds, schema=schema)
            if first_of_each(_keys(found)).all():
                break
        return found

    async def aggregate(self, plan: AggregatePlan) -> list[AggregateRow]:
        """See the port."""
        printer = Printer(self.promoted)
        sql = aggregate_statement(plan, printer)
        table = await self.fetch(sql, printer, timeout_seconds=plan.selection.timeout_seconds)
        return aggregate_rows(plan, table)

    async def metadata_keys(self, selection: Selection, *, limit: int) -> list[KeyCount]:
        """See the port."""
        printer = Printer(self.promoted)
        sql = keys_statement(selection, printer, limit=limit)
        return key_rows(await self.fetch(sql, printer, timeout_seconds=selection.timeout_seconds))

    async def get(self, organization_id: OrganizationId, *, timestamp_unix_milli: int, content_hash: int) -> Log | None:
        """See the port."""
        printer = Printer(self.promoted)
        start = timestamp_unix_milli * _NANOSECONDS_A_MILLISECOND
        scope = printer.scope(organization_id, TimeRange(start, start + _NANOSECONDS_A_MILLISECOND))
        sql = f"""
SELECT {_COLUMNS} FROM {LOGS} WHERE {scope} AND content_hash = {printer.bind(content_hash)}
ORDER BY timestamp, ingest_sequence LIMIT 1"""
        found = logs_of(await self.fetch_logs(sql, printer, timeout_seconds=_SHORT_TIMEOUT_SECONDS))
        return found[0] if found else None

    async def totals(self, organization_id: OrganizationId) -> IngestTotals:
        """See the port."""
        printer = Printer(self.promoted)
        sql = f"""
SELECT sum(received) AS received, sum(stored) AS stored, sum(duplicates) AS duplicates,
sum(dead_letters) AS dead_letters
FROM {LEDGER} FINAL WHERE organization_id = {printer.bind(str(organization_id))}"""
        table = await self.fetch(sql, printer, timeout_seconds=_SHORT_TIMEOUT_SECONDS)
        return IngestTotals(**table.to_pylist()[0])

    async def size(self) -> tuple[int, int]:
        """Rows and bytes on disk of all organizations' logs."""
        sql = f"""
SELECT sum(rows) AS rows, sum(bytes_on_disk) AS size_bytes FROM system.parts
WHERE active AND database = '{DATABASE}' AND table = 'logs'"""
        [row] = (await self.fetch(sql, Printer(), timeout_seconds=_SHORT_TIMEOUT_SECONDS)).to_pylist()
        return row["rows"], row["size_bytes"]

    async def fetch(self, sql: str, printer: Printer, *, timeout_seconds: float, settings: str = "") -> pa.Table:
        """Ask one question, with the limits of a read and ``settings``, each with a comma after it.

        Strings come as bytes.
        """
        if timeout_seconds <= 0:
            raise QueryTimedOut("the query ran longer than it may")
        # In the text, since the driver sets and restores settings of its own with queries that cost milliseconds.
        limits = (
            f"max_execution_time = {timeout_seconds:f}, max_memory_usage = {MAX_MEMORY_BYTES}, "
            f"use_query_condition_cache = {self._condition_cache:d}, precise_float_parsing = 1, "
            "output_format_arrow_string_as_string = 0, readonly = 1"
        )
        try:
            return await self._pool.fetch(f"{sql}\nSETTINGS {settings}{limits}", printer.parameters)
        except QueryTooExpensive as error:
            error.maximum = MAX_MEMORY_BYTES if error.limit == MEMORY_LIMIT else None
            raise

    async def fetch_logs(
        self, sql: str, printer: Printer, *, timeout_seconds: float, schema: pa.Schema = STORED_LOG_SCHEMA
    ) -> pa.RecordBatch:
        """Ask for the columns of ``STORED_LOG_SCHEMA``, or those of ``schema``; the answer in one piece."""
        table = await self.fetch(sql, printer, timeout_seconds=timeout_seconds)
        columns = [table[field.name].combine_chunks().cast(field.type) for field in schema]
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _keys(rows: pa.RecordBatch) -> Keys:
    return keys_of(rows["timestamp"].cast(pa.int64()).to_numpy(), rows["content_hash"].to_numpy())


class _Pages:
    """A scan's pages, each log once."""

    def __init__(self, reader: ClickHouseReader, plan: ScanPlan) -> None:
        self._reader = reader
        self._plan = plan
        self._after = plan.after
        self._missing = plan.limit
        self._page_rows = min(plan.batch_rows, MAX_PAGE_ROWS)
        self._seconds_left = plan.selection.timeout_seconds
        self._is_last = plan.limit == 0
        #: The hashes that were returned at the timestamp of ``_after``; None before the first page.
        self._returned: npt.NDArray[np.uint64] | None = None

    async def next(self) -> pa.RecordBatch | None:
        """The next page, None after the last."""
        while not self._is_last:
            started = time.monotonic()
            if self._returned is None:
                self._returned = await self._returned_before()
            page = await self._read()
            self._seconds_left -= time.monotonic() - started
            if page.num_rows:
                return page
        return None

    async def _read(self) -> pa.RecordBatch:
        wanted = self._page_rows if self._missing is None else min(self._page_rows, self._missing)
        self._page_rows = min(self._page_rows * _PAGE_GROWTH, MAX_PAGE_ROWS)
        printer = Printer(self._reader.promoted)
        direction = "DESC" if self._plan.order is Order.NEWEST_FIRST else "ASC"
        sql = f"""
SELECT {_COLUMNS} FROM {LOGS} WHERE {self._condition(printer)}
ORDER BY timestamp {direction}, ingest_sequence {direction} LIMIT {wanted:d}"""
        rows = await self._reader.fetch_logs(sql, printer, timeout_seconds=self._seconds_left)
        page = self._without_repetitions(rows)
        if self._missing is not None:
            self._missing -= page.num_rows
        self._is_last = rows.num_rows < wanted or self._missing == 0
        return page

    def _condition(self, printer: Printer) -> str:
        condition = printer.selection(self._plan.selection)
        if self._after is None:
            return condition
        before, sign = ("<=", "<") if self._plan.order is Order.NEWEST_FIRST else (">=", ">")
        time_bound = printer.time(self._after.timestamp_unix_nano)
        sequence = printer.bind(self._after.ingest_sequence)
        # The first comparison is for the primary key, which can't use the second.
        return (
            f"{condition} AND timestamp {before} {time_bound}"
            f" AND (timestamp {sign} {time_bound} OR ingest_sequence {sign} {sequence})"
        )

    def _without_repetitions(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows without those whose timestamp and hash stand earlier in the scan; remembers where it stands."""
        if not rows.num_rows or self._returned is None:
            return rows
        timestamps = rows["timestamp"].cast(pa.int64()).to_numpy()
        hashes = rows["content_hash"].to_numpy()
        is_new = first_of_each(keys_of(timestamps, hashes))
        if self._after is not None:
            at_border = timestamps == self._after.timestamp_unix_nano
            is_new &= ~(at_border & np.isin(hashes, self._returned))
        last = int(timestamps[-1])
        at_last = hashes[timestamps == last]
        goes_on = self._after is not None and self._after.timestamp_unix_nano == last
        self._returned = np.concatenate([self._returned, at_last]) if goes_on else at_last
        self._after = Position(last, int(rows["ingest_sequence"][-1].as_py()))
        return rows if is_new.all() else rows.filter(pa.array(is_new))

    async def _returned_before(self) -> npt.NDArray[np.uint64]:
        """The hashes at the plan's position that an earlier scan has returned."""
        if self._after is None:
            return np.empty(0, dtype=np.uint64)
        printer = Printer(self._reader.promoted)
        sign = ">=" if self._plan.order is Order.NEWEST_FIRST else "<="
        moment = self._after.timestamp_unix_nano
        sql = f"""
SELECT content_hash FROM {LOGS}
WHERE {printer.scope(self._plan.selection.organization_id, TimeRange(moment, moment + 1))}
AND ingest_sequence {sign} {printer.bind(self._after.ingest_sequence)}"""
        table = await self._reader.fetch(sql, printer, timeout_seconds=self._seconds_left)
        return np.asarray(table["content_hash"].to_numpy(), dtype=np.uint64)
