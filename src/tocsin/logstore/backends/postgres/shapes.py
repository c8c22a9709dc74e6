"""Counts by shape: one statement, whose groups are then laid out over all intervals."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from tocsin.logstore.backends.postgres.connection import Row
from tocsin.logstore.backends.postgres.encoding import unescaped
from tocsin.logstore.backends.postgres.recheck import Selected
from tocsin.logstore.backends.postgres.schema import LOGS, start_of_interval
from tocsin.logstore.ports import SHAPE_COUNTS_SCHEMA


def shape_counts_sql(found: Selected, interval_nano: int) -> str:
    """The statement whose rows ``shape_counts_table`` reads: a row has the intervals in which there are logs."""
    return f"""
SELECT shape, service, severity_number, sum(rows)::bigint, min(first), max(last), array_agg(start), array_agg(rows)
FROM (
    SELECT shape, service, severity_number, {start_of_interval(interval_nano)} AS start,
    count(*) AS rows, min(timestamp) AS first, max(timestamp) AS last
    FROM {LOGS} WHERE {found.condition} GROUP BY 1, 2, 3, 4
) AS intervals
GROUP BY 1, 2, 3"""


def shape_counts_table(rows: Sequence[Row], starts: range) -> pa.Table:
    """Those rows in ``SHAPE_COUNTS_SCHEMA``, over the intervals with these starts."""
    if not rows:
        return SHAPE_COUNTS_SCHEMA.empty_table()
    shapes, services, severities, totals, firsts, lasts, interval_starts, interval_rows = zip(*rows, strict=True)
    counts = np.zeros((len(rows), len(starts)), dtype=np.uint64)
    intervals = [(start - starts.start) // starts.step for start in chain.from_iterable(interval_starts)]
    groups = np.repeat(np.arange(len(rows)), [len(each) for each in interval_starts])
    counts[groups, intervals] = list(chain.from_iterable(interval_rows))
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * len(starts)
    columns = [
        pa.array(np.array(shapes, dtype=np.int64).view(np.uint64)),
        pa.array([unescaped(service) for service in services], pa.large_string()),
        pa.array(severities, pa.uint8()),
        pa.array(totals, pa.uint64()),
        pa.array(firsts, pa.int64()),
        pa.array(lasts, pa.int64()),
        pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(counts.reshape(-1))),
    ]
    return pa.table(columns, schema=SHAPE_COUNTS_SCHEMA)
