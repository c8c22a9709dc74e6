"""A ClickHouse of a few rows in this process, for tests that look below the port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_SCHEMA, LogBatch
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool, embedded_client
from tocsin.logstore.backends.clickhouse.schema import LOGS, Durability, create_statements

ORGANIZATION = UUID("6f1c1d0e-3a53-4c53-9d43-0f8d2c6f3a11")


@asynccontextmanager
async def clickhouse(directory: Path) -> AsyncIterator[ClickHousePool]:
    """An open pool on fresh tables."""
    pool = ClickHousePool(lambda: embedded_client(directory), connections=2)
    await pool.open()
    try:
        await pool.execute(*create_statements(Durability(fsync=False)))
        yield pool
    finally:
        await pool.close()


async def store_rows(pool: ClickHousePool, batch: LogBatch, sequences: Sequence[int]) -> None:
    """Insert rows as they are, duplicates too."""
    names = ["organization_id", *STORED_LOG_SCHEMA.names]
    owners = pa.array([str(ORGANIZATION)] * len(batch))
    columns = [owners, *batch.rows.columns, pa.array(sequences, pa.uint64())]
    await pool.insert(LOGS, pa.RecordBatch.from_arrays(columns, names=names))
