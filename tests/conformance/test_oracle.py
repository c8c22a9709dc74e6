"""Random logs and random queries: every backend answers as the memory store does."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.random_logs import log_rows
from tests.support.random_queries import queries_about
from tests.support.reading import eventual_totals, scanned, searchable, selection
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore, Order, Receipt, Selection, TimeRange
from tocsin.query.tree import Node

SECOND = 1_000_000_000


def _without_sequences(logs: list[Log]) -> list[Log]:
    """Sequence numbers are each store's own; only their order is promised, and that shows in the order of logs."""
    return [replace(log, ingest_sequence=0) for log in logs]


async def _assert_same_answers(store: LogStore, oracle: LogStore, selected: Selection) -> None:
    for order in Order:
        found = _without_sequences(await scanned(store, selected, order=order, batch_rows=7))
        assert found == _without_sequences(await scanned(oracle, selected, order=order))
    assert await store.count(selected) == await oracle.count(selected)
    interval = 3 * SECOND
    assert await store.histogram(selected, interval_nano=interval) == await oracle.histogram(
        selected, interval_nano=interval
    )
    shapes, expected_shapes = await store.top_shapes(selected, limit=3), await oracle.top_shapes(selected, limit=3)
    assert [(top.shape, top.count) for top in shapes] == [(top.shape, top.count) for top in expected_shapes]


_Batches = list[list[dict[str, Any]]]


def _with_queries(batches: _Batches) -> st.SearchStrategy[tuple[_Batches, list[Node]]]:
    about = queries_about([row for rows in batches for row in rows])
    return st.tuples(st.just(batches), st.lists(about, min_size=10, max_size=10))


@given(
    batches_and_queries=st.lists(st.lists(log_rows, max_size=12), min_size=1, max_size=3).flatmap(_with_queries),
    ticks=st.tuples(st.integers(-1, 21), st.integers(-1, 21)),
)
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_every_backend_answers_as_the_oracle_does(
    log_store: LogStore, batches_and_queries: tuple[_Batches, list[Node]], ticks: tuple[int, int]
) -> None:
    batches, queries = batches_and_queries
    oracle = MemoryLogStore()
    organization_id = uuid4()
    for rows in batches:
        # Content hashes are keyed per organization, as intake keys them.
        batch, receipt = log_batch(rows, seed=organization_id.int % 2**63), Receipt(received=len(rows))
        outcome = await log_store.write(organization_id, batch, receipt)
        expected = await oracle.write(organization_id, batch, receipt)
        assert outcome.is_new.tolist() == expected.is_new.tolist()
    totals = await oracle.totals(organization_id)
    await searchable(log_store, organization_id, totals.stored)
    assert await eventual_totals(log_store, organization_id, received=totals.received) == totals
    start, end = (NOON_UNIX_NANO + tick * SECOND // 2 for tick in sorted(ticks))
    for query in queries:
        await _assert_same_answers(log_store, oracle, selection(organization_id, query))
        part = selection(organization_id, query, time_range=TimeRange(start, end))
        await _assert_same_answers(log_store, oracle, part)
