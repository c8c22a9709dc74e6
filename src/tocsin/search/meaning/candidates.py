"""Finds the rows of a time range that may answer a question, without looking at all of them.

Words and values that are no constants of patterns are looked up in the store's index of words; rows of the best
patterns by their shapes. What is found is a few hundred rows, however many there are.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive
from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logstore.ports import LogStore, Order, ScanPlan, Selection
from tocsin.patterns.contracts import Pattern
from tocsin.query.text import joined
from tocsin.query.tree import And, Node, Operator, Or, Phrase, ShapeIn, ShapeIs, TimestampCompares
from tocsin.search.field_names import both
from tocsin.search.meaning.index import PatternIndex
from tocsin.search.meaning.words import Term

LOOKED_UP_TERMS = 6
"""Of a question; together they cost one pass over the index of words."""

ROWS_OF_VALUES = 100
"""How many rows with any of the terms are candidates; the earliest. A term with more tells little."""

ROWS_AN_ANSWER = 3
"""How many rows of the best patterns are candidates, for each answer that is wanted: a row costs the store a block of
8,192, and those of a pattern are alike."""

BEST_PATTERNS = 12
"""How many patterns' rows are candidates."""

NEEDED_PATTERNS, ANSWERS_A_NEEDED_PATTERN = 2, 5
"""So many of the best patterns are asked for again when they have no row yet because others filled the answer: at least
two, and one for each five answers that are wanted."""

SOON_NANO = 60 * 10**9
"""How long after its first log a pattern's next ones are looked for: wherever that is, it is a few blocks of the store,
and the registry knows the moment."""

PATTERN_ROUNDS = 3
"""How often at most: a pattern whose logs are rare takes a look at the shapes of all logs."""

LOOK_UP_SECONDS = 2.0
"""A look-up that takes longer, because its words are frequent and never stand together, is given up and told."""

REFINING_SECONDS = 0.2
"""The same for what only makes good answers better: that is given up in silence."""


@dataclass(slots=True)
class Candidates:
    """What was found so far."""

    tables: list[pa.Table] = field(default_factory=list)
    #: The values of which there may be more rows.
    frequent: list[Term] = field(default_factory=list)
    #: What was given up, for people.
    given_up: list[str] = field(default_factory=list)

    def table(self) -> pa.Table:
        """Every row once, in ``STORED_LOG_SCHEMA``, oldest first."""
        rows = pa.concat_tables([STORED_LOG_SCHEMA.empty_table(), *self.tables])
        rows = rows.sort_by([("timestamp", "ascending"), ("ingest_sequence", "ascending")])
        return rows.take(_first_of_each(rows))


