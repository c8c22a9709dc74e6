"""``PatternDetailsService``: one pattern's page: how many logs, what they look like, what its variables hold."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logmodel.levels import Level, level_of
from tocsin.logmodel.masking import masked_texts
from tocsin.logstore.ports import (
    LogStore,
    OrganizationId,
    Selection,
    ShapeCount,
    TimeRange,
    interval_starts,
    slice_ranges,
)
from tocsin.patterns.contracts import Pattern
from tocsin.patterns.variables import Variable, values_of, variables_of
from tocsin.query.tree import ShapeIn
from tocsin.search.contracts import Question, ValueCount
from tocsin.search.field_names import both
from tocsin.search.intervals import interval_nano
from tocsin.search.limits import QueryLimits
from tocsin.search.pattern_detail_contracts import PatternDetails, ShapeOfPattern, VariableDistribution
from tocsin.search.questions import Questions
from tocsin.search.variable_distributions import LogsRead, cut, distribution

SHOWN_SHAPES = 100
SHOWN_EXEMPLARS = 5

MAX_LOGS_READ = 100_000
"""More logs of a pattern than this are sampled; so many short ones cost about half a second to read."""

MAX_BYTES_READ = 20 << 20
"""Of messages, which cost a second for each 80 MB to take apart; long ones are sampled earlier."""

MAX_VALUES_READ = 2_000_000
"""Logs times variables; each costs some 100 ns to count."""

SAMPLE_SLICES = 120
"""Two for each interval that nobody chose, so that each interval has logs in the sample."""

Integers = npt.NDArray[np.int64]


class Patterns(Protocol):
    """Knows the patterns of every organization."""

    async def pattern(self, organization_id: OrganizationId, pattern_id: int) -> Pattern:
        """The pattern with this id, or that this shape belongs to. Raises ``NotFound``, ``ServiceUnavailable``."""
        ...

    async def exemplars(self, organization_id: OrganizationId, shapes: Sequence[int]) -> dict[int, str]:
        """A message of each of these shapes, cut if it is long."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Logs that were read, and how they were asked for."""

    rows: pa.Table
    slices: list[TimeRange]
    rows_per_slice: int

    def logs(self, starts: range, counts: Integers) -> LogsRead:
        """What the logs stand for, given how many there are in each interval."""
        timestamps = self.rows["timestamp"].cast(pa.int64()).to_numpy()
        intervals = (timestamps - starts.start) // starts.step
        slices = np.searchsorted([each.start_unix_nano for each in self.slices], timestamps, side="right") - 1
        is_cut = (np.bincount(slices, minlength=len(self.slices)) >= self.rows_per_slice)[slices]
        # Logs of a slice that was read to its end stand for themselves, the others for all that were not read.
        unread = counts - np.bincount(intervals[~is_cut], minlength=len(counts))
        cut = np.bincount(intervals[is_cut], minlength=len(counts))
        weights = np.where(is_cut, np.maximum(1.0, unread / np.maximum(1, cut))[intervals], 1.0)
        return LogsRead(intervals=intervals, interval_count=len(starts), weights=weights)


