"""The embedded store: ClickHouse in this process (chDB) behind a write-ahead log of Tocsin's own."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tocsin.kit.errors import DataDirectoryInUse, StartupError, StoreUnavailable, TocsinError
from tocsin.logmodel.batch import STORED_LOG_COLUMNS, LogBatch
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.clickhouse import schema
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool, embedded_client
from tocsin.logstore.backends.clickhouse.following import largest_sequence, rows_between
from tocsin.logstore.backends.clickhouse.journal import Journal
from tocsin.logstore.backends.clickhouse.new_shapes import (
    earliest,
    recent_counts,
    recent_counts_table,
    recent_earliest,
    recent_shapes,
    seen_shapes,
    stored_counts,
    stored_earliest,
    stored_shapes,
)
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.clickhouse.tables import EmbeddedTables
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    EarliestMessage,
    HistogramBucket,
    IngestTotals,
    KeyCount,
    OrganizationId,
    Receipt,
    ScanPlan,
    SeenShape,
    Selection,
    ShapeCount,
    StoreHealth,
    WriteOutcome,
)

_SPARE_CONNECTIONS = 2
"""So that the state of the store is known even when all queries are slow ones."""


class EmbeddedClickHouseStore:
    """The log store's port on one directory, which one process owns."""

    def __init__(
        self, directory: Path, *, fsync: bool = True, min_free_bytes: int = 256 << 20, max_queries: int = 8
    ) -> None:
        """Keep everything below ``directory``; refuse writes when its disk has less than ``min_free_bytes`` free.

        ``max_queries`` run at one time.
        """
        self._directory = directory
        self._fsync = fsync
        self._min_free_bytes = min_free_bytes
        self._lock: int | None = None
        self._pool = ClickHousePool(
            lambda: embedded_client(directory / "chdb"), connections=max_queries + _SPARE_CONNECTIONS
        )
        self._reader = ClickHouseReader(self._pool)
        self._tables: EmbeddedTables | None = None
        self._journal: Journal | None = None

    async def start(self) -> None:
        """Open the directory, and bring in what a crash left in the write-ahead log."""
        with _startup_errors(self._directory):
            try:
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = _own(self._directory)
                await self._pool.open()
                await self._pool.execute(*schema.create_statements(schema.Durability(fsync=self._fsync)))
                self._journal = await asyncio.to_thread(self._started_journal)
            except BaseException:
                await self.close()
                raise

    def _started_journal(self) -> Journal:
        self._tables = tables = EmbeddedTables(self._directory / "chdb", self._use_promoted)
        journal = Journal(self._directory / "wal", tables, fsync=self._fsync, min_free_bytes=self._min_free_bytes)
        journal.start(latest_by_day=tables.latest_by_day(), sequence_floor=tables.largest_sequence())
        return journal

    def _use_promoted(self, columns: Mapping[str, str]) -> None:
        self._reader.promoted = columns

    async def close(self) -> None:
        """Move everything into chDB and let go of the directory."""
        journal, self._journal = self._journal, None
        if journal is not None:
            await asyncio.to_thread(journal.close)
        tables, self._tables = self._tables, None
        if tables is not None:
            tables.close()
        await self._pool.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    async def write(self, organization_id: OrganizationId, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        """Durable in the write-ahead log when this returns, searchable within a second."""
        return await asyncio.wrap_future(self._open_journal().write(str(organization_id), batch, receipt))

    def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        """See the port."""
        return self._reader.scan(plan)

    async def count(self, selection: Selection) -> int:
        """See the port."""
        return await self._reader.count(selection)

    async def histogram(self, selection: Selection, *, interval_nano: int) -> list[HistogramBucket]:
        """See the port."""
        return await self._reader.histogram(selection, interval_nano=interval_nano)

    async def top_shapes(self, selection: Selection, *, limit: int) -> list[ShapeCount]:
        """See the port."""
        return await self._reader.top_shapes(selection, limit=limit)

    async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
        """See the port."""
        return await self._reader.shape_counts(selection, interval_nano=interval_nano)

    async def sample(
        self,
        selection: Selection,
        *,
        slices: int,
        rows_per_slice: int,
        columns: Sequence[str] = STORED_LOG_COLUMNS,
    ) -> pa.Table:
        """See the port."""
        return await self._reader.sample(selection, slices=slices, rows_per_slice=rows_per_slice, columns=columns)

    async def aggregate(self, plan: AggregatePlan) -> list[AggregateRow]:
        """See the port."""
        return await self._reader.aggregate(plan)

    async def metadata_keys(self, selection: Selection, *, limit: int) -> list[KeyCount]:
        """See the port."""
        return await self._reader.metadata_keys(selection, limit=limit)

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """See the port."""
        committed = self._open_journal().committed
        in_memory = await asyncio.to_thread(committed.last_sequence, str(organization_id))
        return in_memory or await largest_sequence(self._reader, organization_id)

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        """See the port: recent commits come from memory, as soon as they are durable; older ones from chDB."""
        committed, owner = self._open_journal().committed, str(organization_id)
        while True:
            rows = await asyncio.to_thread(committed.rows_after, owner, ingest_sequence, limit=limit)
            if rows is not None:
                return rows
            up_to = committed.complete_after(owner)
            rows = await rows_between(self._reader, organization_id, ingest_sequence, up_to, limit=limit)
            if rows.num_rows:
                return rows
            committed.none_between(owner, ingest_sequence, up_to)

    async def shapes_after(
        self, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
    ) -> list[SeenShape]:
        """See the port: as ``read_after``, from memory and, for what is older, from chDB."""
        border, recent = await self._recent_after(organization_id, ingest_sequence)
        frames = [await asyncio.to_thread(recent_shapes, recent, up_to)]
        if border > ingest_sequence:
            frames.append(await stored_shapes(self._reader, organization_id, ingest_sequence, min(border, up_to)))
        return seen_shapes(frames)

    async def counts_after(
        self,
        organization_id: OrganizationId,
        ingest_sequence: int,
        *,
        up_to: int,
        interval_nano: int,
        max_age_nano: int,
    ) -> pa.Table:
        """See the port: as ``shapes_after``."""
        border, recent = await self._recent_after(organization_id, ingest_sequence)
        kind = {"interval_nano": interval_nano, "max_age_nano": max_age_nano}
        frames = [await asyncio.to_thread(recent_counts, recent, up_to, **kind)]
        if border > ingest_sequence:
            older = min(border, up_to)
            frames.append(await stored_counts(self._reader, organization_id, ingest_sequence, older, **kind))
        return await asyncio.to_thread(recent_counts_table, frames)

    async def earliest_messages(
        self, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
    ) -> list[EarliestMessage]:
        """See the port: from memory and from chDB."""
        border, recent = await self._recent_after(organization_id, after)
        frames = [await asyncio.to_thread(recent_earliest, recent, shapes, up_to)]
        if border > after:
            frames.append(await stored_earliest(self._reader, organization_id, shapes, after, min(border, up_to)))
        return earliest(frames)

    async def _recent_after(
        self, organization_id: OrganizationId, ingest_sequence: int
    ) -> tuple[int, list[pa.RecordBatch]]:
        """From where on rows are taken from memory, and these rows; chDB has all up to there."""
        committed, owner = self._open_journal().committed, str(organization_id)
        while True:
            border = max(ingest_sequence, committed.complete_after(owner))
            batches = await asyncio.to_thread(committed.batches_after, owner, border)
            # It is none if the border has moved meanwhile.
            if batches is not None:
                return border, batches

    async def get(self, organization_id: OrganizationId, *, timestamp_unix_milli: int, content_hash: int) -> Log | None:
        """See the port."""
        return await self._reader.get(
            organization_id, timestamp_unix_milli=timestamp_unix_milli, content_hash=content_hash
        )

    async def totals(self, organization_id: OrganizationId) -> IngestTotals:
        """What has reached chDB's ledger; commits of the last second may not be in it yet."""
        return await self._reader.totals(organization_id)

    async def health(self) -> StoreHealth:
        """Ready while rows move from the write-ahead log into chDB."""
        if self._journal is None:
            return StoreHealth(ready=False, detail="closed")
        pending = await asyncio.to_thread(lambda journal: journal.pending_rows, self._journal)
        try:
            rows, size_bytes = await self._reader.size()
        except StoreUnavailable as error:
            return StoreHealth(ready=False, detail=error.detail, pending_rows=pending)
        fault = self._journal.fault
        return StoreHealth(
            ready=fault is None,
            detail="embedded ClickHouse" if fault is None else f"logs can't be moved into ClickHouse: {fault}",
            pending_rows=pending,
            stored_rows=rows,
            disk_bytes=size_bytes,
        )

    def _open_journal(self) -> Journal:
        if self._journal is None:
            raise StoreUnavailable("the log store is closed", retry_after_seconds=5)
        return self._journal


@contextmanager
def _startup_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except StartupError:
        raise
    except TocsinError as error:
        raise StartupError(f"the log store in {directory} can't be opened: {error.detail}") from error
    except OSError as error:
        raise StartupError(f"the log store in {directory} can't be opened: {error.strerror}") from error


def _own(directory: Path) -> int:
    """Take the directory's lock, which the operating system releases with the process, however it ends."""
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise DataDirectoryInUse(
            f"{directory} is in use by process {owner}; stop it, or set TOCSIN_DATA_DIR to another directory"
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
