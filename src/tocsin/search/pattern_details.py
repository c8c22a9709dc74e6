"""``PatternDetailsService``: one pattern's page: how many logs, what they look like, what its variables hold."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logmodel.levels import Level, level_of
from tocsin.logmodel.masking import masked_texts
from tocsin.logstore.ports import (
    LogStore,
    OrganizationId,
    ShapeCount,
    interval_starts,
)
from tocsin.patterns.contracts import Pattern
from tocsin.patterns.variables import Variable, values_of, variables_of
from tocsin.query.tree import ShapeIn
from tocsin.search.contracts import Question, ValueCount
from tocsin.search.field_names import both
from tocsin.search.intervals import interval_nano
from tocsin.search.limits import QueryLimits
from tocsin.search.pattern_detail_contracts import PatternDetails, ShapeOfPattern, VariableDistribution
from tocsin.search.pattern_sampling import logs_read, read
from tocsin.search.questions import Questions
from tocsin.search.variable_distributions import cut, distribution

SHOWN_SHAPES = 100
SHOWN_EXEMPLARS = 5

MAX_LOGS_READ = 50_000
"""More logs of a pattern than this are sampled: to read so many costs little more than to find them, further ones more.

Finding them, in ClickHouse, is to unpack the messages beside them: 0.7 s of one core for each 5 million logs.
"""

MAX_BYTES_READ = 14_000_000
"""Of messages, in place of that where they are longer."""

MAX_VALUES_READ = 1_000_000
"""Logs times variables; a million cost about a third of a second of one core."""

Integers = npt.NDArray[np.int64]


class Patterns(Protocol):
    """Knows the patterns of every organization."""

    async def pattern(self, organization_id: OrganizationId, pattern_id: int) -> Pattern:
        """The pattern with this id, or that this shape belongs to. Raises ``NotFound``, ``ServiceUnavailable``."""
        ...

    async def exemplars(self, organization_id: OrganizationId, shapes: Sequence[int]) -> dict[int, str]:
        """A message of each of these shapes, cut if it is long."""
        ...


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
            rows, top = await asyncio.gather(
                self._store.shape_counts(selection, interval_nano=nanoseconds),
                self._store.top_shapes(selection, limit=SHOWN_EXEMPLARS),
            )
            counts = _sparkline(rows, len(starts))
            most = logs_to_read(top, len(variables))
            logs = await read(self._store, selection, starts=starts, counts=counts, most=most)
            # Inside the slot: this is most of the work, and slots keep it from being done for everybody at once.
            distributions = await asyncio.to_thread(_distributions, pattern, variables, logs, starts, counts)
        by_shape = _added(rows, "shape")
        shown = dict(list(by_shape.items())[:SHOWN_SHAPES])
        return PatternDetails(
            time_range=selection.time_range,
            interval_nano=nanoseconds,
            starts=starts,
            pattern=pattern,
            count=int(counts.sum()),
            counts=counts.tolist(),
            first_unix_nano=min(rows["first_timestamp"].to_pylist(), default=None),
            last_unix_nano=max(rows["last_timestamp"].to_pylist(), default=None),
            levels=_levels(_added(rows, "severity_number")),
            services=[ValueCount(*each) for each in _added(rows, "service").items()],
            exemplars=[each.exemplar for each in top],
            shapes=await self._shapes(question.organization_id, shown),
            shape_total=len(by_shape),
            logs_read=logs.num_rows,
            variables=distributions,
        )

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
    pattern: Pattern, variables: Sequence[Variable], rows: pa.Table, starts: range, counts: Integers
) -> list[VariableDistribution]:
    messages, shapes = (rows[name].combine_chunks() for name in ("message", "shape"))
    logs = logs_read(rows, starts=starts, counts=counts)
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
