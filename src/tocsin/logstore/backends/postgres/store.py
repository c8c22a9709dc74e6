"""``PostgresLogStore``: the port's writes and life cycle; reads are the reader's."""

# ruff: noqa: S608  (every value is bound; what stands in the text are names and numbers of our own)

import asyncio

import numpy as np
import numpy.typing as npt
from psycopg import AsyncConnection
from psycopg.errors import CheckViolation
from psycopg.rows import TupleRow

from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive, StartupError, StoreUnavailable, TocsinError
from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.postgres.connection import PostgresPool
from tocsin.logstore.backends.postgres.encoding import copy_lines
from tocsin.logstore.backends.postgres.partitions import Partitions
from tocsin.logstore.backends.postgres.reader import PostgresReader
from tocsin.logstore.backends.postgres.schema import (
    CREATE_STATEMENTS,
    DAYS,
    INCOMING,
    INCOMING_COLUMNS,
    LEDGERS,
    LOGS,
    start_of_interval,
)
from tocsin.logstore.ports import OrganizationId, Receipt, StoreHealth, WriteOutcome

SPARE_CONNECTIONS = 4
"""Beside those for queries, so that neither writes nor the store's state wait for slow ones."""

OLDEST_VERSION = 160_000
"""PostgreSQL 16, as the server counts."""

_NAMES = ", ".join(INCOMING_COLUMNS)

_COPY = f"COPY {INCOMING} (position, {_NAMES}) FROM STDIN (FORMAT csv)"

_TAKE_LEDGER = f"""
INSERT INTO {LEDGERS} AS ledger (organization_id, received, dead_letters)
VALUES (%(organization)s::uuid, %(received)s, %(dead_letters)s)
ON CONFLICT (organization_id) DO UPDATE
SET received = ledger.received + excluded.received, dead_letters = ledger.dead_letters + excluded.dead_letters
RETURNING last_sequence"""

_STORE = f"""
WITH stored AS (
    INSERT INTO {LOGS} (organization_id, ingest_sequence, {_NAMES})
    SELECT %(organization)s::uuid, %(last_sequence)s + 1 + position, {_NAMES} FROM {INCOMING} ORDER BY position
    ON CONFLICT DO NOTHING
    RETURNING ingest_sequence, {start_of_interval(NANOSECONDS_A_DAY)} / {NANOSECONDS_A_DAY} AS day
), days AS (
    INSERT INTO {DAYS} AS known (organization_id, day, stored, last_sequence)
    SELECT %(organization)s::uuid, day, count(*), max(ingest_sequence) FROM stored GROUP BY day ORDER BY day
    ON CONFLICT (organization_id, day) DO UPDATE
    SET stored = known.stored + excluded.stored, last_sequence = excluded.last_sequence
), counted AS (
    UPDATE {LEDGERS} AS ledger SET
        stored = ledger.stored + new.stored,
        duplicates = ledger.duplicates + %(rows)s - new.stored,
        last_sequence = greatest(ledger.last_sequence, new.last_sequence)
    FROM (SELECT count(*) AS stored, max(ingest_sequence) AS last_sequence FROM stored) AS new
    WHERE organization_id = %(organization)s::uuid
)
SELECT ingest_sequence - %(last_sequence)s - 1 FROM stored"""


class PostgresLogStore(PostgresReader):
    """The log store's port on a PostgreSQL server, which any number of processes may share.

    A write is acknowledged by PostgreSQL's commit. Writes of one organization number and store their logs one after
    the other, so duplicates are found exactly, whoever writes them.
    """

    def __init__(self, url: str, *, max_queries: int = 8, fsync: bool = True) -> None:
        """Use the database at ``url``, with ``max_queries`` at one time.

        Without ``fsync`` an acknowledged log may be lost when the server loses power, and not otherwise.
        """
        self._connections = PostgresPool(url, connections=max_queries + SPARE_CONNECTIONS, synchronous_commit=fsync)
        super().__init__(self._connections)
        self._partitions = Partitions(self._connections)

    async def start(self) -> None:
        """Connect, and create what is missing."""
        try:
            async with self._connections.transaction() as connection:
                _check_server(connection)
                for statement in CREATE_STATEMENTS:
                    await connection.execute(statement)
        except TocsinError as error:
            await self.close()
            raise StartupError(f"the log store can't be opened: {error.detail}") from error

    async def close(self) -> None:
        """Disconnect; everything that was acknowledged is searchable already."""
        await self._connections.close()

    async def write(self, organization_id: OrganizationId, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        """See the port."""
        lines = await asyncio.to_thread(copy_lines, batch)
        try:
            try:
                return await self._store(organization_id, batch, lines, receipt)
            except _PartitionMissing:
                self._partitions.forget()
                return await self._store(organization_id, batch, lines, receipt)
        except (QueryTimedOut, QueryTooExpensive, _PartitionMissing) as error:
            raise StoreUnavailable(
                "PostgreSQL has no room for this write; if its logs span many days, raise max_locks_per_transaction"
            ) from error

    async def health(self) -> StoreHealth:
        """Ready while the server answers."""
        try:
            rows, size_bytes = await self.size()
        except TocsinError as error:
            return StoreHealth(ready=False, detail=error.detail)
        return StoreHealth(ready=True, detail="PostgreSQL", stored_rows=rows, disk_bytes=size_bytes)

    async def _store(
        self, organization_id: OrganizationId, batch: LogBatch, lines: bytes, receipt: Receipt
    ) -> WriteOutcome:
        await self._partitions.ensure(batch)
        is_new = np.zeros(len(batch), dtype=np.bool_)
        async with self._connections.transaction() as connection:
            if len(batch):
                await _copy(connection, lines)
            taken = await connection.execute(
                _TAKE_LEDGER,
                {
                    "organization": str(organization_id),
                    "received": receipt.received,
                    "dead_letters": receipt.dead_letters,
                },
            )
            [last_sequence] = await taken.fetchone() or [0]
            if len(batch):
                is_new[await _insert(connection, organization_id, len(batch), last_sequence)] = True
        return WriteOutcome(is_new)


class _PartitionMissing(Exception):
    """A partition that this process knew is not there any more."""


async def _copy(connection: AsyncConnection[TupleRow], lines: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(lines)


async def _insert(
    connection: AsyncConnection[TupleRow], organization_id: OrganizationId, rows: int, last_sequence: int
) -> npt.NDArray[np.int64]:
    """Store the copied rows that are new; their positions in the batch."""
    parameters = {"organization": str(organization_id), "rows": rows, "last_sequence": last_sequence}
    try:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(_STORE, parameters)
            return np.array([position for (position,) in await cursor.fetchall()], dtype=np.int64)
    except CheckViolation as error:
        raise _PartitionMissing from error


def _check_server(connection: AsyncConnection[TupleRow]) -> None:
    version = connection.info.server_version
    if version < OLDEST_VERSION:
        raise StartupError(
            f"PostgreSQL is version {version // 10_000}; Tocsin needs {OLDEST_VERSION // 10_000} or newer"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StartupError(f"the database has the encoding {encoding}; Tocsin needs UTF8")
