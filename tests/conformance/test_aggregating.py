"""Groups and statistics over them, and the keys of metadata: every backend answers as the memory store does."""

import math
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.random_logs import log_rows, query_trees
from tests.support.reading import searchable, selection
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    Field,
    KeyCount,
    LogColumn,
    LogStore,
    Measure,
    MetadataKey,
    Receipt,
    Statistic,
)
from tocsin.query.tree import Node, Phrase, ServiceIs

SECOND = 1_000_000_000
COUNT = Measure(Statistic.COUNT)
STATUS = MetadataKey("status")


async def _write(store: LogStore, organization_id: UUID, rows: list[dict[str, Any]]) -> None:
    logs = [{"timestamp": NOON_UNIX_NANO + n, "message": f"log {n}"} | row for n, row in enumerate(rows)]
    await store.write(organization_id, log_batch(logs), Receipt(received=len(logs)))
    await searchable(store, organization_id, len(logs))


def _plan(organization_id: UUID, *measures: Measure, query: Node | None = None, **how: Any) -> AggregatePlan:
    return AggregatePlan(selection=selection(organization_id, query), measures=measures or (COUNT,), **how)


async def test_groups_are_the_largest_first_then_in_the_order_of_their_values(
    log_store: LogStore, organization_id: UUID
) -> None:
    services = ["b", "a", "a", "c", "c", "d"]
    await _write(log_store, organization_id, [{"service": service} for service in services])
    assert await log_store.aggregate(_plan(organization_id, by=(LogColumn.SERVICE,), limit=3)) == [
        AggregateRow(None, ("a",), (2.0,)),
        AggregateRow(None, ("c",), (2.0,)),
        AggregateRow(None, ("b",), (1.0,)),
    ]


async def test_logs_without_a_value_are_a_group_that_stands_before_others_of_its_size(
    log_store: LogStore, organization_id: UUID
) -> None:
    await _write(log_store, organization_id, [{"metadata": {"status": ""}}, {}, {"metadata": {"status": None}}])
    assert await log_store.aggregate(_plan(organization_id, by=(STATUS,))) == [
        AggregateRow(None, (None,), (1.0,)),
        AggregateRow(None, ("",), (1.0,)),
        AggregateRow(None, ("null",), (1.0,)),
    ]


async def test_equal_texts_are_one_group_whatever_their_type(log_store: LogStore, organization_id: UUID) -> None:
    values = [5, "5", True, "true", "a,b}\\", 'quo"te']
    await _write(log_store, organization_id, [{"metadata": {"status": value, "x": "1"}} for value in values])
    rows = await log_store.aggregate(_plan(organization_id, by=(STATUS,)))
    assert [(row.values, row.results) for row in rows] == [
        (("5",), (2.0,)),
        (("true",), (2.0,)),
        (("a,b}\\",), (1.0,)),
        (('quo"te',), (1.0,)),
    ]


async def test_each_interval_has_the_largest_groups_of_the_whole_range(
    log_store: LogStore, organization_id: UUID
) -> None:
    seconds_by_service = {"few": [0], "most": [1, 1, 1], "some": [0, 2]}
    rows = [
        {"service": service, "timestamp": NOON_UNIX_NANO + second * SECOND + n}
        for service, seconds in seconds_by_service.items()
        for n, second in enumerate(seconds)
    ]
    await _write(log_store, organization_id, rows)
    plan = _plan(organization_id, by=(LogColumn.SERVICE,), interval_nano=SECOND, limit=2)
    assert await log_store.aggregate(plan) == [
        AggregateRow(NOON_UNIX_NANO, ("some",), (1.0,)),
        AggregateRow(NOON_UNIX_NANO + SECOND, ("most",), (3.0,)),
        AggregateRow(NOON_UNIX_NANO + 2 * SECOND, ("some",), (1.0,)),
    ]


async def test_percentiles_are_values_that_occur(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{"metadata": {"ms": value}} for value in (10, "20", 30.5, -4, "x", True)])
    shares = (0.0001, 0.25, 0.2500001, 0.5, 0.75, 0.76, 1.0)
    measures = [Measure(Statistic.PERCENTILE, MetadataKey("ms"), share) for share in shares]
    [row] = await log_store.aggregate(_plan(organization_id, *measures))
    assert row.results == (-4.0, -4.0, 10.0, 10.0, 20.0, 30.5, 30.5)


async def test_numbers_are_computed_over_what_spells_one(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{"metadata": {"ms": value}} for value in (1, "2.5", "1e1", "x", None)])
    field = MetadataKey("ms")
    statistics = (Statistic.MIN, Statistic.MAX, Statistic.AVERAGE, Statistic.DISTINCT)
    plan = _plan(organization_id, COUNT, *(Measure(statistic, field) for statistic in statistics))
    [row] = await log_store.aggregate(plan)
    assert row.results == (5.0, 1.0, 10.0, 4.5, 5.0)