class CandidateFinder:
    """Finds candidates in one selection, whose query is left as it is."""

    def __init__(self, store: LogStore, selection: Selection, *, answers: int) -> None:
        """Find enough for so many answers."""
        self._store = store
        self._pattern_rows = ROWS_AN_ANSWER * answers
        self._needed_patterns = max(NEEDED_PATTERNS, answers // ANSWERS_A_NEEDED_PATTERN)
        self._selection = selection

    async def add_values(self, found: Candidates, terms: Sequence[Term], index: PatternIndex) -> None:
        """Add the earliest rows with any of the terms that are no constants of patterns.

        Where a frequent term fills the answer, the earliest with each of the others are looked for alone.
        """
        values = looked_up(terms, index)
        if not values:
            return
        table = await self._rows(found, _names(values), any_of(values), limit=ROWS_OF_VALUES)
        found.tables.append(table)
        if table.num_rows < ROWS_OF_VALUES:
            return
        if len(values) > 1:
            look_ups = [self._rows(found, term.text, Phrase(term.tokens), limit=ROWS_OF_VALUES) for term in values]
            tables = await asyncio.gather(*look_ups)
            found.tables += tables
            values = [term for term, each in zip(values, tables, strict=True) if each.num_rows >= ROWS_OF_VALUES]
        found.frequent = values

    async def add_patterns(self, found: Candidates, patterns: Sequence[Pattern]) -> None:
        """Add the earliest rows of patterns, the best of which come first."""
        if patterns:
            found.tables.append(await self._of_each_pattern(found, patterns))

    async def refine(self, found: Candidates, patterns: Sequence[Pattern]) -> None:
        """Add the earliest rows with several values, or with one in a good pattern, where a value is in too many."""
        nodes: list[Node] = []
        if found.frequent and patterns:
            nodes.append(And((_of_any(patterns), any_of(found.frequent))))
        if len(found.frequent) > 1:
            nodes.append(And(tuple(Phrase(term.tokens) for term in found.frequent)))
        found.tables += await asyncio.gather(*map(self._refining, nodes))

    async def _of_each_pattern(self, found: Candidates, patterns: Sequence[Pattern]) -> pa.Table:
        """The first logs of patterns that began in the range; the earliest of those that have no row by then."""
        end = self._selection.time_range.end_unix_nano
        first = asyncio.gather(
            self._first_of_each_pattern(found, patterns), self._soon_after_the_first(found, patterns)
        )
        tables = list(await first)
        left = _without_rows(patterns, pa.concat_tables(tables))
        left = [pattern for pattern in left if pattern.first_seen_unix_nano < end]
        needed = patterns[: self._needed_patterns]
        for _ in range(PATTERN_ROUNDS if left else 0):
            table = await self._rows(found, "logs of the best patterns", _of_any(left), limit=self._pattern_rows)
            tables.append(table)
            left = _without_rows(left, table)
            if table.num_rows < self._pattern_rows or not any(pattern in left for pattern in needed):
                break
        return pa.concat_tables(tables)

    async def _first_of_each_pattern(self, found: Candidates, patterns: Sequence[Pattern]) -> pa.Table:
        """The first log of each of these patterns, where it is in the range: its moment is known."""
        nodes: tuple[Node, ...] = tuple(
            And((TimestampCompares(Operator.EQUALS, pattern.first_seen_unix_nano), ShapeIs(pattern.id)))
            for pattern in self._begun_in_the_range(patterns)
        )
        if not nodes:
            return STORED_LOG_SCHEMA.empty_table()
        return await self._rows(found, "first logs of the best patterns", joined(Or, nodes), limit=len(nodes))

    async def _soon_after_the_first(self, found: Candidates, patterns: Sequence[Pattern]) -> pa.Table:
        """The logs of these patterns from the first of each on, as many as are candidates."""
        end = self._selection.time_range.end_unix_nano
        nodes: tuple[Node, ...] = tuple(
            And(
                (
                    TimestampCompares(Operator.GREATER_OR_EQUAL, pattern.first_seen_unix_nano),
                    TimestampCompares(Operator.LESS, min(pattern.first_seen_unix_nano + SOON_NANO, end)),
                    ShapeIn(pattern.shapes),
                )
            )
            for pattern in self._begun_in_the_range(patterns)
        )
        if not nodes:
            return STORED_LOG_SCHEMA.empty_table()
        return await self._rows(found, "logs of the best patterns", joined(Or, nodes), limit=self._pattern_rows)

    def _begun_in_the_range(self, patterns: Sequence[Pattern]) -> list[Pattern]:
        whole = self._selection.time_range
        return [each for each in patterns if whole.start_unix_nano <= each.first_seen_unix_nano < whole.end_unix_nano]

    async def _rows(self, found: Candidates, name: str, node: Node, *, limit: int) -> pa.Table:
        try:
            return await self._scanned(node, limit=limit, timeout_seconds=LOOK_UP_SECONDS)
        except (QueryTimedOut, QueryTooExpensive):
            found.given_up.append(name)
            return STORED_LOG_SCHEMA.empty_table()

    async def _refining(self, node: Node) -> pa.Table:
        try:
            return await self._scanned(node, limit=ROWS_OF_VALUES, timeout_seconds=REFINING_SECONDS)
        except (QueryTimedOut, QueryTooExpensive):
            return STORED_LOG_SCHEMA.empty_table()

    async def _scanned(self, node: Node, *, limit: int, timeout_seconds: float) -> pa.Table:
        selection = replace(
            self._selection,
            query=both(self._selection.query, node),
            timeout_seconds=min(self._selection.timeout_seconds, timeout_seconds),
        )
        plan = ScanPlan(selection=selection, order=Order.OLDEST_FIRST, limit=limit)
        batches = [batch async for batch in self._store.scan(plan)]
        return pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA)


def _of_any(patterns: Sequence[Pattern]) -> Node:
    return ShapeIn(frozenset(shape for pattern in patterns for shape in pattern.shapes))


def _without_rows(patterns: Sequence[Pattern], table: pa.Table) -> list[Pattern]:
    seen = set(table["shape"].unique().to_pylist())
    return [pattern for pattern in patterns if not pattern.shapes & seen]


def any_of(terms: Sequence[Term]) -> Node:
    """Matches what has one of the terms."""
    nodes: tuple[Node, ...] = tuple(Phrase(term.tokens) for term in terms)
    return Or(nodes) if len(nodes) > 1 else nodes[0]


def looked_up(terms: Sequence[Term], index: PatternIndex) -> list[Term]:
    """The terms that rows are looked for by: those that are likely to be in few come first."""
    values = [term for term in terms if not term.is_part and (term.has_digit or not index.is_constant(term))]
    values.sort(key=lambda term: (not term.has_digit, -len(term.text)))
    return values[:LOOKED_UP_TERMS]


def _names(terms: Sequence[Term]) -> str:
    return " or ".join(term.text for term in terms)


def _first_of_each(rows: pa.Table) -> pa.Array:
    _, firsts = np.unique(rows["ingest_sequence"].to_numpy(), return_index=True)
    return pa.array(np.sort(firsts))