class PatternDetailsService:
    """Describes patterns. Raises as ``SearchService`` does."""

    def __init__(self, store: LogStore, patterns: Patterns, questions: Questions, *, limits: QueryLimits) -> None:
        self._store = store
        self._patterns = patterns
        self._questions = questions
        self._limits = limits

    async def details(self, question: Question, pattern_id: int) -> PatternDetails:
        """The pattern with this id, or that a shape of this number belongs to, and its logs that match.

        Raises:
            NotFound: there is no such pattern.
        """
        pattern = await self._patterns.pattern(question.organization_id, pattern_id)
        selection = await self._questions.selection(question, timeout_seconds=self._limits.timeout_seconds)
        selection = replace(selection, query=both(selection.query, ShapeIn(pattern.shapes)))
        nanoseconds = interval_nano(None, selection.time_range)
        starts = interval_starts(selection.time_range, nanoseconds)
        variables = variables_of(pattern.template)
        async with self._limits.slot(selection):
            rows = await self._store.shape_counts(selection, interval_nano=nanoseconds)
            counts = _sparkline(rows, len(starts))
            count = int(counts.sum())
            top = await self._store.top_shapes(selection, limit=SHOWN_EXEMPLARS)
            read = await self._read(selection, count=count, most=logs_to_read(top, len(variables)))
            # Inside the slot: this is most of the work, and slots keep it from being done for everybody at once.
            distributions = await asyncio.to_thread(_distributions, pattern, variables, read, starts, counts)
        by_shape = _added(rows, "shape")
        shown = dict(list(by_shape.items())[:SHOWN_SHAPES])
        return PatternDetails(
            time_range=selection.time_range,
            interval_nano=nanoseconds,
            starts=starts,
            pattern=pattern,
            count=count,
            counts=counts.tolist(),
            first_unix_nano=min(rows["first_timestamp"].to_pylist(), default=None),
            last_unix_nano=max(rows["last_timestamp"].to_pylist(), default=None),
            levels=_levels(_added(rows, "severity_number")),
            services=[ValueCount(*each) for each in _added(rows, "service").items()],
            exemplars=[each.exemplar for each in top],
            shapes=await self._shapes(question.organization_id, shown),
            shape_total=len(by_shape),
            logs_read=read.rows.num_rows,
            variables=distributions,
        )

    async def _read(self, selection: Selection, *, count: int, most: int) -> _Read:
        """All logs if there are at most so many, else a sample of about so many."""
        slices = 1 if count <= most else SAMPLE_SLICES
        rows_per_slice = -(-most // slices)
        rows = await self._store.sample(selection, slices=slices, rows_per_slice=rows_per_slice)
        ranges = slice_ranges(selection.time_range, slices)
        return _Read(rows=rows, slices=ranges, rows_per_slice=rows_per_slice)

    async def _shapes(self, organization_id: OrganizationId, counts: Mapping[int, int]) -> list[ShapeOfPattern]:
        messages = await self._patterns.exemplars(organization_id, list(counts))
        texts = dict(zip(messages, masked_texts(list(messages.values())), strict=True))
        return [ShapeOfPattern(shape, cut(texts.get(shape, "")), count) for shape, count in counts.items()]


def logs_to_read(shapes: Sequence[ShapeCount], variables: int) -> int:
    """How many logs of a pattern are read at most, given its most frequent shapes."""
    count = sum(each.count for each in shapes)
    bytes_a_log = sum(each.count * len(each.exemplar.message.encode()) for each in shapes) / count if count else 0
    return int(min(MAX_LOGS_READ, MAX_BYTES_READ / max(1, bytes_a_log), MAX_VALUES_READ / max(1, variables))) or 1


def _distributions(
    pattern: Pattern, variables: Sequence[Variable], read: _Read, starts: range, counts: Integers
) -> list[VariableDistribution]:
    messages, shapes = (read.rows[name].combine_chunks() for name in ("message", "shape"))
    logs = read.logs(starts, counts)
    columns = values_of(pattern.template, messages, shapes)
    return [distribution(variable, column, logs) for variable, column in zip(variables, columns, strict=True)]


def _sparkline(rows: pa.Table, intervals: int) -> Integers:
    numbers = rows["counts"].combine_chunks().flatten().to_numpy().astype(np.int64)
    added: Integers = numbers.reshape(-1, intervals).sum(axis=0)
    return added


def _added(rows: pa.Table, column: str) -> dict[Any, int]:
    """How many logs there are of each value of a column, most first, then by value."""
    grouped = rows.group_by(column).aggregate([("count", "sum")])
    counted = zip(grouped[column].to_pylist(), grouped["count_sum"].to_pylist(), strict=True)
    return dict(sorted(counted, key=lambda each: (-each[1], each[0])))


def _levels(counts: Mapping[int, int]) -> dict[Level, int]:
    levels = dict.fromkeys(Level, 0)
    for severity_number, count in counts.items():
        levels[level_of(severity_number)] += count
    return {level: count for level, count in levels.items() if count}