async def test_there_is_one_group_even_of_no_logs(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{}])
    measures = (COUNT, Measure(Statistic.AVERAGE, STATUS), Measure(Statistic.DISTINCT, STATUS))
    plan = _plan(organization_id, *measures, query=Phrase(("absent",)))
    assert await log_store.aggregate(plan) == [AggregateRow(None, (), (0.0, None, 0.0))]
    assert await log_store.aggregate(_plan(organization_id, query=Phrase(("absent",)), interval_nano=SECOND)) == []


async def test_metadata_keys_are_counted_most_logs_first_then_by_name(
    log_store: LogStore, organization_id: UUID
) -> None:
    rows: list[dict[str, Any]] = [
        {"metadata": {"b": 1, "http": {"status": 2}}, "service": "api"},
        {"metadata": {"a": 1, "b": None, 'k"ey\\': 1, "": 0}, "service": "api"},
        {"metadata": {"elsewhere": 1}, "service": "web"},
    ]
    await _write(log_store, organization_id, rows)
    found = await log_store.metadata_keys(selection(organization_id, ServiceIs("api")), limit=4)
    assert found == [KeyCount("b", 2), KeyCount("", 1), KeyCount("a", 1), KeyCount("http.status", 1)]


_fields: st.SearchStrategy[Field] = st.one_of(
    st.sampled_from(LogColumn),
    st.sampled_from(["key", "key.a", "a", 'k"ey', "k\\", "é", "", ",", ":a"]).map(MetadataKey),
)
_measures = st.one_of(
    st.just(COUNT),
    st.builds(
        Measure,
        st.sampled_from([Statistic.DISTINCT, Statistic.MIN, Statistic.MAX, Statistic.AVERAGE]),
        _fields,
    ),
    st.builds(Measure, st.just(Statistic.PERCENTILE), _fields, st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.999, 1.0])),
)


async def test_a_key_of_signs_is_told_from_the_end_of_a_value(log_store: LogStore, organization_id: UUID) -> None:
    batch = log_batch([{"metadata": {",": ",", ":a": "x'"}}], seed=organization_id.int % 2**63)
    await log_store.write(organization_id, batch, Receipt(received=1))
    await searchable(log_store, organization_id, 1)
    plan = AggregatePlan(
        selection=selection(organization_id),
        by=(MetadataKey(","), MetadataKey(":a")),
        measures=(Measure(Statistic.COUNT),),
    )
    assert await log_store.aggregate(plan) == [AggregateRow(None, (",", "x'"), (1.0,))]


@st.composite
def _rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Random logs, some of which have keys that are hard to find in JSON."""
    rows = draw(st.lists(log_rows, max_size=25))
    hard = st.dictionaries(
        st.sampled_from([",", ":a", "{", "x,"]), st.sampled_from([1, ",", "{", 'x,"', ",:"]), max_size=3
    )
    return [row | {"metadata": row["metadata"] | draw(hard)} for row in rows]


_plans = st.fixed_dictionaries(
    {
        "measures": st.lists(_measures, min_size=1, max_size=4).map(tuple),
        "by": st.lists(_fields, max_size=3).map(tuple),
        "interval_nano": st.one_of(st.none(), st.sampled_from([SECOND, 3 * SECOND, 777_777_777])),
        "limit": st.sampled_from([1, 2, 3, 1_000]),
    }
)


@given(rows=_rows(), questions=st.lists(st.tuples(query_trees, _plans), min_size=10, max_size=10))
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_every_backend_aggregates_as_the_oracle_does(
    log_store: LogStore, rows: list[dict[str, Any]], questions: list[tuple[Node, dict[str, Any]]]
) -> None:
    oracle = MemoryLogStore()
    organization_id = uuid4()
    batch, receipt = log_batch(rows, seed=organization_id.int % 2**63), Receipt(received=len(rows))
    await log_store.write(organization_id, batch, receipt)
    outcome = await oracle.write(organization_id, batch, receipt)
    await searchable(log_store, organization_id, outcome.stored)
    for query, how in questions:
        for node in (query, None):
            selected = selection(organization_id, node)
            plan = AggregatePlan(selection=selected, **how)
            _assert_same(plan, await log_store.aggregate(plan), await oracle.aggregate(plan))
            assert await log_store.metadata_keys(selected, limit=3) == await oracle.metadata_keys(selected, limit=3)


def _assert_same(plan: AggregatePlan, found: list[AggregateRow], expected: list[AggregateRow]) -> None:
    assert [(row.start_unix_nano, row.values) for row in found] == [
        (row.start_unix_nano, row.values) for row in expected
    ]
    for row, expected_row in zip(found, expected, strict=True):
        for measure, result, expected_result in zip(plan.measures, row.results, expected_row.results, strict=True):
            if measure.statistic is Statistic.AVERAGE and result is not None and expected_result is not None:
                # The order of a sum is a backend's own; 1e300 among the numbers swallows the others.
                assert math.isclose(result, expected_result, rel_tol=1e-9, abs_tol=1e5), measure
            else:
                assert result == expected_result, measure
