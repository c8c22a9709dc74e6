"""Logs of traces → what traces look like in that time: steps, calls, and the time between lines. Pure, on columns.

Two profiles can be compared: what happens more often now, what is missing, what takes longer.
"""

from dataclasses import dataclass

import polars as pl

EDGE = ""
"""Stands for the event before a span's first and after its last."""

JITTER_MILLISECONDS = 2.0
"""Added to a gap before its logarithm: differences well below it mean nothing. More of it hides slower fast steps."""

AGAIN = " (again)"
"""Added to an event that its span had before: a loop that ends after its first round differs from one that goes on."""

LONGEST_TRACE_LINES = 5_000
"""Traces with more lines are left out: the cost of a trace grows with the square of its spans."""

_SPAN = ("trace_id", "span_id", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceProfile:
    """What traces look like; all counts are of traces, so that a loop counts once. Sorted, so that it is deterministic.

    The service "" stands for whoever began a trace: it has one step for each kind of trace, named by its first event.
    """

    #: ``service, event, traces``: in how many traces a service came by an event. ``EDGE`` is the begin of a span.
    reached: pl.DataFrame
    #: ``service, event, next_event, traces``: what a span logged next.
    steps: pl.DataFrame
    #: ``service, event, next_event, callee, traces``: whom it called between two events.
    calls: pl.DataFrame
    #: ``before_service, before_event, service, event, count, mean, variance``: the logarithm of the milliseconds
    #: between two lines that follow each other in a trace, whoever wrote them.
    gaps: pl.DataFrame


def profile_of(logs: pl.DataFrame) -> TraceProfile:
    """The profile of the traces that some logs show; logs without a trace are left out.

    Args:
        logs: ``trace_id, span_id, service, event`` as text, where the event says what was logged, without its
            variables: a pattern or a call site, never ""; and ``timestamp`` as Int64, nanoseconds since 1970. Of equal
            times the given order counts.

    Cost: the square of the spans of a trace; 9 µs a line where a trace has 12 spans and 40 lines.
    """
    lines = _in_order(logs)
    gaps = _gaps(lines)
    lines = lines.with_columns(event=pl.concat_str("event", _again()))
    spans = _spans(lines)
    following = lines.select(
        "line",
        "trace_id",
        "service",
        "event",
        next_event=pl.col("event").shift(-1).over(_SPAN).fill_null(EDGE),
    )
    begun = spans.select("trace_id", "service", event=pl.lit(EDGE), next_event="first_event")
    kinds = _kinds(lines)
    steps = pl.concat([following.drop("line"), begun, kinds])
    return TraceProfile(
        reached=_traces(steps, "service", "event"),
        steps=_traces(steps, "service", "event", "next_event"),
        calls=_traces(_calls(lines, spans, following, kinds), "service", "event", "next_event", "callee"),
        gaps=gaps,
    )


def _again() -> pl.Expr:
    before = pl.col("event").cum_count().over(*_SPAN, "event") > 1
    return pl.when(before).then(pl.lit(AGAIN)).otherwise(pl.lit(""))


def _in_order(logs: pl.DataFrame) -> pl.DataFrame:
    return (
        logs.lazy()
        .filter(pl.col("trace_id") != "", pl.len().over("trace_id") <= LONGEST_TRACE_LINES)
        .select(*_SPAN, "event", "timestamp")
        .sort("trace_id", "timestamp", maintain_order=True)
        .with_row_index("line")
        .collect()
    )


def _spans(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        lines.group_by(_SPAN, maintain_order=True)
        .agg(
            first_event=pl.col("event").first(),
            start=pl.col("timestamp").first(),
            end=pl.col("timestamp").last(),
        )
        .with_columns(length=pl.col("end") - pl.col("start"))
        .with_row_index("span")
    )


def _kinds(lines: pl.DataFrame) -> pl.DataFrame:
    """One step of nobody for each trace; its event says which service and event the trace begins with."""
    return lines.unique("trace_id", keep="first", maintain_order=True).select(
        "trace_id",
        service=pl.lit(""),
        event=pl.concat_str("service", "event", separator=" "),
        next_event=pl.lit(EDGE),
    )


def _calls(lines: pl.DataFrame, spans: pl.DataFrame, following: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    """Each span as a call from the step of its caller in which it began; from nobody where none encloses it."""
    callers = _callers(spans)
    caller_lines = lines.join(spans.select(*_SPAN, "span"), on=_SPAN).select("line", "timestamp", caller="span")
    called = callers.sort("start").join_asof(
        caller_lines.sort("timestamp", "line"),
        left_on="start",
        right_on="timestamp",
        by="caller",
        check_sortedness=False,
    )
    inside = called.select("line", callee="service").join(following, on="line")
    outermost = spans.join(callers.select("span"), on="span", how="anti").select("trace_id", callee="service")
    return pl.concat([inside.drop("line"), outermost.join(kinds, on="trace_id")], how="diagonal")


def _callers(spans: pl.DataFrame) -> pl.DataFrame:
    """The shortest longer span of the trace that encloses each, where there is one.

    Without slack for clocks: services that are called one after the other within milliseconds would enclose each other.
    """
    pairs = spans.select("trace_id", "span", "service", "start", "end", "length").join(
        spans.select("trace_id", caller="span", caller_start="start", caller_end="end", caller_length="length"),
        on="trace_id",
    )
    return (
        pairs.filter(
            pl.col("caller_length") > pl.col("length"),
            pl.col("caller_start") <= pl.col("start"),
            pl.col("caller_end") >= pl.col("end"),
        )
        .sort("span", "caller_length", "caller")
        .unique("span", keep="first", maintain_order=True)
        .select("span", "service", "start", "caller")
    )


def _traces(rows: pl.DataFrame, *keys: str) -> pl.DataFrame:
    return rows.group_by(keys).agg(traces=pl.col("trace_id").n_unique().cast(pl.Int64)).sort(keys)


def _gaps(lines: pl.DataFrame) -> pl.DataFrame:
    keys = ("before_service", "before_event", "service", "event")
    milliseconds = (pl.col("timestamp") - pl.col("timestamp").shift().over("trace_id")) / 1e6
    return (
        lines.with_columns(
            before_service=pl.col("service").shift().over("trace_id"),
            before_event=pl.col("event").shift().over("trace_id"),
            gap=(milliseconds + JITTER_MILLISECONDS).log(),
        )
        .drop_nulls("gap")
        .group_by(keys)
        .agg(
            count=pl.len().cast(pl.Int64),
            mean=pl.col("gap").mean(),
            variance=pl.col("gap").var().fill_null(0.0),
        )
        .sort(keys)
    )
