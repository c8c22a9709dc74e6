"""Logs of traces → spans, a sample of them, and the same as arrays of traces with equally many. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

MOST_SPANS = 64
"""Traces with more are left out: their spans cost by the square, and are a few calls again and again."""

MOST_TRACES = 500
MOST_PAIRS = 250_000
"""What is looked at of some logs: so many traces, and pairs of spans in one trace. More counts rarer calls sooner."""

_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, MOST_SPANS)

_SPAN = ("trace_id", "span_id", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Spans of traces, in arrays of shape ``(n_traces, n_spans)``; what is not ``there`` only fills them up."""

    there: npt.NDArray[np.bool_]
    #: Index into the names of services.
    service: npt.NDArray[np.int64]
    #: Of the first and the last log, nanoseconds since 1970; the first as its duration puts it.
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    #: Which span of the trace called, where logs say so; else -1.
    parent: npt.NDArray[np.int64]
    has_error: npt.NDArray[np.bool_]
    #: Shape ``(n_traces,)``: how many traces of its kind each one stands for.
    weight: npt.NDArray[np.float64]


def spans_of(logs: pl.DataFrame) -> pl.DataFrame:
    """The spans of the traces that meet several services, in the order of traces.

    ``trace_id, service, start, end, parent, has_error, weight``, where ``parent`` counts from the first span of the
    trace. Where there are too many traces, rare kinds, by their services, are kept before more of the frequent ones.
    """
    spans = (
        logs.filter(pl.col("trace_id") != "")
        .group_by(_SPAN)
        .agg(
            start=pl.min_horizontal("timestamp", "began").min(),
            end=pl.col("timestamp").max(),
            parent_span_id=pl.col("parent_span_id").max(),
            has_error=pl.col("is_error").any(),
        )
    )
    traces = (
        spans.group_by("trace_id")
        .agg(spans=pl.len().cast(pl.Int64), kind=pl.col("service").unique().sort().str.join("\0"))
        .filter(pl.col("spans") <= MOST_SPANS, pl.col("kind").str.contains("\0", literal=True))
        .sort("trace_id")
        .with_columns(turn=pl.int_range(pl.len()).over("kind"), of_kind=pl.len().over("kind"))
        .sort("turn", "trace_id")
        .head(MOST_TRACES)
        .filter((pl.col("spans") ** 2).cum_sum() <= MOST_PAIRS)
        .with_columns(weight=pl.col("of_kind") / pl.len().over("kind"))
    )
    chosen = (
        spans.join(traces.select("trace_id", "weight"), on="trace_id")
        .sort("trace_id", "end", "start", "span_id", "service")
        .with_columns(place=pl.int_range(pl.len()).over("trace_id"))
    )
    return _with_parents(chosen).drop("span_id", "parent_span_id", "place")


def traces_of(spans: pl.DataFrame, services: list[str]) -> Iterator[Traces]:
    """The same as arrays, those of traces with about equally many spans together."""
    service = spans["service"].replace_strict(services, list(range(len(services))), return_dtype=pl.Int64).to_numpy()
    columns = {name: spans[name].to_numpy() for name in ("start", "end", "parent", "has_error", "weight")}
    lengths = spans.group_by("trace_id", maintain_order=True).len()["len"].cast(pl.Int64).to_numpy()
    firsts = np.cumsum(lengths) - lengths
    shorter = 1
    for size in _SIZES:
        which = np.flatnonzero((lengths > shorter) & (lengths <= size))
        shorter = size
        if not len(which):
            continue
        there = np.arange(size)[None, :] < lengths[which][:, None]
        index = np.where(there, firsts[which][:, None] + np.arange(size)[None, :], firsts[which][:, None])
        yield Traces(
            there=there,
            service=service[index],
            start=columns["start"][index],
            end=columns["end"][index],
            parent=np.where(there, columns["parent"][index], -1),
            has_error=columns["has_error"][index] & there,
            weight=columns["weight"][firsts[which]],
        )


def _with_parents(spans: pl.DataFrame) -> pl.DataFrame:
    if not (spans["parent_span_id"] != "").any():
        return spans.with_columns(parent=pl.lit(-1, pl.Int64))
    named = spans.group_by("trace_id", parent_span_id="span_id").agg(parent=pl.col("place").first().cast(pl.Int64))
    found = spans.join(named, on=["trace_id", "parent_span_id"], how="left", maintain_order="left")
    is_another = (pl.col("parent_span_id") != "") & (pl.col("parent") != pl.col("place"))
    return found.with_columns(parent=pl.when(is_another).then("parent").otherwise(None).fill_null(-1))
