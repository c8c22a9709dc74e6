"""Reading on from a position: what was stored after a sequence number, in the order of its commits.

A number is taken under the lock of its organization's ledger, which is held until the commit can be seen. So when a
log can be seen, all with smaller numbers can, and nothing needs to be held back.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import pyarrow as pa

from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logstore.backends.postgres.connection import Reading
from tocsin.logstore.backends.postgres.encoding import stored_batch
from tocsin.logstore.backends.postgres.printer import Printer
from tocsin.logstore.backends.postgres.schema import DAYS, LEDGERS, LOG_COLUMNS, LOGS
from tocsin.logstore.ports import OrganizationId, TimeRange


async def last_sequence(reading: Reading, organization_id: OrganizationId) -> int:
    """The largest number of the organization's logs, 0 where there are none."""
    sql = f"SELECT last_sequence FROM {LEDGERS} WHERE organization_id = %(organization)s::uuid"
    rows = await reading.fetch(sql, {"organization": str(organization_id)})
    return int(rows[0][0]) if rows else 0


async def read_after(
    reading: Reading, organization_id: OrganizationId, ingest_sequence: int, *, limit: int
) -> pa.RecordBatch:
    """The next logs after this number; both statements see the same state of the store."""
    days = await _days_with_news(reading, organization_id, ingest_sequence)
    if not days:
        return stored_batch([])
    printer = Printer()
    scopes = [f"({printer.scope(organization_id, each)})" for each in _ranges(days)]
    sql = f"""
SELECT {", ".join(LOG_COLUMNS)} FROM {LOGS}
WHERE ({" OR ".join(scopes)}) AND ingest_sequence > {printer.bind(ingest_sequence)}
ORDER BY ingest_sequence LIMIT {limit:d}"""
    return stored_batch(await reading.fetch(sql, printer.parameters))


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
