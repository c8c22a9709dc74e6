"""What ``/v1/logs`` answers, and how stored rows become it.

A page may have thousands of logs, so rows are converted a column at a time, and metadata, which is stored as
canonical JSON, goes into the answer as it is.
"""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, log_id, unpack_hex_id
from tocsin.logmodel.levels import Level, level_of
from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import canonical
from tocsin.search.contracts import CountedLogs, Histogram, LogsPage, TopShapes

_COLUMNS_READ_AS_THEY_ARE = (
    "content_hash",
    "severity_number",
    "service",
    "message",
    "metadata",
    "trace_id",
    "span_id",
    "shape",
    "ingest_sequence",
)

Metadata = dict[str, str | int | float | bool | None]


class LogResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One log."""

    id: UUID
    timestamp: str
    observed_timestamp: str
    level: Level
    severity_number: int
    service: str
    message: str
    metadata: Metadata
    trace_id: str
    span_id: str
    shape: str
    ingest_sequence: str


class LogsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A page of logs; ``next_cursor`` asks for the page after it, null on the last one."""

    logs: list[LogResponse]
    next_cursor: str | None
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class BucketResponse(msgspec.Struct, frozen=True):
    """How many logs one interval has, in all and by level; levels without any are left out."""

    start: str
    count: int
    levels: dict[Level, int]


class HistogramResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over time, in buckets that follow each other without a gap."""

    interval_seconds: int
    total: int
    buckets: list[BucketResponse]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class CountResponse(msgspec.Struct, frozen=True, kw_only=True):
    """How many logs match."""

    count: int
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class ShapeResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A shape: its template, how many logs have it, and one of them."""

    shape: str
    template: str
    count: int
    exemplar: LogResponse


class ShapesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The shapes with the most logs, most first."""

    shapes: list[ShapeResponse]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


def rfc3339(unix_nano: int) -> str:
    """The moment with nine digits, in UTC."""
    return _rfc3339_texts([unix_nano])[0]


def log_response(log: Log) -> LogResponse:
    """One record as it is answered."""
    return LogResponse(
        id=log.id,
        timestamp=rfc3339(log.timestamp_unix_nano),
        observed_timestamp=rfc3339(log.observed_timestamp_unix_nano),
        level=log.level,
        severity_number=log.severity_number,
        service=log.service,
        message=log.message,
        metadata=_as_it_is(canonical(log.metadata)),
        trace_id=log.trace_id,
        span_id=log.span_id,
        shape=_shape_text(log.shape),
        ingest_sequence=str(log.ingest_sequence),
    )


def logs_response(page: LogsPage, *, took_ms: float) -> LogsResponse:
    """A page as it is answered."""
    return LogsResponse(
        logs=log_responses(page.rows),
        next_cursor=page.next_cursor,
        from_=rfc3339(page.time_range.start_unix_nano),
        to=rfc3339(page.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def encoded_logs(rows: pa.RecordBatch) -> list[bytes]:
    """Each row of a batch in ``STORED_LOG_SCHEMA`` as the JSON of one log."""
    return [msgspec.json.encode(log) for log in log_responses(pa.Table.from_batches([rows]))]


def histogram_response(histogram: Histogram, *, took_ms: float) -> HistogramResponse:
    """A histogram as it is answered."""
    starts = _rfc3339_texts([bucket.start_unix_nano for bucket in histogram.buckets])
    return HistogramResponse(
        interval_seconds=histogram.interval_nano // NANOSECONDS_A_SECOND,
        total=histogram.total,
        buckets=[
            BucketResponse(start, bucket.count, bucket.levels)
            for start, bucket in zip(starts, histogram.buckets, strict=True)
        ],
        from_=rfc3339(histogram.time_range.start_unix_nano),
        to=rfc3339(histogram.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def count_response(counted: CountedLogs, *, took_ms: float) -> CountResponse:
    """A count as it is answered."""
    return CountResponse(
        count=counted.count,
        from_=rfc3339(counted.time_range.start_unix_nano),
        to=rfc3339(counted.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def shapes_response(top: TopShapes, *, took_ms: float) -> ShapesResponse:
    """Shapes as they are answered."""
    return ShapesResponse(
        shapes=[
            ShapeResponse(
                shape=_shape_text(shape.shape),
                template=shape.template,
                count=shape.count,
                exemplar=log_response(shape.exemplar),
            )
            for shape in top.shapes
        ],
        from_=rfc3339(top.time_range.start_unix_nano),
        to=rfc3339(top.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def log_responses(rows: pa.Table) -> list[LogResponse]:
    """Rows in ``STORED_LOG_SCHEMA`` as they are answered."""
    columns: dict[str, list[Any]] = {name: rows[name].to_pylist() for name in _COLUMNS_READ_AS_THEY_ARE}
    timestamps = rows["timestamp"].cast(pa.int64()).to_pylist()
    timestamp_texts = _rfc3339_texts(timestamps)
    observed_texts = _rfc3339_texts(rows["observed_timestamp"].cast(pa.int64()).to_pylist())
    return [
        LogResponse(
            id=log_id(unix_nano, columns["content_hash"][row]),
            timestamp=timestamp_texts[row],
            observed_timestamp=observed_texts[row],
            level=level_of(columns["severity_number"][row]),
            severity_number=columns["severity_number"][row],
            service=columns["service"][row],
            message=columns["message"][row],
            metadata=_as_it_is(columns["metadata"][row]),
            trace_id=unpack_hex_id(columns["trace_id"][row], width_bytes=TRACE_ID_BYTES),
            span_id=unpack_hex_id(columns["span_id"][row], width_bytes=SPAN_ID_BYTES),
            shape=_shape_text(columns["shape"][row]),
            ingest_sequence=str(columns["ingest_sequence"][row]),
        )
        for row, unix_nano in enumerate(timestamps)
    ]


def _rfc3339_texts(unix_nano: Sequence[int]) -> list[str]:
    texts = np.datetime_as_string(np.array(unix_nano, dtype="M8[ns]"), unit="ns")
    return [f"{text}Z" for text in texts.tolist()]


def _as_it_is(canonical_json: str) -> Metadata:
    """Metadata that is written into the answer without being read."""
    # msgspec.Raw has no type of its own in the answer's schema; the encoder takes it wherever a value may stand.
    return cast(Metadata, msgspec.Raw(canonical_json.encode()))


def _shape_text(shape: int) -> str:
    return f"{shape:016x}"
