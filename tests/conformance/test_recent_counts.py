"""Counts of what came in after a position, without old logs: every backend answers as the memory store."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventually, searchable, selection
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, LogStore, Receipt, TimeRange

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MAX_AGE = 900 * SECOND
Counted = tuple[int, str, int, int, int]


async def _write(store: LogStore, organization_id: UUID, rows: list[dict[str, Any]]) -> None:
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))


async def _committed(store: LogStore, organization_id: UUID, logs: int) -> list[int]:
    """The sequence numbers of the organization's logs, once so many can be followed."""

    async def read() -> list[int]:
        rows = await store.read_after(organization_id, 0, limit=10_000)
        sequences: list[int] = rows["ingest_sequence"].to_pylist()
        return sequences

    return await eventually(read, lambda found: len(found) >= logs)


async def _counts(
    store: LogStore,
    organization_id: UUID,
    after: int,
    up_to: int,
    *,
    interval_nano: int = 10 * SECOND,
    max_age_nano: int = MAX_AGE,
) -> list[Counted]:
    """The rows in order, checked for their form."""
    table = await store.counts_after(
        organization_id, after, up_to=up_to, interval_nano=interval_nano, max_age_nano=max_age_nano
    )
    assert table.schema.equals(RECENT_COUNTS_SCHEMA)
    table.validate(full=True)
    assert not any(column.null_count for column in table.columns)
    return sorted(zip(*table.to_pydict().values(), strict=True))


async def test_logs_are_counted_by_shape_service_severity_and_interval(
    log_store: LogStore, organization_id: UUID
) -> None:
    seen = [(5, "api", 9, 0), (5, "api", 9, 9), (5, "api", 9, 10), (5, "api", 17, 3), (5, "wéb\n", 9, 3)]
    seen += [(2**64 - 1, "api", 9, 3), (2**63, "", 0, -1)]
    rows = [
        {"shape": shape, "service": service, "severity_number": severity, "timestamp": NOON_UNIX_NANO + offset * SECOND}
        for shape, service, severity, offset in seen
    ]
    await _write(log_store, organization_id, rows)
    up_to = (await _committed(log_store, organization_id, len(rows)))[-1]
    expected = sorted(
        (shape, service, severity, NOON_UNIX_NANO + offset * SECOND, count)
        for shape, service, severity, offset, count in (
            (5, "api", 9, 0, 2),
            (5, "api", 9, 10, 1),
            (5, "api", 17, 0, 1),
            (5, "wéb\n", 9, 0, 1),
            (2**64 - 1, "api", 9, 0, 1),
            (2**63, "", 0, -10, 1),
        )
    )
    assert await _counts(log_store, organization_id, 0, up_to) == expected
    # From the tables as from what is still on its way to them.
    await searchable(log_store, organization_id, len(rows))
    assert await _counts(log_store, organization_id, 0, up_to) == expected


