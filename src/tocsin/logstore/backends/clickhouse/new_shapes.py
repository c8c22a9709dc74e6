"""Which shapes came in after a position, how often, and when first: from the tables and from recent commits."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from collections.abc import Collection, Iterable, Mapping

import polars as pl
import polars.selectors as cs
import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.backends.clickhouse.schema import LOGS
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, EarliestMessage, OrganizationId, SeenShape

MAX_SHAPES = 8_000
"""Shapes that a statement names: at 21 bytes each it stays below ClickHouse's limit of 256 KiB of text."""

CATCHING_UP_TIMEOUT_SECONDS = 300.0
"""These questions are about all logs after a position, which may be all that there are."""

_SEEN_SCHEMA = {"shape": pl.UInt64, "rows": pl.UInt64, "first": pl.Int64}
_COUNTS_SCHEMA = {
    "shape": pl.UInt64,
    "service": pl.String,
    "severity_number": pl.UInt8,
    "start": pl.Int64,
    "count": pl.UInt64,
}
_COUNTED_BY = ("shape", "service", "severity_number", "start")
_SMALLEST_TIME = -(2**63)
_EARLIEST_SCHEMA = {"shape": pl.UInt64, "timestamp": pl.Int64, "content_hash": pl.UInt64, "message": pl.String}


async def stored_shapes(
    reader: ClickHouseReader, organization_id: OrganizationId, after: int, up_to: int
) -> pl.DataFrame:
    """The shapes of the stored rows with ``after < ingest_sequence <= up_to``, for ``seen_shapes``."""
    printer = Printer()
    sql = f"""
SELECT shape, count() AS rows, min(toUnixTimestamp64Nano(timestamp)) AS first
FROM {LOGS} WHERE {_between(printer, organization_id, after, up_to)} GROUP BY shape"""
    return _frame(await reader.fetch(sql, printer, timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS), _SEEN_SCHEMA)


def recent_shapes(batches: Iterable[pa.RecordBatch], up_to: int) -> pl.DataFrame:
    """The shapes of the rows of recent commits up to this sequence, for ``seen_shapes``."""
    rows = _recent(batches, up_to, ["shape", "timestamp"])
    counted = (pl.len().cast(pl.UInt64).alias("rows"), pl.col("timestamp").min().alias("first"))
    return rows.group_by("shape").agg(*counted)


def seen_shapes(frames: Iterable[pl.DataFrame]) -> list[SeenShape]:
    """What these found, together."""
    found = pl.concat(frames).group_by("shape").agg(pl.col("rows").sum(), pl.col("first").min())
    return [SeenShape(*row) for row in found.iter_rows()]


async def stored_counts(
    reader: ClickHouseReader,
    organization_id: OrganizationId,
    after: int,
    up_to: int,
    *,
    interval_nano: int,
    max_age_nano: int,
) -> pl.DataFrame:
    """The counts of the stored rows with ``after < ingest_sequence <= up_to``, for ``recent_counts_table``."""
    printer = Printer()
    time, observed = (f"toUnixTimestamp64Nano({each})" for each in ("timestamp", "observed_timestamp"))
    # A time that no log of this age can have; what is subtracted from it still fits into 64 bits.
    oldest = f"greatest({observed}, {_SMALLEST_TIME + max_age_nano:d}) - {max_age_nano:d}"
    sql = f"""
SELECT shape, service, severity_number, {time} - positiveModulo({time}, {interval_nano:d}) AS start, count() AS count
FROM {LOGS} WHERE {_between(printer, organization_id, after, up_to)} AND {time} >= {oldest}
GROUP BY {", ".join(_COUNTED_BY)}"""
    return _frame(await reader.fetch(sql, printer, timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS), _COUNTS_SCHEMA)


