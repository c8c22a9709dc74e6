"""Many queries asked of one batch of logs, at a price that hardly grows with their number.

Every query's anchors (see ``live_needles``) are looked for at once, in native code; only queries whose anchor is found
are evaluated, on the rows where it was found. Identical queries are evaluated once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.logmodel.batch import logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.matching import matches
from tocsin.query.tokens import tokens_of
from tocsin.query.tree import (
    And,
    Everything,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    ServiceIs,
    SeverityBetween,
    TimestampCompares,
)
from tocsin.search.live_needles import Column, Needle, all_needles, anchors_of, needles_of

Rows = npt.NDArray[np.int64]
"""Numbers of rows of a batch, in order."""

NO_ROWS: Rows = np.empty(0, dtype=np.int64)

_KELVIN_SIGN = "\N{KELVIN SIGN}"
"""The one character outside ASCII that folds to a letter inside, a ``k``."""

_RELATIONS: dict[Operator, Callable[..., npt.NDArray[np.bool_]]] = {
    Operator.EQUALS: np.equal,
    Operator.LESS: np.less,
    Operator.LESS_OR_EQUAL: np.less_equal,
    Operator.GREATER: np.greater,
    Operator.GREATER_OR_EQUAL: np.greater_equal,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Queries that are asked together, prepared; never changed."""

    #: By anchor, the queries that need one of their anchors.
    anchored: Mapping[Needle, frozenset[Node]]
    #: The queries that may match any log.
    unanchored: frozenset[Node]
    #: What is looked for in every batch.
    needles: frozenset[Needle]

    @classmethod
    def of(cls, queries: Iterable[Node]) -> "Filters":
        """Prepare queries."""
        anchored: dict[Needle, set[Node]] = defaultdict(set)
        unanchored: set[Node] = set()
        needles: set[Needle] = set()
        for query in queries:
            anchors = anchors_of(query)
            if anchors is None:
                unanchored.add(query)
                needles.update(all_needles(query))
                continue
            needles |= anchors
            for anchor in anchors:
                anchored[anchor].add(query)
        frozen = {anchor: frozenset(nodes) for anchor, nodes in anchored.items()}
        return cls(frozen, frozenset(unanchored), frozenset(needles))

    def matching(self, rows: pa.RecordBatch) -> dict[Node, Rows]:
        """Which rows each query matches, for the queries that match any.

        Args:
            rows: in ``STORED_LOG_SCHEMA``.
        """
        batch = _Batch(rows, self.needles)
        candidates: dict[Node, list[Rows]] = {query: [batch.all_rows] for query in self.unanchored}
        for needle, found in batch.found.items():
            for query in self.anchored.get(needle, ()):
                candidates.setdefault(query, []).append(found)
        matched = {query: batch.matching(query, _union(parts)) for query, parts in candidates.items()}
        return {query: found for query, found in matched.items() if len(found)}


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


