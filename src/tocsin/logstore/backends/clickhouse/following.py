"""Reads in the order of ``ingest_sequence``: for consumers that follow an organization's logs from a position."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import asyncio

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.probe import Keys, first_of_each, keys_of, probes
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.clickhouse.schema import LOG_COLUMNS, LOGS
from tocsin.logstore.ports import OrganizationId

_COLUMNS = ", ".join(LOG_COLUMNS)
_LARGEST_SEQUENCE = 2**64 - 1
_TIMEOUT_SECONDS = 30.0


async def largest_sequence(
    reader: ClickHouseReader, organization_id: OrganizationId, *, up_to: int = _LARGEST_SEQUENCE
) -> int:
    """The largest number of the organization's rows, of those up to ``up_to``; 0 where there are none."""
    printer = Printer()
    sql = f"""
SELECT max(ingest_sequence) AS largest FROM {LOGS}
WHERE organization_id = {printer.bind(str(organization_id))} AND ingest_sequence <= {printer.bind(up_to)}"""
    table = await reader.fetch(sql, printer, timeout_seconds=_TIMEOUT_SECONDS)
    return int(table["largest"][0].as_py())


async def rows_between(
    reader: ClickHouseReader, organization_id: OrganizationId, after: int, up_to: int, *, limit: int
) -> pa.RecordBatch:
    """The first rows with ``after < ingest_sequence <= up_to``, in that order, in ``STORED_LOG_SCHEMA``.

    Rows stand in the order of time, so the numbers alone are sorted first: the other columns are read of the blocks
    that hold the rows, and not of all that follow.
    """
    printer = Printer()
    owned = f"organization_id = {printer.bind(str(organization_id))} AND ingest_sequence > {printer.bind(after)}"
    numbers = (
        f"SELECT ingest_sequence FROM {LOGS} WHERE {owned} AND ingest_sequence <= {printer.bind(up_to)} "
        f"ORDER BY ingest_sequence LIMIT {limit:d}"
    )
    sql = f"""
SELECT {_COLUMNS} FROM {LOGS} WHERE {owned} AND ingest_sequence <= (SELECT max(ingest_sequence) FROM ({numbers}))
ORDER BY ingest_sequence"""
    return await reader.fetch_logs(sql, printer, timeout_seconds=_TIMEOUT_SECONDS)


async def without_repetitions(
    reader: ClickHouseReader, organization_id: OrganizationId, rows: pa.RecordBatch
) -> pa.RecordBatch:
    """The rows without those that another writer had stored before, with a smaller sequence."""
    if not rows.num_rows:
        return rows
    keys, sequences = _keys_and_sequences(rows)
    columns = "timestamp, content_hash, ingest_sequence"
    answers = await asyncio.gather(
        *(
            reader.fetch(sql, printer, timeout_seconds=_TIMEOUT_SECONDS)
            for sql, printer in probes(organization_id, keys, columns=columns)
        )
    )
    stored_keys, stored_sequences = _keys_and_sequences(pa.concat_tables(answers))
    by_sequence = np.argsort(stored_sequences)
    firsts = by_sequence[first_of_each(stored_keys[by_sequence])]
    is_first = np.isin(sequences, stored_sequences[firsts])
    return rows if is_first.all() else rows.filter(pa.array(is_first))


def _keys_and_sequences(rows: pa.RecordBatch | pa.Table) -> tuple[Keys, npt.NDArray[np.uint64]]:
    timestamps = rows["timestamp"].cast(pa.int64()).to_numpy()
    return keys_of(timestamps, rows["content_hash"].to_numpy()), rows["ingest_sequence"].to_numpy()
