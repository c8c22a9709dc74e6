"""Many queries asked of one batch of logs, at a price that hardly grows with their number.

Every query's anchors (see ``live_needles``) are looked for at once, in native code; only queries whose anchor is found
are evaluated, on the rows where it was found. Identical queries are evaluated once.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from tocsin.logmodel.batch import logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.matching import matches
from tocsin.query.tokens import tokens_of
from tocsin.query.tree import (
    And,
    Everything,
    MetadataIs,
    Node,
    Not,
    Or,
    Phrase,
    ServiceIs,
    SeverityBetween,
)
from tocsin.search.live_needles import (
    Column,
    Needle,
    Needles,
    all_needles,
    alternatives_of,
    needles_of,
    pairs_of,
    rarest,
    stands_for_itself,
)

Rows = list[int]
"""Numbers of rows of a batch, in order."""

MAX_SECONDS_A_LOG = 100e-6
"""All queries together may take this for a log. Some 25 expressions do; what is looked for at once hardly counts."""

_LEAST_SECONDS = 0.1
_FEW_ROWS = 8

_KELVIN_SIGN = "\N{KELVIN SIGN}"
"""The one character outside ASCII that folds to a letter inside, a ``k``."""


class TooDear(Exception):
    """The queries take too much processor time; ``query`` takes most of it."""

    def __init__(self, query: Node) -> None:
        super().__init__(query)
        self.query = query


@dataclass(frozen=True, slots=True)
class Filters:
    """Queries that are asked together, prepared; never changed."""

    #: By needle, the queries that match nothing without it or without one of a few others.
    anchored: Mapping[Needle, frozenset[Node]]
    #: What each of them needs.
    alternatives: Mapping[Node, tuple[Needles, ...]]
    #: The queries that may match any log.
    unanchored: frozenset[Node]
    #: What is looked for in every batch.
    needles: frozenset[Needle]

    @classmethod
    def of(cls, queries: Iterable[Node]) -> "Filters":
        """Prepare queries."""
        alternatives = {query: alternatives_of(query) for query in queries}
        anchored: dict[Needle, set[Node]] = defaultdict(set)
        for query, needed in alternatives.items():
            for anchor in rarest(needed) if needed else ():
                anchored[anchor].add(query)
        return cls(
            anchored={anchor: frozenset(nodes) for anchor, nodes in anchored.items()},
            alternatives={query: needed for query, needed in alternatives.items() if needed},
            unanchored=frozenset(query for query, needed in alternatives.items() if not needed),
            needles=frozenset(needle for query in alternatives for needle in all_needles(query)),
        )

    def matching(self, rows: pa.RecordBatch) -> dict[Node, Rows]:
        """Which rows each query matches, for the queries that match any.

        Args:
            rows: in ``STORED_LOG_SCHEMA``.

        Raises:
            TooDear: the queries take more than ``MAX_SECONDS_A_LOG``.
        """
        batch = _Batch(rows, self.needles)
        candidates = {query for needle in batch.found for query in self.anchored.get(needle, ())}
        asked = [(query, sorted(self._fewest(batch, query))) for query in candidates]
        asked += [(query, batch.all_rows) for query in self.unanchored]
        matched: dict[Node, Rows] = {}
        spending = _Spending(_LEAST_SECONDS + rows.num_rows * MAX_SECONDS_A_LOG)
        for query, among in asked:
            if among and (found := batch.matching(query, among)):
                matched[query] = found
            spending.count(query)
        return matched

    def _fewest(self, batch: "_Batch", query: Node) -> Collection[int]:
        """The smallest set of rows that holds all that match."""
        return min((batch.holding(needles) for needles in self.alternatives[query]), key=len)


class FilterSet:
    """The queries that are watched right now, each as often as it is watched."""

    def __init__(self) -> None:
        self._watched: Counter[Node] = Counter()
        self._prepared: Filters | None = None

    def add(self, query: Node) -> None:
        """Watch it once more."""
        self._watched[query] += 1
        if self._watched[query] == 1:
            self._prepared = None

    def remove(self, query: Node) -> None:
        """Watch it once less."""
        self._watched[query] -= 1
        if not self._watched[query]:
            del self._watched[query]
            self._prepared = None

    def prepared(self) -> Filters:
        """All of them; the same object for as long as they are the same."""
        if self._prepared is None:
            self._prepared = Filters.of(self._watched)
        return self._prepared


class _Spending:
    """The processor time that queries take, one after the other."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._started = self._last = time.thread_time()
        self._dearest: tuple[float, Node] = (0.0, Everything())

    def count(self, query: Node) -> None:
        """Count what was spent since the query before as this one's.

        Raises:
            TooDear: all together have spent more than they may.
        """
        now = time.thread_time()
        spent, self._last = now - self._last, now
        if spent > self._dearest[0]:
            self._dearest = (spent, query)
        if now - self._started > self._limit_seconds:
            raise TooDear(self._dearest[1])


