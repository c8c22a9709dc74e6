"""Counts, histograms, top shapes, and one log by its id."""

from uuid import UUID

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import ALL_TIME, scanned, searchable, selection
from tocsin.logmodel.ids import parse_log_id
from tocsin.logstore.ports import HistogramBucket, LogStore, Receipt, TimeRange
from tocsin.query.tree import Phrase, ServiceIs

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


async def _write(store: LogStore, organization_id: UUID, rows: list[dict[str, object]]) -> None:
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
    await searchable(store, organization_id, len(rows))


async def test_count_counts_what_matches(log_store: LogStore, organization_id: UUID) -> None:
    rows: list[dict[str, object]] = [{"message": f"log {n}", "service": f"service-{n % 3}"} for n in range(10)]
    await _write(log_store, organization_id, rows)
    assert await log_store.count(selection(organization_id)) == 10
    assert await log_store.count(selection(organization_id, ServiceIs("service-0"))) == 4
    assert await log_store.count(selection(organization_id, Phrase(("absent",)))) == 0


async def test_histogram_is_aligned_to_the_epoch(log_store: LogStore, organization_id: UUID) -> None:
    offsets = [(0, 9), (1, 9), (59 * SECOND, 17), (60 * SECOND, 9), (-1, 9), (600 * SECOND, 24), (59 * SECOND, 9)]
    rows: list[dict[str, object]] = [
        {"timestamp": NOON_UNIX_NANO + offset, "severity_number": severity, "message": str(number)}
        for number, (offset, severity) in enumerate(offsets)
    ]
    await _write(log_store, organization_id, rows)
    assert await log_store.histogram(selection(organization_id), interval_nano=MINUTE) == [
        HistogramBucket(NOON_UNIX_NANO - MINUTE, 9, 1),
        HistogramBucket(NOON_UNIX_NANO, 9, 3),
        HistogramBucket(NOON_UNIX_NANO, 17, 1),
        HistogramBucket(NOON_UNIX_NANO + MINUTE, 9, 1),
        HistogramBucket(NOON_UNIX_NANO + 10 * MINUTE, 24, 1),
    ]


async def test_histogram_counts_only_the_range_when_its_bounds_cut_a_bucket(
    log_store: LogStore, organization_id: UUID
) -> None:
    rows: list[dict[str, object]] = [{"timestamp": NOON_UNIX_NANO + n * SECOND, "message": str(n)} for n in range(120)]
    await _write(log_store, organization_id, rows)
    selected = selection(
        organization_id, time_range=TimeRange(NOON_UNIX_NANO + 30 * SECOND, NOON_UNIX_NANO + 70 * SECOND)
    )
    assert await log_store.histogram(selected, interval_nano=MINUTE) == [
        HistogramBucket(NOON_UNIX_NANO, 9, 30),
        HistogramBucket(NOON_UNIX_NANO + MINUTE, 9, 10),
    ]


async def test_histogram_takes_intervals_that_divide_no_minute(log_store: LogStore, organization_id: UUID) -> None:
    rows: list[dict[str, object]] = [{"timestamp": NOON_UNIX_NANO + n * SECOND, "message": str(n)} for n in range(30)]
    await _write(log_store, organization_id, rows)
    interval = 7 * SECOND + 1
    buckets = await log_store.histogram(selection(organization_id), interval_nano=interval)
    starts = [(NOON_UNIX_NANO + n * SECOND) // interval * interval for n in range(30)]
    assert buckets == [HistogramBucket(start, 9, starts.count(start)) for start in sorted(set(starts))]


async def test_top_shapes_are_the_most_frequent_first_then_by_shape(log_store: LogStore, organization_id: UUID) -> None:
    counts = {30: 2, 10: 5, 20: 2, 2**64 - 1: 2, 5: 1}
    rows: list[dict[str, object]] = [
        {"shape": shape, "message": f"shape {shape} log {n}"} for shape, count in counts.items() for n in range(count)
    ]
    await _write(log_store, organization_id, rows)
    top = await log_store.top_shapes(selection(organization_id), limit=4)
    assert [(shape.shape, shape.count) for shape in top] == [(10, 5), (20, 2), (30, 2), (2**64 - 1, 2)]
    for shape in top:
        assert shape.exemplar in await scanned(log_store, selection(organization_id))
        assert shape.exemplar.shape == shape.shape


async def test_top_shapes_count_only_what_matches(log_store: LogStore, organization_id: UUID) -> None:
    rows: list[dict[str, object]] = [
        {"shape": n % 2, "message": "kept" if n < 3 else "left", "content_hash": n} for n in range(10)
    ]
    await _write(log_store, organization_id, rows)
    top = await log_store.top_shapes(selection(organization_id, Phrase(("kept",))), limit=10)
    assert [(shape.shape, shape.count) for shape in top] == [(0, 2), (1, 1)]
    assert all(shape.exemplar.message == "kept" for shape in top)


async def test_get_finds_every_log_by_its_id(log_store: LogStore, organization_id: UUID) -> None:
    rows: list[dict[str, object]] = [
        {"timestamp": NOON_UNIX_NANO + n * 400_000, "message": f"log {n}"} for n in range(6)
    ]
    await _write(log_store, organization_id, rows)
    for log in await scanned(log_store, selection(organization_id)):
        milliseconds, content_hash = parse_log_id(log.id)
        assert await log_store.get(organization_id, timestamp_unix_milli=milliseconds, content_hash=content_hash) == log


async def test_get_finds_nothing_when_any_part_differs(log_store: LogStore, organization_id: UUID) -> None:
    await _write(log_store, organization_id, [{"message": "here", "content_hash": 5}])
    milliseconds = NOON_UNIX_NANO // 1_000_000
    assert await log_store.get(organization_id, timestamp_unix_milli=milliseconds, content_hash=5) is not None
    assert await log_store.get(organization_id, timestamp_unix_milli=milliseconds, content_hash=6) is None
    assert await log_store.get(organization_id, timestamp_unix_milli=milliseconds + 1, content_hash=5) is None
    assert await log_store.get(UUID(int=9), timestamp_unix_milli=milliseconds, content_hash=5) is None


async def test_aggregates_agree_with_a_scan(log_store: LogStore, organization_id: UUID) -> None:
    rows: list[dict[str, object]] = [
        {"timestamp": NOON_UNIX_NANO + n * 7 * SECOND, "severity_number": 1 + n % 24, "message": f"job {n} done"}
        for n in range(100)
    ]
    await _write(log_store, organization_id, rows)
    selected = selection(organization_id, Phrase(("done",)), time_range=ALL_TIME)
    logs = await scanned(log_store, selected)
    buckets = await log_store.histogram(selected, interval_nano=MINUTE)
    assert len(logs) == await log_store.count(selected) == sum(bucket.count for bucket in buckets) == 100
    [shape] = await log_store.top_shapes(selected, limit=3)
    assert shape.count == 100
