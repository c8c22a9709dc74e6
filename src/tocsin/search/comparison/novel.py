"""Patterns that were never seen before a window: a fact about the whole history, and not a test of two windows.

A test needs logs at several times to tell a new kind of event from a rare one that came by chance. The registry knows
more: since its first log, there has been none.
"""

import polars as pl
import pyarrow as pa

from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.comparison.contracts import NewPattern, NewPatterns

MAX_NEW_PATTERNS = 20


def new_patterns(counts: pa.Table, time_range: TimeRange, catalogue: PatternCatalogue) -> NewPatterns:
    """The patterns that were first seen in this range, though others were seen before: the most severe come first.

    Muted ones are left out. ``counts`` are those of the range, in ``SHAPE_COUNTS_SCHEMA``.
    """
    since = catalogue.first_seen_unix_nano
    if since is None or since >= time_range.start_unix_nano:
        return NewPatterns()
    new_ids = [
        (shape, pattern.id)
        for pattern in catalogue.patterns.values()
        if time_range.start_unix_nano <= pattern.first_seen_unix_nano < time_range.end_unix_nano
        and not pattern.is_muted
        for shape in pattern.shapes
    ]
    ids = pl.DataFrame(new_ids, schema={"shape": pl.UInt64, "pattern": pl.UInt64}, orient="row")
    frame = pl.DataFrame(pl.from_arrow(counts.select(["shape", "severity_number", "count"]))).join(ids, on="shape")
    found = (
        frame.group_by("pattern")
        .agg(pl.col("count").sum(), pl.col("severity_number").max())
        .sort("severity_number", "count", "pattern", descending=[True, True, False])
    )
    shown = [
        NewPattern(pattern=catalogue.patterns[pattern], count=count, severity_number=severity)
        for pattern, count, severity in found.head(MAX_NEW_PATTERNS).iter_rows()
    ]
    return NewPatterns(patterns=shown, total=found.height)
