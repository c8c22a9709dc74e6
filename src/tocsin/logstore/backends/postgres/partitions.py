"""Daily partitions, made when the first log of a day arrives."""

import numpy as np
import pyarrow as pa

from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.postgres.connection import PostgresPool
from tocsin.logstore.backends.postgres.schema import (
    LOCK_PARTITIONS,
    partition_name,
    partition_statements,
)

DAYS_A_TRANSACTION = 50
"""Each new partition holds locks on itself and its indexes until the end of the transaction that makes it."""


class Partitions:
    """Knows which days have a partition, and makes what is missing; several processes may do so at once."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._known: set[int] = set()

    async def ensure(self, batch: LogBatch) -> None:
        """Make a partition for each of the batch's days. Raises as ``translated_errors`` does."""
        timestamps = batch.rows["timestamp"].cast(pa.int64()).to_numpy()
        missing = sorted(set(np.unique(timestamps // NANOSECONDS_A_DAY).tolist()) - self._known)
        for first in range(0, len(missing), DAYS_A_TRANSACTION):
            days = missing[first : first + DAYS_A_TRANSACTION]
            await self._make(days)
            self._known.update(days)

    def forget(self) -> None:
        """Look again: a day's partition was dropped."""
        self._known.clear()

    async def _make(self, days: list[int]) -> None:
        async with self._pool.transaction() as connection:
            await connection.execute(LOCK_PARTITIONS)
            for day in days:
                found = await connection.execute("SELECT to_regclass(%(name)s)", {"name": partition_name(day)})
                if await found.fetchone() == (None,):
                    for statement in partition_statements(day):
                        await connection.execute(statement)
