"""The logs about which PostgreSQL can't tell whether a query matches them: decided as the memory store would.

Only those are fetched, a part at a time, and only what matches is noted, as sequence numbers in a table of the
connection's own: a question about any number of logs takes the memory of one part.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pyarrow as pa

from tocsin.logmodel.batch import logs_of
from tocsin.logstore.backends.memory.evaluate import matches
from tocsin.logstore.backends.postgres.connection import PostgresPool, Reading, Row
from tocsin.logstore.backends.postgres.encoding import stored_batch
from tocsin.logstore.backends.postgres.printer import Bounds, Printer, all_of
from tocsin.logstore.backends.postgres.schema import CONFIRMED, LOG_COLUMNS, LOGS
from tocsin.logstore.ports import Selection
from tocsin.query.tree import Node

RECHECKED_ROWS = 2_000
"""So many logs are fetched and looked at in one go."""

_COLUMNS = ", ".join(LOG_COLUMNS)


@dataclass(frozen=True, slots=True)
class Selected:
    """A selection in a read transaction: the condition that exactly its logs fulfil."""

    reading: Reading
    printer: Printer
    condition: str

    async def fetch(self, sql: str) -> list[Row]:
        """The rows of a query whose text holds the condition."""
        return await self.reading.fetch(sql, self.printer.parameters)


@asynccontextmanager
async def selected(pool: PostgresPool, selection: Selection) -> AsyncIterator[Selected]:
    """Make a selection's condition exact, for as long as the block lasts. Raises as ``translated_errors`` does."""
    printer = Printer()
    scope = printer.scope(selection.organization_id, selection.time_range)
    bounds = printer.bounds(selection.query)
    async with pool.reading(timeout_seconds=selection.timeout_seconds) as reading:
        if bounds.is_exact:
            condition = all_of([scope, bounds.may])
        else:
            await _confirm(reading, printer, selection.query, all_of([scope, bounds.may, f"NOT ({bounds.must})"]))
            confirmed = f"ingest_sequence IN (SELECT ingest_sequence FROM {CONFIRMED})"
            condition = all_of([scope, bounds.may, f"({bounds.must}) OR {confirmed}"])
        yield Selected(reading, printer, condition)


def kept(rows: list[Row], query: Node) -> pa.RecordBatch:
    """The logs that match, of rows of ``LOG_COLUMNS`` and whether that is certain, in ``STORED_LOG_SCHEMA``.

    For a thread: thousands of logs keep a processor busy for a tenth of a second and more.
    """
    batch = stored_batch([row[:-1] for row in rows])
    is_certain = [bool(row[-1]) for row in rows]
    if all(is_certain):
        return batch
    doubtful = batch.filter(pa.array([not certain for certain in is_certain]))
    decided = iter([matches(query, log) for log in logs_of(doubtful)])
    return batch.filter(pa.array([certain or next(decided) for certain in is_certain]))


async def _confirm(reading: Reading, printer: Printer, query: Node, doubtful: str) -> None:
    await reading.limit_time()
    sql = f"SELECT {_COLUMNS}, FALSE FROM {LOGS} WHERE {doubtful}"
    async with reading.connection.cursor("doubtful", binary=True) as cursor:
        await cursor.execute(sql, printer.parameters)
        while rows := await cursor.fetchmany(RECHECKED_ROWS):
            batch = await asyncio.to_thread(kept, rows, query)
            await reading.limit_time()
            await _note(reading, batch["ingest_sequence"].to_pylist())


async def _note(reading: Reading, sequences: list[int]) -> None:
    if not sequences:
        return
    async with (
        reading.connection.cursor() as cursor,
        cursor.copy(f"COPY {CONFIRMED} FROM STDIN") as copy,
    ):
        await copy.write("".join(f"{sequence}\n" for sequence in sequences))


def certainty(bounds: Bounds) -> str:
    """The last column that ``kept`` expects."""
    return "TRUE" if bounds.is_exact else f"({bounds.must})"