def recent_counts(
    batches: Iterable[pa.RecordBatch], up_to: int, *, interval_nano: int, max_age_nano: int
) -> pl.DataFrame:
    """The counts of the rows of recent commits up to this sequence, for ``recent_counts_table``."""
    time, observed = pl.col("timestamp"), pl.col("observed_timestamp")
    columns = ["shape", "service", "severity_number", "timestamp", "observed_timestamp"]
    rows = _recent(batches, up_to, columns).filter(
        time >= observed.clip(lower_bound=_SMALLEST_TIME + max_age_nano) - max_age_nano
    )
    start = (time - time % interval_nano).alias("start")
    return rows.with_columns(start).group_by(_COUNTED_BY).agg(pl.len().cast(pl.UInt64).alias("count"))


def recent_counts_table(frames: Iterable[pl.DataFrame]) -> pa.Table:
    """What these found, together, in ``RECENT_COUNTS_SCHEMA``."""
    found = pl.concat(frames).group_by(_COUNTED_BY).agg(pl.col("count").sum())
    return found.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(RECENT_COUNTS_SCHEMA)


async def stored_earliest(
    reader: ClickHouseReader, organization_id: OrganizationId, shapes: Collection[int], after: int, up_to: int
) -> pl.DataFrame:
    """The earliest stored row of each of these shapes with ``after < ingest_sequence <= up_to``, for ``earliest``.

    Times are found first, in the narrow columns; the messages are then read of those moments alone.
    """
    if not shapes:
        return pl.DataFrame(schema=_EARLIEST_SCHEMA)
    printer = Printer()
    between = _between(printer, organization_id, after, up_to)
    # One read for all shapes that there are takes less than several for those that are wanted.
    wanted = f" AND shape IN ({', '.join(map(str, shapes))})" if len(shapes) <= MAX_SHAPES else ""
    sql = f"""
SELECT shape, timestamp, content_hash, message FROM {LOGS}
WHERE {between} AND (timestamp, shape) IN (
SELECT min(timestamp), shape FROM {LOGS} WHERE {between}{wanted} GROUP BY shape)
ORDER BY content_hash LIMIT 1 BY shape"""
    found = _frame(await reader.fetch(sql, printer, timeout_seconds=CATCHING_UP_TIMEOUT_SECONDS), _EARLIEST_SCHEMA)
    return _with_shapes(found, shapes)


def recent_earliest(batches: Iterable[pa.RecordBatch], shapes: Collection[int], up_to: int) -> pl.DataFrame:
    """The rows with these shapes of recent commits up to this sequence, for ``earliest``."""
    rows = _recent(batches, up_to, list(_EARLIEST_SCHEMA))
    return _with_shapes(rows, shapes)


def earliest(frames: Iterable[pl.DataFrame]) -> list[EarliestMessage]:
    """The earliest of what these found, for each shape."""
    found = pl.concat(frames).sort("timestamp", "content_hash").unique("shape", keep="first")
    return [EarliestMessage(*row) for row in found.select("shape", "timestamp", "message").iter_rows()]


def _between(printer: Printer, organization_id: OrganizationId, after: int, up_to: int) -> str:
    return (
        f"organization_id = {printer.bind(str(organization_id))}"
        f" AND ingest_sequence > {printer.bind(after)} AND ingest_sequence <= {printer.bind(up_to)}"
    )


def _with_shapes(rows: pl.DataFrame, shapes: Collection[int]) -> pl.DataFrame:
    return rows.filter(pl.col("shape").is_in(pl.Series(list(shapes), dtype=pl.UInt64).implode()))


def _recent(batches: Iterable[pa.RecordBatch], up_to: int, columns: Collection[str]) -> pl.DataFrame:
    """These columns of the rows up to this sequence, times as numbers."""
    rows = pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA).select([*columns, "ingest_sequence"])
    frame = pl.DataFrame(pl.from_arrow(rows)).filter(pl.col("ingest_sequence") <= up_to)
    return frame.select(columns).cast({cs.datetime(): pl.Int64})


def _frame(answer: pa.Table, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """An answer whose texts are bytes, as a frame with these names and types."""
    return pl.DataFrame(pl.from_arrow(answer)).select(pl.col(name).cast(kind) for name, kind in schema.items())
