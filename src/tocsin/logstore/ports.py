"""What a log store promises. ``tests/conformance`` holds every backend to it."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_COLUMNS, LogBatch
from tocsin.logmodel.log import Log
from tocsin.query.tree import Everything, Node

OrganizationId = UUID


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From ``start_unix_nano`` to just before ``end_unix_nano``."""

    start_unix_nano: int
    end_unix_nano: int

    def __post_init__(self) -> None:
        if self.end_unix_nano < self.start_unix_nano:
            raise ValueError("a time range must not end before it starts")


class Order(StrEnum):
    """The order of a scan, by (timestamp, ingest_sequence)."""

    NEWEST_FIRST = "newest"
    OLDEST_FIRST = "oldest"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a log stands in a scan's order."""

    timestamp_unix_nano: int
    ingest_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which logs a read is about: one organization's, in a time range, that match a query."""

    organization_id: OrganizationId
    time_range: TimeRange
    query: Node = field(default_factory=Everything)
    #: The read is given up after this long.
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """A selection, and how its logs are wanted."""

    selection: Selection
    order: Order = Order.NEWEST_FIRST
    #: At most so many rows; None for all of them.
    limit: int | None = None
    #: Only logs that come after this position in the scan's order.
    after: Position | None = None
    #: At most so many rows in one batch.
    batch_rows: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of the records of one request, file or stream before its batch reached the store."""

    received: int
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """Which rows of a written batch were new; the others were stored before."""

    #: Shape ``(len(batch),)``.
    is_new: npt.NDArray[np.bool_]

    @property
    def stored(self) -> int:
        """How many rows are stored now that were not before."""
        return int(self.is_new.sum())

    @property
    def duplicates(self) -> int:
        """How many rows were stored before, or stand twice in the batch."""
        return len(self.is_new) - self.stored


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestTotals:
    """The ledger of one organization: ``received == stored + duplicates + dead_letters``."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class HistogramBucket:
    """How many logs with one severity number there are in one interval."""

    start_unix_nano: int
    severity_number: int
    count: int


@dataclass(frozen=True, slots=True)
class ShapeCount:
    """A shape, how many logs have it, and one of them."""

    shape: int
    count: int
    exemplar: Log


@dataclass(frozen=True, slots=True)
class SeenShape:
    """A shape among some logs, how many of them have it, and the earliest timestamp of these."""

    shape: int
    count: int
    first_unix_nano: int


@dataclass(frozen=True, slots=True)
class EarliestMessage:
    """The earliest log of a shape, by timestamp and then content hash: what the log store's order can't change."""

    shape: int
    timestamp_unix_nano: int
    message: str