class _Batch:
    """A batch of logs, and what was found in it; what one query had to unpack the next finds unpacked."""

    def __init__(self, rows: pa.RecordBatch, needles: frozenset[Needle]) -> None:
        self._rows = rows
        self._needles = needles
        self._logs: dict[int, Log] = {}
        self._tokens_of_row: dict[int, tuple[str, ...]] = {}
        self._columns: dict[str, npt.NDArray[np.int64]] = {}
        self._services = _Values(rows["service"])
        self.all_rows: Rows = np.arange(rows.num_rows)
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
                return _union([self.matching(node, among) for node in nodes])
            case Not(inner):
                return np.setdiff1d(among, self.matching(inner, among), assume_unique=True)
            case ServiceIs(service):
                return np.intersect1d(among, self._services.rows_of(service), assume_unique=True)
            case SeverityBetween(first, last):
                severities = self._numbers("severity_number")[among]
                return among[(severities >= first) & (severities <= last)]
            case TimestampCompares(operator, unix_nano):
                return among[_RELATIONS[operator](self._numbers("timestamp")[among], unix_nano)]
            case Phrase(tokens):
                holding = self._holding(query, among).tolist()
                return np.array([row for row in holding if _follow_each_other(tokens, self._tokens(row))], np.int64)
            case _:
                holding = self._holding(query, among).tolist()
                self._unpack(holding)
                return np.array([row for row in holding if matches(query, self._logs[row])], np.int64)

    def _holding(self, leaf: Node, among: Rows) -> Rows:
        """The rows that hold what the node needs, as far as that was looked for."""
        needles = needles_of(leaf)
        if needles is None or not needles <= self._needles:
            return among
        found = [self.found[needle] for needle in needles if needle in self.found]
        return np.intersect1d(among, _union(found), assume_unique=True)

    def _tokens(self, row: int) -> tuple[str, ...]:
        """The message's tokens: to cut it up costs more than all that is asked of it."""
        if row not in self._tokens_of_row:
            self._tokens_of_row[row] = tokens_of(self._rows["message"][row].as_py())
        return self._tokens_of_row[row]

    def _unpack(self, wanted: list[int]) -> None:
        missing = [row for row in wanted if row not in self._logs]
        if missing:
            self._logs.update(zip(missing, logs_of(self._rows.take(pa.array(missing))), strict=True))

    def _numbers(self, name: str) -> npt.NDArray[np.int64]:
        if name not in self._columns:
            self._columns[name] = self._rows[name].cast(pa.int64()).to_numpy()
        return self._columns[name]

    def _find(self) -> dict[Needle, Rows]:
        wanted: dict[Column, list[Needle]] = defaultdict(list)
        for needle in self._needles:
            wanted[needle.column].append(needle)
        found: dict[Needle, Rows] = {}
        for column, needles in wanted.items():
            if column is Column.MESSAGE:
                messages = pl.Series(self._rows["message"]).str.replace_all(_KELVIN_SIGN, "k", literal=True)
                found |= _containing(messages, needles, ignore_case=True)
            elif column is Column.METADATA:
                found |= _containing(pl.Series(self._rows["metadata"]), needles, ignore_case=False)
            else:
                values = self._services if column is Column.SERVICE else _Values(self._rows[column.name.lower()])
                found |= {needle: rows for needle in needles if len(rows := values.rows_of(needle.value))}
        return found


class _Values:
    """A column's values, and where each stands."""

    def __init__(self, column: pa.Array) -> None:
        encoded = pc.dictionary_encode(column)
        self._codes: npt.NDArray[np.int32] = encoded.indices.to_numpy()
        self._code_of: dict[object, int] = {value: code for code, value in enumerate(encoded.dictionary.to_pylist())}

    def rows_of(self, value: object) -> Rows:
        """The rows with this value."""
        code = self._code_of.get(value)
        return NO_ROWS if code is None else np.flatnonzero(self._codes == code)


def _containing(texts: pl.Series, needles: list[Needle], *, ignore_case: bool) -> dict[Needle, Rows]:
    """By needle, the rows whose text contains it."""
    by_text = {str(needle.value): needle for needle in needles}
    held = texts.str.extract_many(list(by_text), ascii_case_insensitive=ignore_case, overlapping=True)
    each = pl.DataFrame({"text": held}).with_row_index("row").explode("text").drop_nulls()
    if ignore_case:
        # What was found is spelled as in the log.
        each = each.with_columns(pl.col("text").str.to_lowercase())
    grouped = each.unique().group_by("text").agg(pl.col("row").cast(pl.Int64).sort())
    return {by_text[text]: rows.to_numpy() for text, rows in zip(grouped["text"], grouped["row"], strict=True)}


def _union(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return np.unique(np.concatenate(parts)) if parts else NO_ROWS


def _follow_each_other(phrase: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    if len(phrase) == 1:
        return phrase[0] in tokens
    last_start = len(tokens) - len(phrase)
    return any(tokens[start : start + len(phrase)] == phrase for start in range(last_start + 1))


def _cost(node: Node) -> int:
    """What is cheap narrows what is dear."""
    match node:
        case Everything() | ServiceIs() | SeverityBetween() | TimestampCompares():
            return 0
        case Not() | Or() | And():
            return 2
        case _:
            return 1
