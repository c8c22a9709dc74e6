"""Counts by shape, samples, and the shapes that came in after a position: every backend answers as the memory store."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.random_logs import log_rows, query_trees
from tests.support.reading import eventually, searchable, selection
from tocsin.logmodel.batch import STORED_LOG_COLUMNS, STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import (
    SHAPE_COUNTS_SCHEMA,
    EarliestMessage,
    LogStore,
    Receipt,
    SeenShape,
    Selection,
    TimeRange,
    interval_starts,
)
from tocsin.query.tree import And, Node, Not, Or, ShapeIn

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
SHAPES = (0, 1, 2**63 - 1, 2**63, 2**64 - 1)
_SETTINGS = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


async def _write(store: LogStore, organization_id: UUID, rows: list[dict[str, Any]]) -> None:
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))


async def _counted(store: LogStore, selected: Selection, *, interval_nano: int) -> list[dict[str, Any]]:
    """The rows of ``shape_counts`` in one order, checked for their form."""
    table = await store.shape_counts(selected, interval_nano=interval_nano)
    assert table.schema.equals(SHAPE_COUNTS_SCHEMA)
    table.validate(full=True)
    assert not any(column.null_count for column in table.columns)
    keys = [(name, "ascending") for name in ("shape", "service", "severity_number")]
    rows: list[dict[str, Any]] = table.sort_by(keys).to_pylist()
    intervals = len(interval_starts(selected.time_range, interval_nano))
    assert all(len(row["counts"]) == intervals and sum(row["counts"]) == row["count"] > 0 for row in rows)
    return rows


async def _sampled(store: LogStore, selected: Selection, *, slices: int, rows_per_slice: int) -> list[Log]:
    """The logs of a sample, whose sequence numbers, each store's own, are left out."""
    table = await store.sample(selected, slices=slices, rows_per_slice=rows_per_slice)
    assert table.schema.equals(STORED_LOG_SCHEMA)
    table.validate(full=True)
    logs = [log for batch in table.to_batches() for log in logs_of(batch)]
    positions = [(log.timestamp_unix_nano, log.ingest_sequence) for log in logs]
    assert positions == sorted(positions)
    return [replace(log, ingest_sequence=0) for log in logs]


def _around_noon(nanoseconds: int, *, before: int = 0) -> TimeRange:
    return TimeRange(NOON_UNIX_NANO - before, NOON_UNIX_NANO + nanoseconds)


async def test_logs_are_counted_by_shape_service_and_severity(log_store: LogStore, organization_id: UUID) -> None:
    seen = [(5, "api", 9, 0), (5, "api", 9, 30), (5, "api", 17, 10), (5, "web", 9, 29), (7, "api", 9, 11)]
    rows = [
        {"shape": shape, "service": service, "severity_number": severity, "timestamp": NOON_UNIX_NANO + offset}
        for shape, service, severity, offset in seen
    ]
    await _write(log_store, organization_id, rows)
    await searchable(log_store, organization_id, 5)
    selected = selection(organization_id, time_range=_around_noon(40))
    table = await log_store.shape_counts(selected, interval_nano=10)
    names = ("shape", "service", "severity_number", "count", "first_timestamp", "last_timestamp", "counts")
    assert table.schema.names == list(names)
    found = [
        (*row[:4], row[4] - NOON_UNIX_NANO, row[5] - NOON_UNIX_NANO, row[6])
        for row in zip(*table.to_pydict().values(), strict=True)
    ]
    assert sorted(found) == [
        (5, "api", 9, 2, 0, 30, [1, 0, 0, 1]),
        (5, "api", 17, 1, 10, 10, [0, 1, 0, 0]),
        (5, "web", 9, 1, 29, 29, [0, 0, 1, 0]),
        (7, "api", 9, 1, 11, 11, [0, 1, 0, 0]),
    ]


