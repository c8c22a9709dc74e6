"""The store over HTTP: a ClickHouse server or cluster of the operator's own."""

import asyncio
import secrets
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.kit.clock import Clock, SystemClock
from tocsin.kit.errors import StartupError, TocsinError
from tocsin.logmodel.batch import STORED_LOG_SCHEMA, LogBatch
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool, Value, http_client
from tocsin.logstore.backends.clickhouse.following import largest_sequence, rows_between, without_repetitions
from tocsin.logstore.backends.clickhouse.new_shapes import (
    earliest,
    recent_counts_table,
    seen_shapes,
    stored_counts,
    stored_earliest,
    stored_shapes,
)
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.probe import Keys, first_of_each, keys_of, probes
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.clickhouse.schema import LEDGER, LEDGER_COLUMNS, LOGS, Durability, create_statements
from tocsin.logstore.ports import EarliestMessage, OrganizationId, Receipt, SeenShape, StoreHealth, WriteOutcome

SPARE_CONNECTIONS = 4
"""Beside those for queries, so that neither writes nor the store's state wait for slow ones."""

RETRIED_INSERTS_KEPT = 1_000
"""The server recognises an insert that the driver repeats after a broken connection, so many inserts later."""

HELD_BACK_MILLISECONDS = 500
"""Followers see rows this late, by their sequence: another process may be inserting smaller ones until then."""

_PROBE_TIMEOUT_SECONDS = 30.0
_NANOSECONDS_A_MILLISECOND = 1_000_000
_TIME_SHIFT_BITS = 20
_WRITER_BITS = 8
_SEQUENCE_STEP = 1 << _WRITER_BITS
_INSERT_SETTINGS: dict[str, Value] = {
    # An answer must mean that the rows are in a part, whatever the server's own default is.
    "async_insert": 0,
    # Imported history may span any number of days.
    "max_partitions_per_insert_block": 0,
}


