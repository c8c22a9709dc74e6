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
"""Of a question: each costs some milliseconds."""

ROWS_A_LOOK_UP = 200
"""How many rows of a term or of patterns are candidates; the earliest. A term with more tells little."""

BEST_PATTERNS = 12
"""How many patterns' rows are candidates."""

NEEDED_PATTERNS = 3
"""So many of the best patterns are asked for again when they have no row yet because others filled the answer."""

PATTERN_ROUNDS = 3
"""How often at most: a pattern whose logs are rare takes a look at the shapes of all logs."""

LOOK_UP_SECONDS = 2.0
"""A look-up that takes longer, because its words are frequent and never stand together, is given up and told."""


@dataclass(slots=True)
class Candidates:
    """What was found so far."""

    tables: list[pa.Table] = field(default_factory=list)
    #: How many rows a term has; ``ROWS_A_LOOK_UP`` stands for that or more.
    counts: dict[Term, int] = field(default_factory=dict)
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
        self._selection = replace(selection, timeout_seconds=min(selection.timeout_seconds, LOOK_UP_SECONDS))

    async def with_values(self, terms: Sequence[Term], index: PatternIndex) -> Candidates:
        """The earliest rows with each term that is no constant of a pattern, and with all of them."""
        found = Candidates()
        values = looked_up(terms, index)
        nodes: list[Node] = [Phrase(term.tokens) for term in values]
        look_ups = [(term.text, node) for term, node in zip(values, nodes, strict=True)]
        if len(nodes) > 1:
            look_ups.append((" and ".join(term.text for term in values), And(tuple(nodes))))
        tables = await asyncio.gather(*(self._rows(found, name, node) for name, node in look_ups))
        found.tables += tables
        found.counts = {term: table.num_rows for term, table in zip(values, tables, strict=False)}
        return found

    async def of_patterns(self, found: Candidates, patterns: Sequence[Pattern]) -> None:
        """Add the earliest rows of patterns, and of these the earliest with values that are in too many rows."""
        if not patterns:
            return
        shapes = ShapeIn(frozenset(shape for pattern in patterns for shape in pattern.shapes))
        look_ups = [self._of_each_pattern(found, patterns)]
        if frequent := _frequent(found):
            nodes = tuple(Phrase(term.tokens) for term in frequent)
            node = And((shapes, Or(nodes) if len(nodes) > 1 else nodes[0]))
            look_ups.append(self._rows(found, "values of the best patterns", node))
        found.tables += await asyncio.gather(*look_ups)

    async def _of_each_pattern(self, found: Candidates, patterns: Sequence[Pattern]) -> pa.Table:
        tables: list[pa.Table] = []
        left = list(patterns)
        for _ in range(PATTERN_ROUNDS):
            shapes = frozenset(shape for pattern in left for shape in pattern.shapes)
            table = await self._rows(found, "rows of the best patterns", ShapeIn(shapes))
            tables.append(table)
            if table.num_rows < ROWS_A_LOOK_UP:
                break
            seen = set(table["shape"].unique().to_pylist())
            needed = [pattern for pattern in patterns[:NEEDED_PATTERNS] if pattern in left]
            left = [pattern for pattern in left if not pattern.shapes & seen]
            if not any(pattern in left for pattern in needed):
                break
        return pa.concat_tables(tables)

    async def _rows(self, found: Candidates, name: str, node: Node) -> pa.Table:
        selection = replace(self._selection, query=both(self._selection.query, node))
        plan = ScanPlan(selection=selection, order=Order.OLDEST_FIRST, limit=ROWS_A_LOOK_UP)
        try:
            batches = [batch async for batch in self._store.scan(plan)]
        except (QueryTimedOut, QueryTooExpensive):
            found.given_up.append(name)
            return STORED_LOG_SCHEMA.empty_table()
        return pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA)


def looked_up(terms: Sequence[Term], index: PatternIndex) -> list[Term]:
    """The terms that rows are looked for by: those that are likely to be in few come first."""
    values = [term for term in terms if not term.is_part and (term.has_digit or not index.is_constant(term))]
    values.sort(key=lambda term: (not term.has_digit, -len(term.text)))
    return values[:LOOKED_UP_TERMS]


def _frequent(found: Candidates) -> list[Term]:
    """The terms of which not all rows are found."""
    return [term for term, count in found.counts.items() if count >= ROWS_A_LOOK_UP]


def _first_of_each(rows: pa.Table) -> pa.Array:
    _, firsts = np.unique(rows["ingest_sequence"].to_numpy(), return_index=True)
    return pa.array(np.sort(firsts))