class _Batch:
    """A batch of logs, and what was found in it; what one query had to unpack the next finds unpacked."""

    def __init__(self, rows: pa.RecordBatch, needles: frozenset[Needle]) -> None:
        self._rows = rows
        self._needles = needles
        self._columns: dict[str, list[Any]] = {}
        self._tokens_of_row: dict[int, tuple[str, ...]] = {}
        self._logs: dict[int, Log] = {}
        self.all_rows: Rows = list(range(rows.num_rows))
        #: By needle, the rows that hold it; needles that no row holds are left out.
        self.found = self._find()

    def matching(self, query: Node, among: Rows) -> Rows:
        """The rows that match, of these."""
        match query:
            case Everything():
                return among
            case And(nodes):
                for node in sorted(nodes, key=_cost):
                    among = self.matching(node, among)
                return among
            case Or(nodes):
                return sorted({row for node in nodes for row in self.matching(node, among)})
            case Not(inner):
                excluded = set(self.matching(inner, among))
                return [row for row in among if row not in excluded]
            case _:
                narrowed = self._narrowed(query, among)
                return self._checked(query, narrowed) if narrowed else []

    def _checked(self, leaf: Node, among: Rows) -> Rows:
        match leaf:
            case ServiceIs(service):
                services = self._values("service")
                return [row for row in among if services[row] == service]
            case SeverityBetween(first, last):
                severities = self._values("severity_number")
                return [row for row in among if first <= severities[row] <= last]
            case MetadataIs(key, value) if stands_for_itself(key):
                pairs = pairs_of(key, value)
                metadata = self._values("metadata")
                return [row for row in among if any(pair in metadata[row] for pair in pairs)]
            case Phrase(tokens):
                return [row for row in among if _follow_each_other(tokens, self._tokens(row))]
            case _:
                self._unpack(among)
                return [row for row in among if matches(leaf, self._logs[row])]

    def holding(self, needles: Needles) -> Collection[int]:
        """The rows that hold one of the needles, all of which were looked for."""
        found = [self.found[needle] for needle in needles if needle in self.found]
        return found[0] if len(found) == 1 else set().union(*found)

    def _narrowed(self, leaf: Node, among: Rows) -> Rows:
        """The rows that hold what the node needs; few are checked as quickly as they are narrowed."""
        if len(among) <= _FEW_ROWS or (needles := needles_of(leaf)) is None:
            return among
        holding = self.holding(needles)
        return [row for row in among if row in holding]

    def _tokens(self, row: int) -> tuple[str, ...]:
        """The message's tokens: to cut it up costs more than all that is asked of it."""
        if row not in self._tokens_of_row:
            self._tokens_of_row[row] = tokens_of(self._values("message")[row])
        return self._tokens_of_row[row]

    def _unpack(self, wanted: Rows) -> None:
        missing = [row for row in wanted if row not in self._logs]
        if missing:
            self._logs.update(zip(missing, logs_of(self._rows.take(pa.array(missing))), strict=True))

    def _values(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = self._rows[name].to_pylist()
        return self._columns[name]

    def _find(self) -> dict[Needle, set[int]]:
        wanted: dict[Column, list[Needle]] = defaultdict(list)
        for needle in self._needles:
            wanted[needle.column].append(needle)
        found: dict[Needle, set[int]] = {}
        for column, needles in wanted.items():
            if column is Column.MESSAGE:
                messages = pl.Series(self._rows["message"]).str.replace_all(_KELVIN_SIGN, "k", literal=True)
                found |= _containing(messages, needles, ignore_case=True)
            elif column is Column.METADATA:
                found |= _containing(pl.Series(self._rows["metadata"]), needles, ignore_case=False)
            else:
                found |= _having(self._values(column.name.lower()), needles)
        return found


def _containing(texts: pl.Series, needles: list[Needle], *, ignore_case: bool) -> dict[Needle, set[int]]:
    """By needle, the rows whose text contains it."""
    by_text = {str(needle.value): needle for needle in needles}
    held = texts.str.extract_many(list(by_text), ascii_case_insensitive=ignore_case, overlapping=True)
    found: dict[str, set[int]] = defaultdict(set)
    for row, row_texts in enumerate(held.to_list()):
        for text in row_texts:
            # What was found is spelled as in the log.
            found[text.lower() if ignore_case else text].add(row)
    return {by_text[text]: rows for text, rows in found.items()}


def _having(values: list[Any], needles: list[Needle]) -> dict[Needle, set[int]]:
    """By needle, the rows with this value."""
    by_value = {needle.value: needle for needle in needles}
    found: dict[Needle, set[int]] = defaultdict(set)
    for row, value in enumerate(values):
        if value in by_value:
            found[by_value[value]].add(row)
    return found


def _follow_each_other(phrase: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    if len(phrase) == 1:
        return phrase[0] in tokens
    last_start = len(tokens) - len(phrase)
    return any(tokens[start : start + len(phrase)] == phrase for start in range(last_start + 1))


def _cost(node: Node) -> int:
    """What is cheap narrows what is dear."""
    match node:
        case Everything() | ServiceIs() | SeverityBetween():
            return 0
        case Not() | Or() | And():
            return 2
        case _:
            return 1
