"""``MemoryLogStore``: the whole port in plain Python, kept in memory. Every other backend must agree with it."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_COLUMNS, STORED_LOG_SCHEMA, LogBatch, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory.aggregation import aggregated, counted_keys, recent_counts, shape_counts
from tocsin.logstore.backends.memory.evaluate import matches
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
    Receipt,
    ScanPlan,
    SeenShape,
    Selection,
    ShapeCount,
    StoreHealth,
    WriteOutcome,
    interval_starts,
    slice_ranges,
)


@dataclass(frozen=True, slots=True)
class _StoredRow:
    """A log as a record, to be searched, and as the columns that it came in, to be given back unchanged."""

    log: Log
    #: One row in ``STORED_LOG_SCHEMA``.
    columns: pa.RecordBatch

    @property
    def position(self) -> Position:
        return Position(self.log.timestamp_unix_nano, self.log.ingest_sequence)


@dataclass(slots=True)
class _Shelf:
    """What the store keeps of one organization."""

    rows: dict[tuple[int, int], _StoredRow] = field(default_factory=dict)
    totals: IngestTotals = field(default_factory=IngestTotals)


class MemoryLogStore:
    """A ``LogStore`` that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._shelves: dict[OrganizationId, _Shelf] = {}
        self._last_sequence = 0

    async def start(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def write(self, organization_id: OrganizationId, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        """Store the rows whose (timestamp, content hash) the organization has not stored yet."""
        shelf = self._shelves.setdefault(organization_id, _Shelf())
        is_new = np.zeros(len(batch), dtype=np.bool_)
        for index, row in enumerate(self._numbered(batch)):
            key = (row.log.timestamp_unix_nano, row.log.content_hash)
            is_new[index] = key not in shelf.rows
            shelf.rows.setdefault(key, row)
        outcome = WriteOutcome(is_new)
        shelf.totals = IngestTotals(
            received=shelf.totals.received + receipt.received,
            stored=shelf.totals.stored + outcome.stored,
            duplicates=shelf.totals.duplicates + outcome.duplicates,
            dead_letters=shelf.totals.dead_letters + receipt.dead_letters,
        )
        return outcome

    def _numbered(self, batch: LogBatch) -> Iterator[_StoredRow]:
        """The batch's rows, each with the next sequence number; a duplicate's number is left unused."""
        first = self._last_sequence + 1
        self._last_sequence += len(batch)
        sequences = pa.array(range(first, first + len(batch)), pa.uint64())
        stored = pa.RecordBatch.from_arrays([*batch.rows.columns, sequences], schema=STORED_LOG_SCHEMA)
        for index, log in enumerate(logs_of(stored)):
            yield _StoredRow(log, stored.slice(index, 1))

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        """Yield the matching rows, sorted, after the position, cut to the limit, in batches."""
        rows = sorted(
            self._matching(plan.selection),
            key=lambda row: row.position,
            reverse=plan.order is Order.NEWEST_FIRST,
        )
        after = plan.after
        if after is not None and plan.order is Order.NEWEST_FIRST:
            rows = [row for row in rows if row.position < after]
        elif after is not None:
            rows = [row for row in rows if row.position > after]
        rows = rows[: plan.limit]
        for start in range(0, len(rows), plan.batch_rows):
            table = pa.Table.from_batches([row.columns for row in rows[start : start + plan.batch_rows]])
            yield table.combine_chunks().to_batches()[0]

    async def count(self, selection: Selection) -> int:
        """How many logs match."""
        return sum(1 for _ in self._matching(selection))

    async def histogram(self, selection: Selection, *, interval_nano: int) -> list[HistogramBucket]:
        """Counts by interval and severity number."""
        counts = Counter(
            (row.log.timestamp_unix_nano // interval_nano * interval_nano, row.log.severity_number)
            for row in self._matching(selection)
        )
        return [HistogramBucket(start, severity, count) for (start, severity), count in sorted(counts.items())]

    async def top_shapes(self, selection: Selection, *, limit: int) -> list[ShapeCount]:
        """The most frequent shapes, each with its newest log as the exemplar."""
        logs = [row.log for row in sorted(self._matching(selection), key=lambda row: row.position)]
        exemplars = {log.shape: log for log in logs}
        counts = Counter(log.shape for log in logs)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return [ShapeCount(shape, count, exemplars[shape]) for shape, count in ranked]

    async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
        """See the port."""
        logs = (row.log for row in self._matching(selection))
        return shape_counts(logs, interval_starts(selection.time_range, interval_nano))

    async def sample(
        self,
        selection: Selection,
        *,
        slices: int,
        rows_per_slice: int,
        columns: Sequence[str] = STORED_LOG_COLUMNS,
    ) -> pa.Table:
        """See the port."""
        parts = [replace(selection, time_range=each) for each in slice_ranges(selection.time_range, slices)]
        plans = [ScanPlan(selection=part, order=Order.OLDEST_FIRST, limit=rows_per_slice) for part in parts]
        batches = [batch for plan in plans async for batch in self.scan(plan)]
        return pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA).select(list(columns))

    async def aggregate(self, plan: AggregatePlan) -> list[AggregateRow]:
        """See the port."""
        return aggregated(plan, (row.log for row in self._matching(plan.selection)))

    async def metadata_keys(self, selection: Selection, *, limit: int) -> list[KeyCount]:
        """See the port."""
        return counted_keys((row.log for row in self._matching(selection)), limit=limit)

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """The largest number of the organization's rows."""
        return max((row.log.ingest_sequence for row in self._shelf(organization_id).rows.values()), default=0)

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        """The rows that were stored after this one; they are kept in the order in which they came."""
        rows = self._shelf(organization_id).rows.values()
        following = [row.columns for row in rows if row.log.ingest_sequence > ingest_sequence][:limit]
        return pa.concat_batches(following) if following else pa.RecordBatch.from_pylist([], schema=STORED_LOG_SCHEMA)

    async def shapes_after(
        self, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
    ) -> list[SeenShape]:
        """See the port."""
        times: dict[int, list[int]] = {}
        for log in self._between(organization_id, ingest_sequence, up_to):
            times.setdefault(log.shape, []).append(log.timestamp_unix_nano)
        return [SeenShape(shape, len(each), min(each)) for shape, each in times.items()]

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
        logs = self._between(organization_id, ingest_sequence, up_to)
        return recent_counts(logs, interval_nano=interval_nano, max_age_nano=max_age_nano)

    async def earliest_messages(
        self, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
    ) -> list[EarliestMessage]:
        """See the port."""
        wanted = frozenset(shapes)
        logs = [log for log in self._between(organization_id, after, up_to) if log.shape in wanted]
        newest_first = sorted(logs, key=lambda log: (log.timestamp_unix_nano, log.content_hash), reverse=True)
        earliest = {log.shape: EarliestMessage(log.shape, log.timestamp_unix_nano, log.message) for log in newest_first}
        return list(earliest.values())

    async def get(self, organization_id: OrganizationId, *, timestamp_unix_milli: int, content_hash: int) -> Log | None:
        """The log with this content hash in this millisecond."""
        for (timestamp, other_hash), row in self._shelf(organization_id).rows.items():
            if timestamp // 1_000_000 == timestamp_unix_milli and other_hash == content_hash:
                return row.log
        return None

    async def totals(self, organization_id: OrganizationId) -> IngestTotals:
        """The organization's ledger."""
        return self._shelf(organization_id).totals

    async def health(self) -> StoreHealth:
        """Always ready."""
        stored_rows = sum(len(shelf.rows) for shelf in self._shelves.values())
        return StoreHealth(ready=True, detail="in memory", stored_rows=stored_rows)

    def _shelf(self, organization_id: OrganizationId) -> _Shelf:
        return self._shelves.get(organization_id) or _Shelf()

    def _between(self, organization_id: OrganizationId, after: int, up_to: int) -> Iterator[Log]:
        for row in self._shelf(organization_id).rows.values():
            if after < row.log.ingest_sequence <= up_to:
                yield row.log

    def _matching(self, selection: Selection) -> Iterator[_StoredRow]:
        start, end = selection.time_range.start_unix_nano, selection.time_range.end_unix_nano
        for row in self._shelf(selection.organization_id).rows.values():
            if start <= row.log.timestamp_unix_nano < end and matches(selection.query, row.log):
                yield row