async def test_intervals_are_aligned_to_the_epoch_and_cover_the_range(
    log_store: LogStore, organization_id: UUID
) -> None:
    offsets = (-6, -5, -1, 0, 9, 10, 14, 15)
    await _write(log_store, organization_id, [{"shape": 5, "timestamp": NOON_UNIX_NANO + offset} for offset in offsets])
    await searchable(log_store, organization_id, len(offsets))
    selected = selection(organization_id, time_range=_around_noon(15, before=5))
    [row] = await _counted(log_store, selected, interval_nano=10)
    assert (row["count"], row["counts"]) == (6, [2, 2, 2])
    assert (row["first_timestamp"], row["last_timestamp"]) == (NOON_UNIX_NANO - 5, NOON_UNIX_NANO + 14)


@pytest.mark.parametrize("shape", SHAPES)
async def test_shapes_of_all_sizes_are_told_apart(log_store: LogStore, organization_id: UUID, shape: int) -> None:
    await _write(log_store, organization_id, [{"shape": each, "message": f"{each:x}"} for each in SHAPES])
    await searchable(log_store, organization_id, len(SHAPES))
    selected = selection(organization_id, ShapeIn(frozenset({shape, 12})))
    [row] = await _counted(log_store, selected, interval_nano=2**60)
    assert (row["shape"], row["count"]) == (shape, 1)
    [log] = await _sampled(log_store, selected, slices=1, rows_per_slice=2)
    assert (log.shape, log.message) == (shape, f"{shape:x}")


async def test_many_shapes_may_be_asked_for(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{"shape": each, "message": str(each)} for each in SHAPES])
    await searchable(log_store, organization_id, len(SHAPES))
    many = frozenset([*range(2**64 - 5_000, 2**64), 2**63])
    selected = selection(organization_id, ShapeIn(many))
    assert [row["shape"] for row in await _counted(log_store, selected, interval_nano=2**61)] == [2**63, 2**64 - 1]
    assert {log.shape for log in await _sampled(log_store, selected, slices=50, rows_per_slice=2)} == {
        2**63,
        2**64 - 1,
    }


async def test_logs_of_all_times_are_counted_in_one_interval(log_store: LogStore, organization_id: UUID) -> None:
    moments = [1, NOON_UNIX_NANO, NOON_UNIX_NANO + 10_000 * DAY]
    await _write(log_store, organization_id, [{"shape": 5, "timestamp": moment} for moment in moments])
    await searchable(log_store, organization_id, 3)
    everything = TimeRange(-(2**63), 2**63 - 1)
    selected = selection(organization_id, time_range=everything)
    [row] = await _counted(log_store, selected, interval_nano=2**61)
    assert row["counts"] == [0, 0, 0, 0, 2, 1, 0, 0]
    assert (row["first_timestamp"], row["last_timestamp"]) == (moments[0], moments[-1])
    logs = await _sampled(log_store, selected, slices=8, rows_per_slice=1)
    assert [log.timestamp_unix_nano for log in logs] == [moments[0], moments[2]]


async def test_a_sample_has_the_first_logs_of_each_part(log_store: LogStore, organization_id: UUID) -> None:
    offsets = [0, 1, 2, 10, 25, 26, 29, 30]
    rows = [{"timestamp": NOON_UNIX_NANO + offset, "message": f"at {offset}"} for offset in reversed(offsets)]
    await _write(log_store, organization_id, rows)
    await searchable(log_store, organization_id, len(rows))
    selected = selection(organization_id, time_range=_around_noon(30))
    logs = await _sampled(log_store, selected, slices=3, rows_per_slice=2)
    assert [log.message for log in logs] == ["at 0", "at 1", "at 10", "at 25", "at 26"]


async def test_logs_at_one_moment_are_sampled_in_the_order_in_which_they_came(
    log_store: LogStore, organization_id: UUID
) -> None:
    for number in range(4):
        await _write(log_store, organization_id, [{"message": f"log {number}"}])
    await searchable(log_store, organization_id, 4)
    logs = await _sampled(log_store, selection(organization_id), slices=1, rows_per_slice=3)
    assert [log.message for log in logs] == ["log 0", "log 1", "log 2"]


