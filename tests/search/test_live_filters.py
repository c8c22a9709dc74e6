"""Many queries over one batch: the same rows as the oracle finds, log by log."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.random_logs import log_rows, query_trees
from tocsin.logmodel.batch import STORED_LOG_SCHEMA, logs_of
from tocsin.logstore.matching import matches
from tocsin.query.parser import parse
from tocsin.query.tree import MetadataIs, Node, Operator, ServiceLike, TimestampCompares, Wildcard
from tocsin.search import live_filters
from tocsin.search.live_filters import Filters, FilterSet
from tocsin.search.live_needles import Column, Needle


def _stored(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    batch = log_batch(rows).rows
    sequences = pa.array(np.arange(1, batch.num_rows + 1, dtype=np.uint64))
    return pa.RecordBatch.from_arrays([*batch.columns, sequences], schema=STORED_LOG_SCHEMA)


def _matching(rows: list[dict[str, Any]], *queries: Node) -> dict[Node, list[int]]:
    return Filters.of(queries).matching(_stored(rows))


@given(rows=st.lists(log_rows, max_size=12), queries=st.lists(query_trees, min_size=1, max_size=12))
@settings(max_examples=300)
def test_each_query_finds_what_the_oracle_finds(rows: list[dict[str, Any]], queries: list[Node]) -> None:
    logs = logs_of(_stored(rows))
    expected = {query: [index for index, log in enumerate(logs) if matches(query, log)] for query in queries}
    assert _matching(rows, *queries) == {query: indexes for query, indexes in expected.items() if indexes}


@pytest.mark.parametrize("operator", list(Operator))
def test_times_are_compared(operator: Operator) -> None:
    rows = [{"timestamp": NOON_UNIX_NANO + offset, "message": str(offset)} for offset in (-1, 0, 1)]
    expected = {
        Operator.EQUALS: [1],
        Operator.LESS: [0],
        Operator.LESS_OR_EQUAL: [0, 1],
        Operator.GREATER: [2],
        Operator.GREATER_OR_EQUAL: [1, 2],
    }[operator]
    query = TimestampCompares(operator, NOON_UNIX_NANO)
    assert _matching(rows, query) == {query: expected}


def test_only_queries_whose_anchors_are_found_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Node] = []

    def recorded(query: Node, log: Any) -> bool:
        asked.append(query)
        return matches(query, log)

    monkeypatch.setattr(live_filters, "matches", recorded)
    queries = [parse(f'*"user {number} failed"* region:eu') for number in range(500)]
    rows = [{"message": f"login of user {number} failed", "metadata": {"region": "eu"}} for number in (7, 9)]
    assert _matching(rows, *queries) == {queries[7]: [0], queries[9]: [1]}
    assert len(asked) == 2, "one text of two queries, each on one row"


def test_words_with_digits_are_looked_for_before_others() -> None:
    filters = Filters.of([parse('"order 10007" failed payments')])
    assert set(filters.anchored) == {Needle(Column.MESSAGE, "10007")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kelvin", "300 \N{KELVIN SIGN}elvin"),
        ("ΣΊΣΥΦΟΣ rolls", "σίσυφοσ ROLLS"),
        ('*"ß5"*', "stra\u1e9e5"),
        ("İx", "a İx b"),
    ],
)
def test_letters_of_all_scripts_are_found_whatever_their_case(text: str, message: str) -> None:
    query = parse(text)
    assert _matching([{"message": "other"}, {"message": message}], query) == {query: [1]}


def test_a_metadata_value_is_found_as_text_and_as_number() -> None:
    rows = [{"metadata": {"status": value}} for value in (500, "500", 5000, "x500", True)]
    number, word = parse("status:500"), parse("status:true")
    assert _matching(rows, number, word) == {number: [0, 1], word: [4]}


def test_a_key_of_signs_is_not_found_across_the_border_of_two_entries() -> None:
    query = MetadataIs(":", ",")
    assert _matching([{"metadata": {"abc,": ":", "x": 1}}, {"metadata": {":": ","}}], query) == {query: [1]}


def test_a_set_of_queries_is_prepared_again_only_when_it_changes() -> None:
    watched = FilterSet()
    one, other = parse("one"), parse("other")
    watched.add(one)
    first = watched.prepared()
    watched.add(one)
    assert watched.prepared() is first
    watched.add(other)
    assert {each.pop() for each in map(set, watched.prepared().anchored.values())} == {one, other}
    watched.remove(other)
    watched.remove(one)
    assert [set(each) for each in watched.prepared().anchored.values()] == [{one}]
    watched.remove(one)
    assert watched.prepared() == Filters.of([])


@pytest.mark.parametrize(
    "query", [ServiceLike(Wildcard(("pay", ""))), parse("NOT a"), parse("a OR level:ERROR"), parse("")]
)
def test_queries_without_anchors_are_asked_of_every_row(query: Node) -> None:
    assert Filters.of([query]).unanchored == {query}
