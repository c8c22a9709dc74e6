"""The embedded store: ClickHouse in this process (chDB) behind a write-ahead log of Tocsin's own."""

# ruff: noqa: S608  (what stands in the text are names and numbers of our own; the organization is bound)

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from tocsin.kit.errors import DataDirectoryInUse, StartupError, StoreUnavailable, TocsinError
from tocsin.logmodel.batch import LogBatch
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.clickhouse import schema
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool, Value, embedded_client, translated_errors
from tocsin.logstore.backends.clickhouse.journal import Journal
from tocsin.logstore.backends.clickhouse.probe import keys_of, probes
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.clickhouse.recent import NANOSECONDS_A_DAY, Hashes, Timestamps
from tocsin.logstore.backends.clickhouse.wal import WAL_SCHEMA, LedgerEntry, arrow_stream
from tocsin.logstore.ports import (
    HistogramBucket,
    IngestTotals,
    OrganizationId,
    Receipt,
    ScanPlan,
    Selection,
    ShapeCount,
    StoreHealth,
    WriteOutcome,
)

_CONNECTIONS = 4
"""Queries that run at the same time; each has a thread and a connection."""

_INSERT_SETTINGS = {
    # One thread parses and one part is written; the other core is for whoever sends.
    "max_threads": 1,
    "max_insert_threads": 1,
    "input_format_parallel_parsing": 0,
    # Imported history may span any number of days.
    "max_partitions_per_insert_block": 0,
    # A segment becomes one part a day, not several.
    "min_insert_block_size_rows": 1_000_000,
    "min_insert_block_size_bytes": 1 << 30,
}


class EmbeddedClickHouseStore:
    """The log store's port on one directory, which one process owns."""

    def __init__(self, directory: Path, *, fsync: bool = True, min_free_bytes: int = 256 << 20) -> None:
        """Keep everything below ``directory``; refuse writes when its disk has less than ``min_free_bytes`` free."""
        self._directory = directory
        self._fsync = fsync
        self._min_free_bytes = min_free_bytes
        self._lock: int | None = None
        self._pool = ClickHousePool(lambda: embedded_client(directory / "chdb"), connections=_CONNECTIONS)
        self._reader = ClickHouseReader(self._pool)
        self._tables: _Tables | None = None
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
        self._tables = tables = _Tables(self._directory / "chdb")
        journal = Journal(self._directory / "wal", tables, fsync=self._fsync, min_free_bytes=self._min_free_bytes)
        journal.start(latest_by_day=tables.latest_by_day(), sequence_floor=tables.largest_sequence())
        return journal

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
        if self._journal is None:
            raise StoreUnavailable("the log store is closed", retry_after_seconds=5)
        return await asyncio.wrap_future(self._journal.write(str(organization_id), batch, receipt))

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


class _Tables:
    """The journal's way into chDB: one connection for each of its two threads."""

    def __init__(self, directory: Path) -> None:
        self._flushes = embedded_client(directory)
        self._probes = embedded_client(directory)

    def close(self) -> None:
        self._flushes.close()
        self._probes.close()

    def insert_rows(self, bodies: list[bytes | memoryview]) -> None:
        with translated_errors():
            self._flushes.raw_insert(
                schema.LOGS,
                WAL_SCHEMA.names,
                b"".join(arrow_stream(bodies)),
                settings=_INSERT_SETTINGS,
                fmt="ArrowStream",
            )

    def add_to_ledger(self, segment: int, entries: Iterable[LedgerEntry]) -> None:
        rows = [
            (each.organization_id, segment, each.received, each.stored, each.duplicates, each.dead_letters)
            for each in entries
        ]
        if rows:
            with translated_errors():
                self._flushes.insert(schema.LEDGER, rows, column_names=schema.LEDGER_COLUMNS)

    def stored_sequences(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        sql = f"SELECT ingest_sequence FROM {schema.LOGS} WHERE ingest_sequence BETWEEN {first:d} AND {last:d}"
        return _numbers(_fetch(self._flushes, sql), "ingest_sequence")

    def is_stored(self, organization_id: str, timestamps: Timestamps, hashes: Hashes) -> npt.NDArray[np.bool_]:
        keys = keys_of(timestamps, hashes)
        found = np.zeros(len(keys), dtype=np.bool_)
        for sql, printer in probes(UUID(organization_id), keys):
            rows = _fetch(self._probes, sql, printer.parameters)
            found |= np.isin(
                keys, keys_of(rows["timestamp"].cast(pa.int64()).to_numpy(), _numbers(rows, "content_hash"))
            )
        return found

    def latest_by_day(self) -> dict[int, int]:
        # Not toDate: its days end in the year 2149.
        nano = "toUnixTimestamp64Nano(timestamp)"
        sql = (
            f"SELECT intDiv({nano} - positiveModulo({nano}, {NANOSECONDS_A_DAY:d}), {NANOSECONDS_A_DAY:d}) AS day, "
            f"max({nano}) AS latest FROM {schema.LOGS} GROUP BY day"
        )
        rows = _fetch(self._flushes, sql)
        return dict(zip(rows["day"].to_pylist(), rows["latest"].to_pylist(), strict=True))

    def largest_sequence(self) -> int:
        """Of rows and of segments: a segment without rows has a number too, which must not be given again."""
        columns = (("ingest_sequence", schema.LOGS), ("segment", schema.LEDGER))
        sql = " UNION ALL ".join(f"SELECT max({column}) AS largest FROM {table}" for column, table in columns)
        return int(_numbers(_fetch(self._flushes, sql), "largest").max())


def _fetch(client: Client, sql: str, parameters: dict[str, Value] | None = None) -> pa.Table:
    with translated_errors():
        return pa.ipc.open_stream(client.raw_query(sql, parameters=parameters, fmt="ArrowStream")).read_all()


def _numbers(rows: pa.Table, column: str) -> npt.NDArray[np.uint64]:
    return np.asarray(rows[column].to_numpy(), dtype=np.uint64)


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