async def test_a_range_may_have_fewer_nanoseconds_than_parts(log_store: LogStore, organization_id: UUID) -> None:
    rows = [{"timestamp": NOON_UNIX_NANO + offset, "message": f"{offset}/{n}"} for offset in range(4) for n in range(3)]
    await _write(log_store, organization_id, rows)
    await searchable(log_store, organization_id, len(rows))
    selected = selection(organization_id, time_range=_around_noon(3))
    logs = await _sampled(log_store, selected, slices=25, rows_per_slice=2)
    assert [log.message for log in logs] == ["0/0", "0/1", "1/0", "1/1", "2/0", "2/1"]


@pytest.mark.parametrize("time_range", [_around_noon(0), _around_noon(1, before=-1), _around_noon(7 * SECOND)])
async def test_nothing_is_counted_and_sampled_where_there_is_nothing(
    log_store: LogStore, organization_id: UUID, time_range: TimeRange
) -> None:
    await _write(log_store, uuid4(), [{"shape": 5}, {"shape": 6, "timestamp": NOON_UNIX_NANO + SECOND}])
    selected = selection(organization_id, time_range=time_range)
    assert await _counted(log_store, selected, interval_nano=SECOND) == []
    assert await _sampled(log_store, selected, slices=3, rows_per_slice=2) == []


async def test_no_shapes_match_no_logs(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{"shape": 5}])
    await searchable(log_store, organization_id, 1)
    for query, count in ((ShapeIn(frozenset()), 0), (Not(ShapeIn(frozenset())), 1)):
        selected = selection(organization_id, query)
        assert len(await _counted(log_store, selected, interval_nano=2**60)) == count
        assert len(await _sampled(log_store, selected, slices=2, rows_per_slice=1)) == count


@pytest.mark.parametrize("columns", [("message", "shape"), ("shape", "timestamp"), ("service",), STORED_LOG_COLUMNS])
async def test_a_sample_has_the_columns_that_are_wanted(
    log_store: LogStore, organization_id: UUID, columns: tuple[str, ...]
) -> None:
    rows = [{"timestamp": NOON_UNIX_NANO + n, "message": f"started {n} times", "service": "web"} for n in range(5)]
    await log_store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
    await searchable(log_store, organization_id, len(rows))
    whole = await log_store.sample(selection(organization_id), slices=2, rows_per_slice=3)
    some = await log_store.sample(selection(organization_id), slices=2, rows_per_slice=3, columns=columns)
    assert whole.num_rows > 2
    assert some.equals(whole.select(list(columns)))


