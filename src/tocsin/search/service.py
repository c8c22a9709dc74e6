"""``SearchService``: resolves a question, asks the store, and keeps queries within their limits."""

from uuid import UUID

import pyarrow as pa

from tocsin.kit.errors import NotFound
from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logmodel.ids import parse_log_id
from tocsin.logmodel.log import Log
from tocsin.logmodel.masking import masked_texts
from tocsin.logstore.ports import LogStore, Order, OrganizationId, Position, ScanPlan, Selection, TimeRange
from tocsin.search.contracts import CountedLogs, Histogram, LogsPage, Question, TopShape, TopShapes
from tocsin.search.cursors import cursor_text, read_cursor
from tocsin.search.intervals import filled, interval_nano
from tocsin.search.limits import QueryLimits
from tocsin.search.questions import Questions, check_limit

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
DEFAULT_SHAPES, MAX_SHAPES = 10, 1_000


class SearchService:
    """Answers questions about the logs of one organization at a time.

    Its methods raise what resolving a question may (``InvalidQuery``, ``InvalidTimeRange``, ``InvalidRequest``), what
    the store may (``QueryTimedOut``, ``QueryTooExpensive``, ``StoreUnavailable``), and ``TooManyRequests`` where all
    slots of ``limits`` are taken. Cancelling a call stops its query.
    """

    def __init__(self, store: LogStore, questions: Questions, *, limits: QueryLimits) -> None:
        self._store = store
        self._questions = questions
        self._limits = limits

    async def logs(
        self,
        question: Question,
        *,
        limit: int = DEFAULT_LIMIT,
        order: Order = Order.NEWEST_FIRST,
        cursor: str | None = None,
    ) -> LogsPage:
        """A page of the logs that match, the first one or the one after a page's ``next_cursor``.

        A cursor keeps the first page's time range, so that ``now-15m`` means the same on every page.
        """
        check_limit(limit, MAX_LIMIT)
        resumed = read_cursor(cursor, question, order) if cursor is not None else None
        selection = await self._selection(question, resumed.time_range if resumed else None)
        plan = ScanPlan(
            selection=selection,
            order=order,
            # One more than asked for tells whether there is another page.
            limit=limit + 1,
            after=resumed.position if resumed else None,
        )
        async with self._limits.slot(selection):
            batches = [batch async for batch in self._store.scan(plan)]
        scanned = pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA)
        rows = scanned.slice(0, limit)
        is_last_page = scanned.num_rows <= limit
        next_cursor = None if is_last_page else cursor_text(question, order, selection.time_range, _last_position(rows))
        return LogsPage(time_range=selection.time_range, rows=rows, next_cursor=next_cursor)

    async def histogram(self, question: Question, *, interval: str | None = None) -> Histogram:
        """Counts over time by level; without an interval, in about 60 buckets."""
        selection = await self._selection(question)
        nanoseconds = interval_nano(interval, selection.time_range)
        async with self._limits.slot(selection):
            counts = await self._store.histogram(selection, interval_nano=nanoseconds)
        buckets = filled(counts, selection.time_range, nanoseconds)
        return Histogram(time_range=selection.time_range, interval_nano=nanoseconds, buckets=buckets)

    async def count(self, question: Question) -> CountedLogs:
        """How many logs match."""
        selection = await self._selection(question)
        async with self._limits.slot(selection):
            count = await self._store.count(selection)
        return CountedLogs(time_range=selection.time_range, count=count)

    async def top_shapes(self, question: Question, *, limit: int = DEFAULT_SHAPES) -> TopShapes:
        """The most frequent shapes among the logs that match."""
        check_limit(limit, MAX_SHAPES)
        selection = await self._selection(question)
        async with self._limits.slot(selection):
            counts = await self._store.top_shapes(selection, limit=limit)
        templates = masked_texts([count.exemplar.message for count in counts])
        shapes = [
            TopShape(count.shape, template, count.count, count.exemplar)
            for count, template in zip(counts, templates, strict=True)
        ]
        return TopShapes(time_range=selection.time_range, shapes=shapes)

    async def get(self, organization_id: OrganizationId, log_id: UUID) -> Log:
        """The log with this id.

        Raises:
            NotFound: the organization has no such log.
        """
        try:
            milliseconds, content_hash = parse_log_id(log_id)
        except ValueError as error:
            raise NotFound(str(error)) from None
        async with self._limits.slot():
            log = await self._store.get(organization_id, timestamp_unix_milli=milliseconds, content_hash=content_hash)
        if log is None:
            raise NotFound(f"there is no log with the id {log_id}")
        return log

    async def _selection(self, question: Question, resumed_range: TimeRange | None = None) -> Selection:
        seconds = self._limits.timeout_seconds
        return await self._questions.selection(question, timeout_seconds=seconds, resumed_range=resumed_range)


def _last_position(rows: pa.Table) -> Position:
    last = rows.slice(rows.num_rows - 1)
    timestamp = last["timestamp"].cast(pa.int64())[0].as_py()
    return Position(timestamp, last["ingest_sequence"][0].as_py())
