"""Stored logs → what ``calls`` wants to know of each: whose it is, when its work began and ended, who asked for it."""

import polars as pl
import pyarrow as pa

from tocsin.logmodel.levels import SEVERITY_RANGES, Level

COLUMNS = ("timestamp", "service", "severity_number", "trace_id", "span_id", "message", "metadata")
"""Of a stored log, what is read here."""

LONGEST_NANO = 10 * 60 * 10**9
"""What took longer did not begin so early: it was no request, or the number is none of a duration."""

_UNITS = {"ns": 1.0, "us": 1e3, "\u00b5s": 1e3, "ms": 1e6, "millis": 1e6, "milliseconds": 1e6, "s": 1e9, "seconds": 1e9}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"

# "dur=2.8ms", "took 41 ms", "in 178.0 ms", "(6.4 ms)".
_IN_MESSAGE = rf"(?:\b(?:dur|duration|elapsed|took|latency|time|in|after)(?:_ms|_s)?[ =:\"(]+|\(){_NUMBER} ?({_UNIT})\b"
# "rt=0.018", "request_time=0.018": web servers write seconds.
_SECONDS_IN_MESSAGE = r"\b(?:rt|request_time|response_time|duration|elapsed)[=:\"]+([0-9]+\.[0-9]+)(?:[ \",]|$)"
# "duration_ms":41, "http.server.request.duration_seconds":0.041.
_IN_METADATA = rf"(?:duration|elapsed|latency|took|response_time)[._]?({_UNIT})\":\"?{_NUMBER}"

# A quote inside a JSON text is escaped, so what follows a brace or a comma is a key.
_PARENT = (
    r"[{,]\"(?:parent_span_id|parentSpanId|parent_id|parentId|parent\.id|span\.parent_id|parent\.span_id)"
    r"\":\"([0-9A-Za-z]+)\""
)
_NO_PARENT = r"^0*$"


def span_logs(stored: pa.Table) -> pl.DataFrame:
    """The logs that have a trace: ``trace_id, span_id, parent_span_id, service, timestamp, began, is_error``.

    Moments are nanoseconds since 1970; ``began`` is when that began whose end the log tells, by the duration that it
    names, else its timestamp. Ids are in hexadecimal; empty ones are none.

    Args:
        stored: ``COLUMNS`` of ``STORED_LOG_SCHEMA``.
    """
    logs = pl.DataFrame(pl.from_arrow(stored.select(list(COLUMNS)))).filter(pl.col("trace_id") != b"")
    duration = pl.coalesce(
        _nano(pl.col("message"), _IN_MESSAGE, number=1, unit=2),
        pl.col("message").str.extract(_SECONDS_IN_MESSAGE).cast(pl.Float64) * 1e9,
        _nano(pl.col("metadata"), _IN_METADATA, number=2, unit=1),
        pl.lit(0.0),
    )
    timestamp = pl.col("timestamp").cast(pl.Int64)
    return logs.select(
        pl.col("trace_id", "span_id").bin.encode("hex"),
        parent_span_id=_parent(pl.col("metadata")),
        service=pl.col("service"),
        timestamp=timestamp,
        began=timestamp - pl.when(duration <= LONGEST_NANO).then(duration).otherwise(0.0).cast(pl.Int64),
        is_error=pl.col("severity_number") >= SEVERITY_RANGES[Level.ERROR][0],
    )


def _nano(text: pl.Expr, pattern: str, *, number: int, unit: int) -> pl.Expr:
    factor = text.str.extract(pattern, unit).replace_strict(_UNITS, default=None, return_dtype=pl.Float64)
    return text.str.extract(pattern, number).cast(pl.Float64) * factor


def _parent(metadata: pl.Expr) -> pl.Expr:
    parent = metadata.str.extract(_PARENT).str.to_lowercase().fill_null("")
    return pl.when(parent.str.contains(_NO_PARENT)).then(pl.lit("")).otherwise(parent)