@pytest.mark.parametrize("interval", [7, SECOND, 777_777_777, DAY])
async def test_intervals_are_aligned_to_the_epoch_before_it_too(
    log_store: LogStore, organization_id: UUID, interval: int
) -> None:
    moments = [-3 * DAY - 1, -interval - 1, -interval, -1, 0, 1, interval - 1, interval, NOON_UNIX_NANO]
    rows = [{"shape": number, "timestamp": moment} for number, moment in enumerate(moments)]
    await _write(log_store, organization_id, rows)
    up_to = (await _committed(log_store, organization_id, len(rows)))[-1]
    # Scans promise nothing before 1970, which intake refuses; the others came in the same commit.
    since_1970 = selection(organization_id, time_range=TimeRange(0, 2**62))
    for _ in range(2):
        found = await _counts(log_store, organization_id, 0, up_to, interval_nano=interval)
        assert [row[3] for row in found] == [moment // interval * interval for moment in moments]
        assert await eventually(lambda: log_store.count(since_1970), lambda count: count == 5) == 5


async def test_logs_that_were_old_when_they_were_observed_do_not_count(
    log_store: LogStore, organization_id: UUID
) -> None:
    ages = [0, -SECOND, -DAY, MAX_AGE - 1, MAX_AGE, MAX_AGE + 1, DAY, 20_000 * DAY]
    rows = [
        {"shape": number, "timestamp": NOON_UNIX_NANO - age, "observed_timestamp": NOON_UNIX_NANO}
        for number, age in enumerate(ages)
    ]
    await _write(log_store, organization_id, rows)
    up_to = (await _committed(log_store, organization_id, len(rows)))[-1]
    for _ in range(2):
        assert [row[0] for row in await _counts(log_store, organization_id, 0, up_to)] == [0, 1, 2, 3, 4]
        assert [row[0] for row in await _counts(log_store, organization_id, 0, up_to, max_age_nano=0)] == [0, 1, 2]
        await searchable(log_store, organization_id, len(rows))


async def test_logs_are_those_after_one_position_and_up_to_another(log_store: LogStore, organization_id: UUID) -> None:
    # In another order than that of their times.
    offsets = [5, 3, -20, 4, 1]
    for number, offset in enumerate(offsets):
        await _write(log_store, organization_id, [{"shape": number, "timestamp": NOON_UNIX_NANO + offset * SECOND}])
    sequences = [0, *await _committed(log_store, organization_id, 5)]
    for _ in range(2):
        for after in range(6):
            for up_to in range(after, 6):
                found = await _counts(log_store, organization_id, sequences[after], sequences[up_to])
                assert [row[0] for row in found] == list(range(after, up_to))
        await searchable(log_store, organization_id, 5)


async def test_organizations_are_counted_apart(log_store: LogStore, organization_id: UUID) -> None:
    other_id = uuid4()
    await _write(log_store, other_id, [{"shape": 5}, {"shape": 6}])
    await _write(log_store, organization_id, [{"shape": 5}])
    await _committed(log_store, organization_id, 1)
    await _committed(log_store, other_id, 2)
    start = NOON_UNIX_NANO
    assert await _counts(log_store, organization_id, 0, 2**62) == [(5, "checkout", 9, start, 1)]


async def test_nothing_is_counted_where_there_is_nothing(log_store: LogStore, organization_id: UUID) -> None:
    assert await _counts(log_store, organization_id, 0, 2**62) == []
    await _write(log_store, organization_id, [{"shape": 5}])
    [sequence] = await _committed(log_store, organization_id, 1)
    assert await _counts(log_store, organization_id, sequence, sequence) == []
    assert await _counts(log_store, organization_id, sequence, 0) == []


_ROWS = st.fixed_dictionaries(
    {
        "shape": st.sampled_from([0, 5, 2**63, 2**64 - 1]),
        "service": st.sampled_from(["api", "web", ""]),
        "severity_number": st.sampled_from([0, 9, 17]),
        "timestamp": st.integers(-40, 40).map(lambda tick: NOON_UNIX_NANO * (tick % 2) + tick * SECOND),
        "observed_timestamp": st.integers(-40, 40).map(lambda tick: NOON_UNIX_NANO * (tick % 2) + tick * SECOND),
        "message": st.sampled_from(["one", "two", "three"]),
    }
)


@given(
    batches=st.lists(st.lists(_ROWS, max_size=20), min_size=1, max_size=3),
    interval=st.sampled_from([SECOND, 7 * SECOND, 777_777_777]),
    max_age=st.sampled_from([0, 5 * SECOND, MAX_AGE, DAY]),
)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_every_backend_counts_as_the_oracle_does(
    log_store: LogStore, batches: list[list[dict[str, Any]]], interval: int, max_age: int
) -> None:
    oracle, organization_id = MemoryLogStore(), uuid4()
    for rows in batches:
        batch, receipt = log_batch(rows, seed=organization_id.int % 2**63), Receipt(received=len(rows))
        await log_store.write(organization_id, batch, receipt)
        await oracle.write(organization_id, batch, receipt)
    await _committed(log_store, organization_id, (await oracle.totals(organization_id)).stored)
    asked = {"interval_nano": interval, "max_age_nano": max_age}
    found = await _counts(log_store, organization_id, 0, 2**62, **asked)
    assert found == await _counts(oracle, organization_id, 0, 2**62, **asked)
