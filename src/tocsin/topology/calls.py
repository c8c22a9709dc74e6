"""Logs of traces → which service called which. Pure; works on columns."""

import polars as pl

from tocsin.topology.contracts import Calls

CLOCK_SLACK_NANO = 5_000_000
"""How far clocks of two machines may be apart. More of it finds calls between worse clocks, and more wrong ones."""

_SPAN = ("trace_id", "span_id", "service")


def calls_of(logs: pl.DataFrame) -> Calls:
    """Count the calls between services that the logs of some traces show.

    The caller of a span is the span that its parent id names, where logs carry one that is known. Otherwise it is the
    shortest longer one of another service in its trace that encloses it in time.

    Args:
        logs: ``trace_id, span_id, service, parent_span_id`` as text, empty for none, and ``timestamp`` as Int64,
            nanoseconds since 1970; in any order.

    Cost: the square of the spans of a trace.
    """
    spans = (
        logs.filter(pl.col("trace_id") != "")
        .group_by(_SPAN)
        .agg(
            start=pl.col("timestamp").min(),
            end=pl.col("timestamp").max(),
            parent_span_id=pl.col("parent_span_id").max(),
        )
        .with_columns(length=pl.col("end") - pl.col("start"))
    )
    pairs = spans.join(spans.select("trace_id", pl.exclude("trace_id").name.prefix("caller_")), on="trace_id")
    named = (pl.col("parent_span_id") != "") & (pl.col("parent_span_id") == pl.col("caller_span_id"))
    encloses = (
        (pl.col("caller_service") != pl.col("service"))
        & (pl.col("caller_length") > pl.col("length"))
        & (pl.col("caller_start") <= pl.col("start") + CLOCK_SLACK_NANO)
        & (pl.col("caller_end") >= pl.col("end") - CLOCK_SLACK_NANO)
    )
    callers = (
        pairs.with_columns(is_named=named)
        .filter(pl.col("is_named") | encloses)
        .sort(pl.col("is_named").not_(), "caller_length", "caller_service", "caller_span_id")
        .unique(_SPAN, keep="first", maintain_order=True)
        .filter(pl.col("caller_service") != pl.col("service"))
    )
    counted = callers.group_by("caller_service", "service").len().sort("caller_service", "service")
    return {(caller, callee): count for caller, callee, count in counted.iter_rows()}
