"""Counts by shape and samples: a statement each, and what its answer means."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.schema import LOGS
from tocsin.logstore.ports import SHAPE_COUNTS_SCHEMA, Selection, TimeRange
from tocsin.query.tree import Everything

SAMPLED_BY = ("timestamp", "ingest_sequence", "content_hash")
"""By these a sample is ordered, and what is stored twice is found."""

SHAPE_COUNTS_SETTINGS = "group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0, "
"""Groups are merged by one thread: to divide their lists of counts among threads takes longer, 90 of 285 ms of 57,000
groups."""

_SEVERITY_BITS = 8
_SEVERITY_MASK = (1 << _SEVERITY_BITS) - 1
_UINT64_MASK = (1 << 64) - 1


def shape_counts_statement(selection: Selection, printer: Printer, starts: range) -> str:
    """The statement whose answer ``shape_counts_table`` reads; ``starts`` are the intervals, of which there are some.

    Rows are grouped by two numbers, the shape and a kind that is made of the service and the severity: that takes 40 %
    of the time of the three columns, whose service is a text. Two services of an organization would need hashes that
    agree in 56 bits to be counted as one.
    """
    nano = "toUInt64(toUnixTimestamp64Nano(timestamp))"
    # In unsigned arithmetic, which is right for each difference that 64 bits hold, whatever the signs.
    interval = f"intDiv(toUInt64({nano} - {starts.start & _UINT64_MASK}), {starts.step})"
    return f"""
SELECT shape, bitOr(bitAnd(cityHash64(service), {_UINT64_MASK ^ _SEVERITY_MASK}), severity_number) AS kind,
any(service) AS service_name, count() AS rows,
min(toUnixTimestamp64Nano(timestamp)) AS first, max(toUnixTimestamp64Nano(timestamp)) AS last,
countResample(0, {len(starts)}, 1)({interval}) AS counts
FROM {LOGS} WHERE {printer.selection(selection)}
GROUP BY shape, kind"""


def shape_counts_table(answer: pa.Table) -> pa.Table:
    """That statement's answer in ``SHAPE_COUNTS_SCHEMA``."""
    kinds: npt.NDArray[np.uint64] = answer["kind"].to_numpy()
    severities = pa.array((kinds & np.uint64(_SEVERITY_MASK)).astype(np.uint8))
    columns = [
        answer["shape"],
        answer["service_name"],
        severities,
        *(answer[name] for name in ("rows", "first", "last", "counts")),
    ]
    cast = [column.cast(field.type) for column, field in zip(columns, SHAPE_COUNTS_SCHEMA, strict=True)]
    return pa.table(cast, schema=SHAPE_COUNTS_SCHEMA)


def sample_statement(
    selection: Selection,
    parts: Sequence[TimeRange],
    printer: Printer,
    columns: Sequence[str],
    *,
    rows: int,
    once: bool,
) -> str:
    """The statement whose answer is the first ``rows`` matching logs of each of these parts, oldest first.

    Each part is read in the order of the primary key, up to its last row. ``once`` leaves out what is stored twice, at
    several times the cost. ``columns`` have those of ``SAMPLED_BY`` among them.
    """
    wanted = ", ".join(columns)
    is_limited = not isinstance(selection.query, Everything)
    # Once in the text, however many parts there are: a query may name thousands of shapes.
    matching = f"WITH {printer.condition(selection.query)} AS matching\n" if is_limited else ""
    selects = [
        f"(SELECT {wanted} FROM {LOGS}"
        f" WHERE {printer.scope(selection.organization_id, part)}{' AND matching' if is_limited else ''}"
        f" ORDER BY timestamp, ingest_sequence{' LIMIT 1 BY timestamp, content_hash' if once else ''} LIMIT {rows:d})"
        for part in parts
    ]
    union = "\nUNION ALL\n".join(selects)
    return f"{matching}SELECT {wanted} FROM (\n{union}\n) ORDER BY timestamp, ingest_sequence"
