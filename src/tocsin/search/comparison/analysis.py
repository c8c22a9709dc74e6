"""What was read of two windows → what changed; no I/O."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa

from tocsin.logmodel.metadata import text_of
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.query.tree import Node
from tocsin.search.comparison.candidates import Tests, tested
from tocsin.search.comparison.contracts import Change, Reading, SubjectKind
from tocsin.search.comparison.counted import Counted, counted
from tocsin.search.comparison.explaining import Explainer, Lead
from tocsin.search.comparison.report import Told, changes_of
from tocsin.search.comparison.sampled import (
    CountedValues,
    Numbers,
    Rows,
    ValueOf,
    counted_values,
    numbers_of,
    rows_of,
)

BLOCKS = 24
"""Into so many parts a window is divided for its rows: more cost more reads, fewer say less about bursts."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was read of one window."""

    selection: Selection
    #: In ``SHAPE_COUNTS_SCHEMA``, by ``cell_nano``: all logs.
    counts: pa.Table
    #: In ``STORED_LOG_SCHEMA``: all logs, or a sample.
    rows: pa.Table
    logs: int

    @property
    def time_range(self) -> TimeRange:
        """When it is."""
        return self.selection.time_range

    @property
    def is_whole(self) -> bool:
        """Whether ``rows`` are all logs."""
        return bool(self.logs == self.rows.num_rows)

    @property
    def reading(self) -> Reading:
        """What was looked at."""
        return Reading(time_range=self.time_range, logs=self.logs, read=self.rows.num_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What changed, and all that is needed to tell it."""

    counted: Counted
    rows: Rows
    values: CountedValues
    numbers: Numbers
    tests: Tests
    leads: list[Lead]
    #: Shapes without a pattern that are told of, and a message of each of these in the rows.
    shapes: list[int]
    messages: dict[int, str]


def found_in(before: Window, after: Window, catalogue: PatternCatalogue) -> Found:
    """What changed; work for a thread of its own."""
    counts = counted((before.time_range, before.counts), (after.time_range, after.counts), catalogue.pattern_of)
    seen = {int(shape) for table in (before.rows, after.rows) for shape in table["shape"].unique().to_pylist()}
    patterns = {shape: pattern for shape in seen if (pattern := catalogue.pattern_of(shape)) is not None}
    rows = rows_of((before.time_range, before.rows), (after.time_range, after.rows), blocks=BLOCKS, patterns=patterns)
    values, numbers = counted_values(rows), numbers_of(rows)
    tests = tested(counts, values, numbers, blocks=BLOCKS, distance=_distance(before.time_range, after.time_range))
    leads = Explainer(counts, rows, values, numbers, tests).leads()
    shapes = _shapes_told(leads, counts, numbers, catalogue)
    return Found(
        counted=counts,
        rows=rows,
        values=values,
        numbers=numbers,
        tests=tests,
        leads=leads,
        shapes=shapes,
        messages=_messages_of(rows, shapes),
    )


def changes_told(
    found: Found, before: Window, after: Window, catalogue: PatternCatalogue, texts: dict[int, str], *, query: Node
) -> list[Change]:
    """What was found as changes, the most telling first; ``texts`` are those of ``Found.shapes``."""
    told = Told(
        counted=found.counted,
        values=found.values,
        numbers=found.numbers,
        tests=found.tests,
        before=before.time_range,
        after=after.time_range,
        query=query,
        patterns=catalogue.patterns,
        pattern_of=catalogue.pattern_of,
        shape_texts=texts,
        is_whole=before.is_whole and after.is_whole,
        exact_value=lambda name: _exact_value(found.rows, name),
    )
    return changes_of(found.leads, told)


def _distance(before: TimeRange, after: TimeRange) -> float:
    """Between the middles of the windows, in lengths of the first."""
    middles = [(each.start_unix_nano + each.end_unix_nano) / 2 for each in (before, after)]
    return (middles[1] - middles[0]) / (before.end_unix_nano - before.start_unix_nano)


def _shapes_told(leads: list[Lead], counts: Counted, numbers: Numbers, catalogue: PatternCatalogue) -> list[int]:
    found: dict[int, None] = {}
    for candidate in (each for lead in leads for each in (lead.candidate, *lead.also)):
        if candidate.kind is SubjectKind.PATTERN:
            name: int | None = int(counts.patterns.names[candidate.place])
        elif candidate.kind is SubjectKind.NUMBER:
            name = numbers.names[candidate.place].pattern
        else:
            name = None
        if name is not None and name not in catalogue.patterns and catalogue.pattern_of(name) is None:
            found[name] = None
    return list(found)


def _messages_of(rows: Rows, shapes: list[int]) -> dict[int, str]:
    """A message of each of these shapes that the rows have."""
    column = rows.table["shape"].to_numpy()
    unique, first = np.unique(column, return_index=True)
    at = dict(zip(unique.tolist(), first.tolist(), strict=True))
    return {shape: rows.table["message"][at[shape]].as_py() for shape in shapes if shape in at}


def _exact_value(rows: Rows, name: ValueOf) -> str | None:
    """A value as queries compare it, from a row that has it: columns may write numbers in another way."""
    if name.value is None:
        return None
    place = (rows.metadata[name.key] == name.value).arg_max()
    if place is None:
        return name.value
    return text_of(msgspec.json.decode(rows.table["metadata"][place].as_py())[name.key])
