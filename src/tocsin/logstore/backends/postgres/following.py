"""Reading on from a position: what was stored after a sequence number, in the order of its commits.

A number is taken under the lock of its organization's ledger, which is held until the commit can be seen. So when a
log can be seen, all with smaller numbers can, and nothing needs to be held back.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logstore.backends.postgres.connection import Reading, Row
from tocsin.logstore.backends.postgres.encoding import signed, stored_batch, unescaped, unsigned
from tocsin.logstore.backends.postgres.printer import NEVER, Printer
from tocsin.logstore.backends.postgres.schema import DAYS, LEDGERS, LOG_COLUMNS, LOGS, start_of_interval
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, EarliestMessage, OrganizationId, SeenShape, TimeRange

_LARGEST_SEQUENCE = 2**63 - 1
_SMALLEST_TIME = -(2**63)


async def last_sequence(reading: Reading, organization_id: OrganizationId) -> int:
    """The largest number of the organization's logs, 0 where there are none."""
    sql = f"SELECT last_sequence FROM {LEDGERS} WHERE organization_id = %(organization)s::uuid"
    rows = await reading.fetch(sql, {"organization": str(organization_id)})
    return int(rows[0][0]) if rows else 0


async def read_after(
    reading: Reading, organization_id: OrganizationId, ingest_sequence: int, *, limit: int
) -> pa.RecordBatch:
    """The next logs after this number; both statements see the same state of the store."""
    printer = Printer()
    news = await _after(reading, printer, organization_id, ingest_sequence)
    sql = f"""
SELECT {", ".join(LOG_COLUMNS)} FROM {LOGS} WHERE {news}
ORDER BY ingest_sequence LIMIT {limit:d}"""
    return stored_batch([] if news == NEVER else await reading.fetch(sql, printer.parameters))


async def shapes_after(
    reading: Reading, organization_id: OrganizationId, ingest_sequence: int, *, up_to: int
) -> list[SeenShape]:
    """The shapes of the logs between these numbers."""
    printer = Printer()
    news = await _after(reading, printer, organization_id, ingest_sequence)
    sql = f"""
SELECT shape, count(*), min(timestamp) FROM {LOGS}
WHERE {news} AND ingest_sequence <= {printer.bind(min(up_to, _LARGEST_SEQUENCE))}
GROUP BY shape"""
    return [SeenShape(unsigned(shape), *rest) for shape, *rest in await reading.fetch(sql, printer.parameters)]


async def counts_after(
    reading: Reading,
    organization_id: OrganizationId,
    ingest_sequence: int,
    *,
    up_to: int,
    interval_nano: int,
    max_age_nano: int,
) -> Sequence[Row]:
    """The rows of ``recent_counts_table``, of the logs between these numbers."""
    printer = Printer()
    news = await _after(reading, printer, organization_id, ingest_sequence)
    # A time that no log of this age can have; what is subtracted from it still fits into 64 bits.
    oldest = f"greatest(observed_timestamp, {_SMALLEST_TIME + max_age_nano:d}) - {max_age_nano:d}"
    sql = f"""
SELECT shape, service, severity_number, {start_of_interval(interval_nano)}, count(*) FROM {LOGS}
WHERE {news} AND ingest_sequence <= {printer.bind(min(up_to, _LARGEST_SEQUENCE))} AND timestamp >= {oldest}
GROUP BY 1, 2, 3, 4"""
    return await reading.fetch(sql, printer.parameters)


def recent_counts_table(rows: Sequence[Row]) -> pa.Table:
    """Those rows in ``RECENT_COUNTS_SCHEMA``."""
    if not rows:
        return RECENT_COUNTS_SCHEMA.empty_table()
    shapes, services, severities, starts, counts = zip(*rows, strict=True)
    columns = [
        pa.array(np.array(shapes, dtype=np.int64).view(np.uint64)),
        pa.array([unescaped(service) for service in services], pa.large_string()),
        pa.array(severities, pa.uint8()),
        pa.array(starts, pa.int64()),
        pa.array(counts, pa.uint64()),
    ]
    return pa.table(columns, schema=RECENT_COUNTS_SCHEMA)


async def earliest_messages(
    reading: Reading, organization_id: OrganizationId, shapes: Collection[int], *, after: int, up_to: int
) -> list[EarliestMessage]:
    """The earliest log of each of these shapes between these numbers; messages are read once it is known."""
    printer = Printer()
    news = await _after(reading, printer, organization_id, after)
    # Hashes are unsigned numbers, kept as signed ones: those below zero are the largest.
    sql = f"""
SELECT earliest.shape, timestamp, message FROM (
    SELECT DISTINCT ON (shape) shape, timestamp, content_hash FROM {LOGS}
    WHERE {news} AND ingest_sequence <= {printer.bind(min(up_to, _LARGEST_SEQUENCE))}
    AND shape = ANY({printer.bind([signed(shape) for shape in shapes])}::bigint[])
    ORDER BY shape, timestamp, content_hash < 0, content_hash
) AS earliest JOIN {LOGS} USING (timestamp, content_hash)
WHERE organization_id = {printer.bind(str(organization_id))}::uuid"""
    rows = await reading.fetch(sql, printer.parameters)
    return [EarliestMessage(unsigned(shape), timestamp, unescaped(message)) for shape, timestamp, message in rows]


async def _after(reading: Reading, printer: Printer, organization_id: OrganizationId, ingest_sequence: int) -> str:
    """The condition for the organization's logs after this number, on the days that have some."""
    days = await _days_with_news(reading, organization_id, ingest_sequence)
    if not days:
        return NEVER
    scopes = [f"({printer.scope(organization_id, each)})" for each in _ranges(days)]
    return f"({' OR '.join(scopes)}) AND ingest_sequence > {printer.bind(ingest_sequence)}"


async def _days_with_news(reading: Reading, organization_id: OrganizationId, ingest_sequence: int) -> list[int]:
    sql = f"""
SELECT day FROM {DAYS} WHERE organization_id = %(organization)s::uuid AND last_sequence > %(after)s ORDER BY day"""
    rows = await reading.fetch(sql, {"organization": str(organization_id), "after": ingest_sequence})
    return [int(day) for (day,) in rows]


def _ranges(days: list[int]) -> list[TimeRange]:
    """The days as time ranges, neighbours joined; ``days`` are ascending."""
    ranges: list[TimeRange] = []
    for day in days:
        start, end = day * NANOSECONDS_A_DAY, (day + 1) * NANOSECONDS_A_DAY
        if ranges and ranges[-1].end_unix_nano == start:
            start = ranges.pop().start_unix_nano
        ranges.append(TimeRange(start, end))
    return ranges
