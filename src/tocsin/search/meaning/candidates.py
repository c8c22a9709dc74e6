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
from tocsin.query.tree import And, Node, Or, Phrase, ShapeIn
from tocsin.search.field_names import both
from tocsin.search.meaning.index import PatternIndex
from tocsin.search.meaning.words import Term

LOOKED_UP_TERMS = 6
"""Of a question; together they cost one pass over the index of words."""

ROWS_OF_VALUES = 200
"""How many rows with any of the terms are candidates; the earliest. A term with more tells little."""

ROWS_OF_PATTERNS = 100
"""How many rows of the best patterns are candidates: each costs the store a block, and those of a pattern are alike."""

BEST_PATTERNS = 12
"""How many patterns' rows are candidates."""

NEEDED_PATTERNS = 2
"""So many of the best patterns are asked for again when they have no row yet because others filled the answer."""

PATTERN_ROUNDS = 3
"""How often at most: a pattern whose logs are rare takes a look at the shapes of all logs."""

LOOK_UP_SECONDS = 2.0
"""A look-up that takes longer, because its words are frequent and never stand together, is given up and told."""

REFINING_SECONDS = 0.05
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

    def __init__(self, store: LogStore, selection: Selection) -> None:
        self._store = store
        self._selection = selection

    async def with_values(self, terms: Sequence[Term], index: PatternIndex) -> Candidates:
        """The earliest rows with any of the terms that are no constants of patterns.

        Where a frequent term fills the answer, the earliest with each of the others are looked for alone.
        """
        found = Candidates()
        values = looked_up(terms, index)
        if not values:
            return found
        table = await self._rows(found, _names(values), any_of(values), limit=ROWS_OF_VALUES)
        found.tables.append(table)
        if table.num_rows < ROWS_OF_VALUES:
            return found
        if len(values) > 1:
            look_ups = [self._rows(found, term.text, Phrase(term.tokens), limit=ROWS_OF_VALUES) for term in values]
            tables = await asyncio.gather(*look_ups)
            found.tables += tables
            values = [term for term, each in zip(values, tables, strict=True) if each.num_rows >= ROWS_OF_VALUES]
        found.frequent = values
        return found

    async def of_patterns(self, found: Candidates, patterns: Sequence[Pattern]) -> None:
        """Add the earliest rows of patterns, and of these the earliest with values that are in too many rows."""
        if not patterns:
            return
        look_ups = [self._of_each_pattern(found, patterns)]
        if found.frequent:
            shapes = ShapeIn(frozenset(shape for pattern in patterns for shape in pattern.shapes))
            look_ups.append(self._refining(And((shapes, any_of(found.frequent)))))
            if len(found.frequent) > 1:
                look_ups.append(self._refining(And(tuple(Phrase(term.tokens) for term in found.frequent))))
        found.tables += await asyncio.gather(*look_ups)

    async def _of_each_pattern(self, found: Candidates, patterns: Sequence[Pattern]) -> pa.Table:
        tables: list[pa.Table] = []
        left = list(patterns)
        for _ in range(PATTERN_ROUNDS):
            shapes = frozenset(shape for pattern in left for shape in pattern.shapes)
            table = await self._rows(found, "logs of the best patterns", ShapeIn(shapes), limit=ROWS_OF_PATTERNS)
            tables.append(table)
            if table.num_rows < ROWS_OF_PATTERNS:
                break
            seen = set(table["shape"].unique().to_pylist())
            needed = [pattern for pattern in patterns[:NEEDED_PATTERNS] if pattern in left]
            left = [pattern for pattern in left if not pattern.shapes & seen]
            if not any(pattern in left for pattern in needed):
                break
        return pa.concat_tables(tables)

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
