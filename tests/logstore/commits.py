"""Commits of a few rows, in the forms that the write-ahead log and the journal take them in."""

from collections.abc import Sequence

import pyarrow as pa

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.wal import WAL_SCHEMA, FrameHeader, LedgerEntry, encode_rows

ORGANIZATION = "6f1c1d0e-3a53-4c53-9d43-0f8d2c6f3a11"
OTHER_ORGANIZATION = "a0c5b2f4-9a43-4a07-8a87-5a8d3b3e9d22"

SECOND = 1_000_000_000


def numbered_logs(numbers: Sequence[int]) -> LogBatch:
    """Logs that differ by their number, a second apart."""
    return log_batch([{"timestamp": NOON_UNIX_NANO + each * SECOND, "message": f"log {each}"} for each in numbers])


def commit(first_sequence: int, messages: Sequence[str]) -> tuple[FrameHeader, bytes | memoryview]:
    """A commit of logs with these messages."""
    ledger = LedgerEntry(
        organization_id=ORGANIZATION, received=len(messages) + 3, stored=len(messages), duplicates=2, dead_letters=1
    )
    header = FrameHeader(first_sequence=first_sequence, rows=len(messages), ledger=[ledger])
    if not messages:
        return header, b""
    batch = log_batch([{"message": message} for message in messages]).rows
    owners = pa.array([ORGANIZATION] * len(messages), pa.large_string())
    sequences = pa.array(range(first_sequence, first_sequence + len(messages)), pa.uint64())
    return header, encode_rows(pa.RecordBatch.from_arrays([owners, *batch.columns, sequences], schema=WAL_SCHEMA))