SHAPE_COUNTS_SCHEMA = pa.schema(
    [
        pa.field("shape", pa.uint64(), nullable=False),
        pa.field("service", pa.large_string(), nullable=False),
        pa.field("severity_number", pa.uint8(), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
        # Nanoseconds since 1970.
        pa.field("first_timestamp", pa.int64(), nullable=False),
        pa.field("last_timestamp", pa.int64(), nullable=False),
        # One for each interval, see ``LogStore.shape_counts``; their sum is ``count``.
        pa.field("counts", pa.large_list(pa.uint64()), nullable=False),
    ]
)
"""How many logs there are of each shape, service and severity number; in no particular order, none with no log."""

RECENT_COUNTS_SCHEMA = pa.schema(
    [
        *(SHAPE_COUNTS_SCHEMA.field(name) for name in ("shape", "service", "severity_number")),
        # The start of an interval, in nanoseconds since 1970.
        pa.field("start", pa.int64(), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
    ]
)
"""How many logs there are of each shape, service, severity number and interval; in no order, none with no log."""


class LogColumn(StrEnum):
    """A field of the log itself that logs are grouped by or counted in."""

    SERVICE = "service"
    LEVEL = "level"
    SEVERITY_NUMBER = "severity_number"
    TRACE_ID = "trace_id"
    SPAN_ID = "span_id"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """A key of the metadata."""

    key: str


Field = LogColumn | MetadataKey
"""Its values are text: ids and levels as they are shown, numbers in decimal, shapes in 16 hexadecimal digits, metadata
as ``metadata.text_of`` says. A log without the key, the trace or the span has no value."""


class Statistic(StrEnum):
    """What is computed over the logs of a group."""

    COUNT = "count"
    #: How many different values the field has; exact.
    DISTINCT = "distinct"
    # The others look at values that are JSON numbers or texts that spell one, as ``MetadataCompares`` does.
    MIN = "min"
    MAX = "max"
    AVERAGE = "avg"
    #: The smallest value that at least this share of the values does not exceed; exact.
    PERCENTILE = "percentile"


@dataclass(frozen=True, slots=True)
class Measure:
    """One statistic of one field; COUNT has no field, PERCENTILE has a share in 0 < share <= 1."""

    statistic: Statistic
    field: Field | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatePlan:
    """Which logs are grouped, by what, and what is computed for each group."""

    selection: Selection
    measures: tuple[Measure, ...]
    #: A group for each combination of these fields' values; logs without a value are a group of their own.
    by: tuple[Field, ...] = ()
    #: And for each interval of this length, aligned to the epoch; None for the whole range.
    interval_nano: int | None = None
    #: At most so many combinations of values: those with the most logs, then in the order of their values, a missing
    #: value first.
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """One group."""

    #: None without an interval.
    start_unix_nano: int | None
    #: One for each of ``by``; None where the logs have no value.
    values: tuple[str | None, ...]
    #: One for each of ``measures``; None where no log of the group has a number.
    results: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class KeyCount:
    """A key of the metadata, and how many logs have it."""

    key: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """What the store says of itself."""

    ready: bool
    #: For people: what is wrong, or how it stands.
    detail: str
    #: Rows that are durable and not yet searchable.
    pending_rows: int = 0
    stored_rows: int = 0
    disk_bytes: int = 0


def interval_starts(time_range: TimeRange, interval_nano: int) -> range:
    """The starts of the intervals, aligned to the epoch, that the range touches."""
    first = time_range.start_unix_nano // interval_nano * interval_nano
    return range(first, time_range.end_unix_nano, interval_nano)


def slice_ranges(time_range: TimeRange, slices: int) -> list[TimeRange]:
    """The range in ``slices`` parts that follow each other and differ by a nanosecond at most."""
    start, length = time_range.start_unix_nano, time_range.end_unix_nano - time_range.start_unix_nano
    bounds = [start + length * number // slices for number in range(slices + 1)]
    return [TimeRange(first, end) for first, end in pairwise(bounds)]


class LogStore(Protocol):
    """Keeps logs and finds them again.

    Every call is about one organization and never sees another's logs. Reads see every log within a second of the
    ``write`` that stored it. All methods may raise ``StoreUnavailable``.
    """

    async def start(self) -> None:
        """Open the store, creating or migrating it as needed, and bring in what a crash left behind.

        Raises:
            DataDirectoryInUse: another process owns the store's directory.
            StartupError: the store can't be opened; says why.
        """
        ...

    async def close(self) -> None:
        """Make everything that was acknowledged searchable, and let go of all resources. Safe to call twice."""
        ...

    async def write(self, organization_id: OrganizationId, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        """Store the batch's rows that are not stored yet, and add the receipt to the ledger, in one commit.

        Returns when both are durable: they survive ``kill -9`` and, with fsync on, power loss. A row is stored
        already if a row of the organization has its timestamp and content hash. New rows get ``ingest_sequence``
        numbers that grow in the order of commits, and within a commit in the order of rows. An empty batch writes
        the receipt alone.

        Raises:
            StoreUnavailable: there is no room, or the store can't be reached; nothing is stored.
        """
        ...

    def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        """Yield the plan's logs in ``STORED_LOG_SCHEMA``, in its order, at most ``batch_rows`` rows at a time.

        Each log once, even where a store holds it twice. Closing the iterator stops the work behind it.

        Raises:
            QueryTimedOut: it took longer than the selection allows.
            QueryTooExpensive: it needed more memory than a query may have.
        """
        ...

    async def count(self, selection: Selection) -> int:
        """How many logs match. Raises as ``scan`` does."""
        ...

    async def histogram(self, selection: Selection, *, interval_nano: int) -> list[HistogramBucket]:
        """Counts by interval (aligned to the epoch) and severity number, ordered so; empty ones are left out.

        Raises as ``scan`` does.
        """
        ...

    async def top_shapes(self, selection: Selection, *, limit: int) -> list[ShapeCount]:
        """The shapes with the most logs, most first, then by shape. Raises as ``scan`` does."""
        ...

    async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
        """All logs that match, counted by shape, service and severity number, in ``SHAPE_COUNTS_SCHEMA``.

        Each list of ``counts`` has one number for each interval, aligned to the epoch, that the time range touches, in
        order: ``interval_starts`` says which these are. Raises as ``scan`` does.
        """
        ...

    async def sample(
        self, selection: Selection, *, slices: int, rows_per_slice: int, columns: Sequence[str] = STORED_LOG_COLUMNS
    ) -> pa.Table:
        """The first ``rows_per_slice`` logs that match of each of ``slices`` parts of the time range, oldest first.

        In ``STORED_LOG_SCHEMA``, or these columns of it. ``slice_ranges`` says which parts these are. Costs little more
        than the rows that are returned, however many match. Raises as ``scan`` does.
        """
        ...

    async def aggregate(self, plan: AggregatePlan) -> list[AggregateRow]:
        """The plan's groups: by interval, then by descending number of logs in the whole range, then by values.

        Groups without logs are left out; without ``by`` and interval there is one group, even of no logs. Raises as
        ``scan`` does.
        """
        ...

    async def metadata_keys(self, selection: Selection, *, limit: int) -> list[KeyCount]:
        """The keys that most logs have, most first, then by name. Raises as ``scan`` does."""
        ...

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """The largest ``ingest_sequence`` that ``read_after`` would return now; 0 where there is none."""
        ...

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        """The next logs after this position, at most ``limit``, in the order of ``ingest_sequence``.

        In ``STORED_LOG_SCHEMA``, empty where there are none. Whoever continues from the last row's sequence sees each
        log once and misses none: a row is held back while one with a smaller sequence may still appear. A row appears
        within 300 ms of the ``write`` that stored it, or a second where the store is across a network.
        """
        ...

    async def shapes_after(
        self, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
    ) -> list[SeenShape]:
        """The shapes of the logs with ``ingest_sequence < sequence <= up_to``, in no particular order.

        A log that a store holds twice may count twice. Whoever takes ``up_to`` from ``last_sequence``, and goes on from
        there, misses no shape.
        """
        ...

    async def counts_after(
        self,
        organization_id: OrganizationId,
        ingest_sequence: int,
        *,
        up_to: int,
        interval_nano: int,
        max_age_nano: int,
    ) -> pa.Table:
        """The logs with ``ingest_sequence < sequence <= up_to`` in ``RECENT_COUNTS_SCHEMA``.

        Intervals are aligned to the epoch. Logs that were observed more than ``max_age_nano`` after their timestamp are
        left out, such as imported history. A log that a store holds twice may count twice. Whoever takes ``up_to`` from
        ``last_sequence``, and goes on from there, misses none.
        """
        ...

    async def earliest_messages(
        self, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
    ) -> list[EarliestMessage]:
        """For each of these shapes, the earliest log with ``after < ingest_sequence <= up_to``, where there is one."""
        ...

    async def get(self, organization_id: OrganizationId, *, timestamp_unix_milli: int, content_hash: int) -> Log | None:
        """The log with this id, taken apart by ``logmodel.ids.parse_log_id``."""
        ...

    async def totals(self, organization_id: OrganizationId) -> IngestTotals:
        """The organization's ledger since its first log."""
        ...

    async def health(self) -> StoreHealth:
        """How the store is, without raising."""
        ...
