"""Which of a pattern's logs are read to describe its variables, and how many logs each of them stands for.

A store reads logs that are next to each other in time much faster than as many that are spread. So a sample is made of
stretches: one in each interval, as long as the share of its logs that is to be read. Where in its interval a stretch
lies differs from one interval to the next, or what happens every hour on the hour would be in all of them or in none.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logstore.ports import LogStore, Selection, TimeRange
from tocsin.query.tree import And, Node, Operator, Or, TimestampCompares
from tocsin.search.field_names import both

COLUMNS = ("timestamp", "message", "shape")
"""What is read of each log: others would cost as much again as the messages."""

SLICES = 4
"""A store reads so many parts side by side."""

_SAMPLE = 0.5
"""Of the logs that may be read, a sample has this part: more would tell little more, and cost more than all of a
pattern with fewer logs."""

_SPARSE = 4
"""An interval with fewer logs than others gives up to this part of an interval's fair share."""

_GOLDEN = (5**0.5 - 1) / 2

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsRead:
    """What is known of the logs that were read."""

    #: The interval of each, from 0.
    intervals: Integers
    interval_count: int
    #: How many logs each stands for.
    weights: Floats


async def read(store: LogStore, selection: Selection, *, starts: range, counts: Integers, most: int) -> pa.Table:
    """All logs of the selection if there are at most so many, else a sample of about half as many, oldest first.

    Args:
        store: where they are.
        selection: which.
        starts: of the intervals that the selection's time range touches.
        counts: how many logs there are in each of them.
        most: how many may be read.

    Returns:
        ``COLUMNS`` of them.
    """
    if counts.sum() <= most:
        return await store.sample(selection, slices=SLICES, rows_per_slice=most, columns=COLUMNS)
    wanted = max(1, round(most * _SAMPLE))
    stretches = stretches_of(selection.time_range, starts, counts, wanted)
    selection = replace(selection, query=both(selection.query, _in_any(stretches)))
    # Logs are seldom spread evenly, so a slice may have more of them than it should.
    return await store.sample(selection, slices=SLICES, rows_per_slice=most, columns=COLUMNS)


def stretches_of(time_range: TimeRange, starts: range, counts: Integers, most: int) -> list[TimeRange]:
    """A stretch of each interval that has logs; with about ``most`` logs together if they are spread evenly in each."""
    fair = most / int(np.count_nonzero(counts)) / _SPARSE
    shares = np.minimum(1.0, np.maximum(most / counts.sum(), fair / np.maximum(1, counts)))
    stretches = []
    for number in np.flatnonzero(counts).tolist():
        first = max(starts[number], time_range.start_unix_nano)
        length = min(starts[number] + starts.step, time_range.end_unix_nano) - first
        wanted = max(1, round(length * float(shares[number])))
        begin = first + round((length - wanted) * (number * _GOLDEN % 1))
        stretches.append(TimeRange(begin, begin + wanted))
    return stretches


def logs_read(rows: pa.Table, *, starts: range, counts: Integers) -> LogsRead:
    """What each of these logs stands for, given how many there are in each interval."""
    intervals = (rows["timestamp"].cast(pa.int64()).to_numpy() - starts.start) // starts.step
    read_counts = np.bincount(intervals, minlength=len(counts))
    weights = (counts / np.maximum(1, read_counts))[intervals]
    # Those that were read stand for intervals of which none was read, too. Logs that came after they were counted stand
    # for themselves.
    total = weights.sum()
    if len(intervals) >= counts.sum() or not total:
        weights = np.ones(len(intervals))
    else:
        weights = weights * (counts.sum() / total)
    return LogsRead(intervals=intervals, interval_count=len(starts), weights=weights)


def _in_any(stretches: list[TimeRange]) -> Node:
    return Or(
        tuple(
            And(
                (
                    TimestampCompares(Operator.GREATER_OR_EQUAL, each.start_unix_nano),
                    TimestampCompares(Operator.LESS, each.end_unix_nano),
                )
            )
            for each in stretches
        )
    )