class ClickHouseHttpStore(ClickHouseReader):
    """The log store's port on a server: reads as the reader does, and writes that the server's commit acknowledges.

    Writes of one store follow each other, so that each sees what the one before has stored. A second process that
    writes at the same time may store a log that this one stores too; scans then show it once. So do followers, and
    they miss none of another process whose insert takes less than ``HELD_BACK_MILLISECONDS``, its clock's lag included;
    of this one's own inserts they miss none however long they take, unless the connection breaks and the server goes on
    with the insert alone.
    """

    def __init__(
        self, url: str, *, max_queries: int = 8, clock: Clock | None = None, durability: Durability | None = None
    ) -> None:
        """Use the server at ``url``, with ``max_queries`` at one time.

        ``durability`` matters when the tables are created.
        """
        self._connections = ClickHousePool(lambda: http_client(url), connections=max_queries + SPARE_CONNECTIONS)
        super().__init__(self._connections)
        self._clock = clock or SystemClock()
        self._durability = durability or Durability(deduplicated_inserts=RETRIED_INSERTS_KEPT)
        self._last_sequence = 0
        # The low bits of this writer's numbers, so that two writers in one millisecond hardly ever take the same.
        self._writer = secrets.randbelow(_SEQUENCE_STEP)
        self._one_write = asyncio.Lock()
        #: The first number of the insert that is under way.
        self._inserting_from: int | None = None

    async def start(self) -> None:
        """Connect, create what is missing, and continue the sequence after the largest number that is stored."""
        try:
            await self._connections.open()
            await self._connections.execute(*create_statements(self._durability))
            self._last_sequence = await self._largest_sequence()
        except TocsinError as error:
            await self.close()
            raise StartupError(f"the log store can't be opened: {error.detail}") from error

    async def close(self) -> None:
        """Wait for running statements, and disconnect."""
        await self._connections.close()

    async def write(self, organization_id: OrganizationId, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        """See the port. A crash between the rows and the ledger leaves the rows: sent again, they are duplicates."""
        async with self._one_write:
            outcome = WriteOutcome(await self._new_rows(organization_id, batch))
            if outcome.stored:
                await self._insert(self._numbered(organization_id, batch.rows.filter(pa.array(outcome.is_new))))
            counts = (receipt.received, outcome.stored, outcome.duplicates, receipt.dead_letters)
            entry = _ledger_entry(organization_id, self._take_sequences(1)[0], counts)
            await self._connections.insert(LEDGER, entry, settings=_INSERT_SETTINGS)
        return outcome

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """See the port."""
        return await largest_sequence(self, organization_id, up_to=self._complete_up_to())

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        """See the port."""
        up_to = self._complete_up_to()
        while True:
            rows = await rows_between(self, organization_id, ingest_sequence, up_to, limit=limit)
            first_stored = await without_repetitions(self, organization_id, rows)
            if first_stored.num_rows or not rows.num_rows:
                return first_stored
            ingest_sequence = int(rows["ingest_sequence"][-1].as_py())

    async def shapes_after(
        self, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
    ) -> list[SeenShape]:
        """See the port."""
        return seen_shapes([await stored_shapes(self, organization_id, ingest_sequence, up_to)])

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
        found = await stored_counts(
            self, organization_id, ingest_sequence, up_to, interval_nano=interval_nano, max_age_nano=max_age_nano
        )
        return await asyncio.to_thread(recent_counts_table, [found])

    async def earliest_messages(
        self, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
    ) -> list[EarliestMessage]:
        """See the port."""
        return earliest([await stored_earliest(self, organization_id, shapes, after, up_to)])

    async def health(self) -> StoreHealth:
        """Ready while the server answers."""
        try:
            rows, size_bytes = await self.size()
        except TocsinError as error:
            return StoreHealth(ready=False, detail=error.detail)
        return StoreHealth(ready=True, detail="ClickHouse over HTTP", stored_rows=rows, disk_bytes=size_bytes)

    async def _largest_sequence(self) -> int:
        names = " UNION ALL ".join(
            f"SELECT max({column}) AS largest FROM {table}"  # noqa: S608  (names of our own)
            for column, table in (("ingest_sequence", LOGS), ("segment", LEDGER))
        )
        table = await self.fetch(names, Printer(), timeout_seconds=_PROBE_TIMEOUT_SECONDS)
        return max(int(each) for each in table["largest"].to_pylist())

    async def _new_rows(self, organization_id: OrganizationId, batch: LogBatch) -> npt.NDArray[np.bool_]:
        timestamps = batch.rows["timestamp"].cast(pa.int64()).to_numpy()
        keys = keys_of(timestamps, batch.rows["content_hash"].to_numpy())
        is_new = first_of_each(keys)
        for stored in await asyncio.gather(*(self._stored(*probe) for probe in probes(organization_id, keys))):
            is_new &= ~np.isin(keys, stored)
        return is_new

    async def _stored(self, sql: str, printer: Printer) -> Keys:
        table = await self.fetch(sql, printer, timeout_seconds=_PROBE_TIMEOUT_SECONDS)
        return keys_of(table["timestamp"].cast(pa.int64()).to_numpy(), table["content_hash"].to_numpy())

    async def _insert(self, rows: pa.RecordBatch) -> None:
        self._inserting_from = int(rows["ingest_sequence"][0].as_py())
        try:
            await self._connections.insert(LOGS, rows, settings=_INSERT_SETTINGS)
        finally:
            self._inserting_from = None

    def _complete_up_to(self) -> int:
        """No row with a smaller sequence than this will appear any more."""
        now = self._clock.now_unix_nano() // _NANOSECONDS_A_MILLISECOND
        complete = (now - HELD_BACK_MILLISECONDS) << _TIME_SHIFT_BITS
        return complete if self._inserting_from is None else min(complete, self._inserting_from - 1)

    def _numbered(self, organization_id: OrganizationId, rows: pa.RecordBatch) -> pa.RecordBatch:
        sequences = pa.array(np.array(self._take_sequences(rows.num_rows), dtype=np.uint64))
        owners = pa.array([str(organization_id)] * rows.num_rows)
        names = ["organization_id", *STORED_LOG_SCHEMA.names]
        return pa.RecordBatch.from_arrays([owners, *rows.columns, sequences], names=names)

    def _take_sequences(self, count: int) -> range:
        """New numbers: above all before, and not below the time in milliseconds."""
        now = (self._clock.now_unix_nano() // _NANOSECONDS_A_MILLISECOND) << _TIME_SHIFT_BITS
        after_last = ((self._last_sequence >> _WRITER_BITS) + 1) << _WRITER_BITS
        first = max(now, after_last) | self._writer
        taken = range(first, first + count * _SEQUENCE_STEP, _SEQUENCE_STEP)
        self._last_sequence = taken[-1]
        return taken


def _ledger_entry(organization_id: OrganizationId, segment: int, counts: Sequence[int]) -> pa.RecordBatch:
    values = [pa.array([str(organization_id)]), *(pa.array([value], pa.uint64()) for value in (segment, *counts))]
    return pa.RecordBatch.from_arrays(values, names=list(LEDGER_COLUMNS))