async def test_organizations_are_counted_and_sampled_apart(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    await _write(log_store, organization_id, [{"shape": 5, "message": "ours"}])
    await _write(log_store, other_id, [{"shape": 5, "message": "theirs"}, {"shape": 6, "message": "theirs"}])
    await searchable(log_store, organization_id, 1)
    await searchable(log_store, other_id, 2)
    assert [row["count"] for row in await _counted(log_store, selection(organization_id), interval_nano=2**60)] == [1]
    logs = await _sampled(log_store, selection(organization_id), slices=2, rows_per_slice=5)
    assert [log.message for log in logs] == ["ours"]


def _with_shapes(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Queries of which some name shapes."""
    shape_in = st.frozensets(st.sampled_from(SHAPES), max_size=3).map(ShapeIn)
    pairs = st.tuples(shape_in, inner)
    return st.one_of(inner, shape_in, shape_in.map(Not), pairs.map(And), pairs.map(Or))


@given(
    batches=st.lists(st.lists(log_rows, max_size=25), min_size=1, max_size=3),
    questions=st.lists(
        st.tuples(
            _with_shapes(query_trees),
            st.tuples(st.integers(-1, 21), st.integers(-1, 21)),
            st.sampled_from([SECOND, 3 * SECOND, 777_777_777, 60 * SECOND]),
            st.sampled_from([1, 3, 12]),
            st.sampled_from([1, 2, 100]),
        ),
        min_size=6,
        max_size=6,
    ),
)
@_SETTINGS
async def test_every_backend_counts_and_samples_as_the_oracle_does(
    log_store: LogStore,
    batches: list[list[dict[str, Any]]],
    questions: list[tuple[Node, tuple[int, int], int, int, int]],
) -> None:
    oracle, organization_id = MemoryLogStore(), uuid4()
    for rows in batches:
        batch, receipt = log_batch(rows, seed=organization_id.int % 2**63), Receipt(received=len(rows))
        await log_store.write(organization_id, batch, receipt)
        await oracle.write(organization_id, batch, receipt)
    await searchable(log_store, organization_id, (await oracle.totals(organization_id)).stored)
    for query, ticks, interval, slices, rows_per_slice in questions:
        start, end = (NOON_UNIX_NANO + tick * SECOND // 2 for tick in sorted(ticks))
        for node in (query, None):
            selected = selection(organization_id, node, time_range=TimeRange(start, end))
            found = await _counted(log_store, selected, interval_nano=interval)
            assert found == await _counted(oracle, selected, interval_nano=interval)
            assert sum(row["count"] for row in found) == await log_store.count(selected)
            how = {"slices": slices, "rows_per_slice": rows_per_slice}
            assert await _sampled(log_store, selected, **how) == await _sampled(oracle, selected, **how)


# ── what came in after a position ────────────────────────────────────────────────────────────────────────────────


async def _committed(store: LogStore, organization_id: UUID, logs: int) -> list[int]:
    """The sequence numbers of the organization's logs, once so many can be followed."""

    async def read() -> list[int]:
        rows: pa.RecordBatch = await store.read_after(organization_id, 0, limit=10_000)
        sequences: list[int] = rows["ingest_sequence"].to_pylist()
        return sequences

    sequences = await eventually(read, lambda found: len(found) >= logs)
    assert len(sequences) == logs
    return sequences


async def _seen(store: LogStore, organization_id: UUID, after: int, up_to: int) -> list[SeenShape]:
    seen = await store.shapes_after(organization_id, after, up_to=up_to)
    return sorted(seen, key=lambda each: each.shape)


async def _earliest(
    store: LogStore, organization_id: UUID, shapes: Collection[int], after: int, up_to: int
) -> list[EarliestMessage]:
    found = await store.earliest_messages(organization_id, shapes, after=after, up_to=up_to)
    return sorted(found, key=lambda each: each.shape)


async def test_shapes_are_seen_as_soon_as_their_logs_can_be_followed(
    log_store: LogStore, organization_id: UUID
) -> None:
    # Some of these are, in a store that writes ahead, not in its tables yet.
    for number in range(5):
        await _write(log_store, organization_id, [{"shape": number, "message": f"log {number}"}])
        sequences = await _committed(log_store, organization_id, number + 1)
        up_to = await log_store.last_sequence(organization_id)
        assert up_to == sequences[-1]
        seen = await _seen(log_store, organization_id, 0, up_to)
        assert seen == [SeenShape(shape, 1, NOON_UNIX_NANO) for shape in range(number + 1)]
        found = await _earliest(log_store, organization_id, [number], 0, up_to)
        assert found == [EarliestMessage(number, NOON_UNIX_NANO, f"log {number}")]


async def test_shapes_are_those_after_one_position_and_up_to_another(
    log_store: LogStore, organization_id: UUID
) -> None:
    offsets = [5, 3, -DAY, 4, 1]
    rows: list[dict[str, Any]] = [
        {"shape": (5, 2**63)[number % 2], "timestamp": NOON_UNIX_NANO + offset, "message": f"log {number}"}
        for number, offset in enumerate(offsets)
    ]
    for row in rows:
        await _write(log_store, organization_id, [row])
    sequences = [0, *await _committed(log_store, organization_id, 5)]
    await searchable(log_store, organization_id, 5)
    for after in range(6):
        for up_to in range(after, 6):
            came = sorted(rows[after:up_to], key=lambda row: row["timestamp"], reverse=True)
            counts, firsts = Counter(row["shape"] for row in came), {row["shape"]: row for row in came}
            between = (sequences[after], sequences[up_to])
            assert await _seen(log_store, organization_id, *between) == [
                SeenShape(shape, counts[shape], firsts[shape]["timestamp"]) for shape in sorted(firsts)
            ]
            assert await _earliest(log_store, organization_id, [5, 2**63, 6], *between) == [
                EarliestMessage(shape, firsts[shape]["timestamp"], firsts[shape]["message"]) for shape in sorted(firsts)
            ]


async def test_of_the_earliest_logs_that_with_the_smallest_content_hash_is_taken(
    log_store: LogStore, organization_id: UUID
) -> None:
    hashes = [2**64 - 1, 2**63, 12, 13, 2**63 - 1]
    rows = [{"shape": 5, "content_hash": each, "message": f"hash {each}"} for each in hashes]
    late = {"shape": 5, "content_hash": 1, "message": "late", "timestamp": NOON_UNIX_NANO + 1}
    for row in [late, *rows]:
        await _write(log_store, organization_id, [row])
    sequences = await _committed(log_store, organization_id, 6)
    await searchable(log_store, organization_id, 6)
    for up_to, expected in zip(sequences[1:], (2**64 - 1, 2**63, 12, 12, 12), strict=True):
        assert await _earliest(log_store, organization_id, [5], 0, up_to) == [
            EarliestMessage(5, NOON_UNIX_NANO, f"hash {expected}")
        ]


async def test_messages_of_thousands_of_shapes_are_found_as_they_were(
    log_store: LogStore, organization_id: UUID
) -> None:
    shapes = range(2**63 - 4_500, 2**63 + 4_500)
    texts = {shapes[0]: "nul \x00, é and \x01\x02", shapes[-1]: "", 2**63: "line\nline"}
    rows = [{"shape": shape, "message": texts.get(shape, str(shape))} for shape in shapes]
    await _write(log_store, organization_id, rows)
    up_to = (await _committed(log_store, organization_id, len(rows)))[-1]
    await searchable(log_store, organization_id, len(rows))
    found = await _earliest(log_store, organization_id, shapes[1:], 0, up_to)
    assert [(each.shape, each.message) for each in found] == [(row["shape"], row["message"]) for row in rows[1:]]
    some = {shapes[0], 2**63, shapes[5]}
    found = await _earliest(log_store, organization_id, some, 0, up_to)
    assert [each.message for each in found] == ["nul \x00, é and \x01\x02", str(shapes[5]), "line\nline"]


async def test_others_shapes_are_not_seen(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    await _write(log_store, other_id, [{"shape": 5, "timestamp": NOON_UNIX_NANO - 1}, {"shape": 6}])
    await _write(log_store, organization_id, [{"shape": 5}])
    await _write(log_store, other_id, [{"shape": 7, "message": "another"}])
    await _committed(log_store, organization_id, 1)
    up_to = (await _committed(log_store, other_id, 3))[-1]
    assert await _seen(log_store, organization_id, 0, up_to) == [SeenShape(5, 1, NOON_UNIX_NANO)]
    [found] = await _earliest(log_store, organization_id, [5, 6, 7], 0, up_to)
    assert (found.shape, found.timestamp_unix_nano) == (5, NOON_UNIX_NANO)


async def test_nothing_came_in_where_there_is_nothing(log_store: LogStore, organization_id: UUID) -> None:
    assert await _seen(log_store, organization_id, 0, 2**62) == []
    assert await _earliest(log_store, organization_id, [5], 0, 2**62) == []
    await _write(log_store, organization_id, [{"shape": 5}])
    [sequence] = await _committed(log_store, organization_id, 1)
    assert await _earliest(log_store, organization_id, [], 0, sequence) == []
    assert await _earliest(log_store, organization_id, [6], 0, sequence) == []
    assert await _seen(log_store, organization_id, sequence, sequence) == []
    assert await _seen(log_store, organization_id, sequence, 0) == []
