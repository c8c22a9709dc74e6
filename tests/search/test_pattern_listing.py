"""``PatternListing``: patterns whose counts are of all logs, and sum to the window's total in every case."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.search.conftest import ORGANIZATION, HeldClock
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import FixedCatalogue
from tocsin.kit.errors import InvalidRequest
from tocsin.logmodel.levels import Level
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore, Receipt, Selection
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.search.contracts import Question
from tocsin.search.limits import QueryLimits
from tocsin.search.pattern_contracts import PatternCounts, PatternOrder, Trend
from tocsin.search.pattern_listing import PatternListing
from tocsin.search.questions import Questions

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
START = NOON_UNIX_NANO - HOUR
UNKNOWN_SHAPE = 99


def catalogue(*patterns: Pattern) -> PatternCatalogue:
    return PatternCatalogue(
        patterns=MappingProxyType({each.id: each for each in patterns}),
        pattern_ids=MappingProxyType({shape: each.id for each in patterns for shape in each.shapes}),
    )


def pattern(*shapes: int, first_seen: int = START - 10 * HOUR) -> Pattern:
    return Pattern(
        id=shapes[0], template=f"pattern {shapes[0]}", shapes=frozenset(shapes), first_seen_unix_nano=first_seen
    )


THREE = catalogue(pattern(1, 2, 3), pattern(4), pattern(5, 6, first_seen=START + MINUTE))


class LateCatalogue(FixedCatalogue):
    """Knows nothing until it is told to look."""

    def __init__(self, found: PatternCatalogue) -> None:
        super().__init__()
        self.found = found
        self.looks = 0

    async def look(self, _organization_id: object) -> PatternCatalogue:
        self.looks += 1
        return self.found


def listing(store: LogStore, clock: HeldClock, catalogues: LateCatalogue) -> PatternListing:
    limits = QueryLimits(max_concurrent=2, timeout_seconds=5)
    return PatternListing(store, catalogues, Questions(catalogues, clock=clock), limits=limits)


async def write(store: LogStore, *rows: Mapping[str, object]) -> None:
    numbered = [{"message": f"log {number}", "timestamp": START} | dict(row) for number, row in enumerate(rows)]
    await store.write(ORGANIZATION, log_batch(numbered), Receipt(received=len(rows)))


def question(text: str = "") -> Question:
    return Question(organization_id=ORGANIZATION, text=text)


def sum_of(found: PatternCounts) -> int:
    return sum(each.count for each in found.patterns) + found.others + found.unregistered


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON_UNIX_NANO)


async def test_logs_are_divided_by_pattern(store: LogStore, clock: HeldClock) -> None:
    await write(
        store,
        {"shape": 1, "timestamp": START + 5, "service": "api"},
        {"shape": 2, "timestamp": START + HOUR - 1, "service": "web", "severity_number": 17},
        {"shape": 3, "timestamp": START + 2 * MINUTE, "service": "api"},
        {"shape": 4, "timestamp": START},
        {"shape": 4, "timestamp": START - 1},
        {"shape": 4, "timestamp": START + HOUR},
    )
    found = await listing(store, clock, LateCatalogue(THREE)).patterns(question(), interval="10m")
    assert found.total == 4
    first, second = found.patterns
    assert (first.pattern.id, first.count, first.share) == (1, 3, 0.75)
    assert (first.first_unix_nano, first.last_unix_nano) == (START + 5, START + HOUR - 1)
    assert first.levels == {Level.INFO: 2, Level.ERROR: 1}
    assert [(each.value, each.count) for each in first.services] == [("api", 2), ("web", 1)]
    assert first.counts == [2, 0, 0, 0, 0, 1]
    assert (second.pattern.id, second.count, second.count_before) == (4, 1, 1)
    assert (found.pattern_total, found.others, found.unregistered) == (2, 0, 0)


async def test_the_time_before_all_patterns_is_not_read(store: LogStore, clock: HeldClock) -> None:
    began = catalogue(pattern(4, first_seen=START))
    catalogues = LateCatalogue(began)
    catalogues._catalogue = began
    await write(store, {"shape": 4}, {"shape": 4, "timestamp": START - 1})
    [found] = (await listing(store, clock, catalogues).patterns(question())).patterns
    assert (found.count, found.count_before) == (1, 0)


async def test_a_sparkline_has_a_bounded_number_of_intervals(store: LogStore, clock: HeldClock) -> None:
    with pytest.raises(InvalidRequest, match="1 to 300 intervals"):
        await listing(store, clock, LateCatalogue(THREE)).patterns(question(), interval="10s")


async def test_the_time_before_is_one_that_stores_have_numbers_for(clock: HeldClock) -> None:
    starts: list[int] = []

    class Recording(MemoryLogStore):
        async def shape_counts(self, selection: Selection, *, interval_nano: int) -> pa.Table:
            starts.append(selection.time_range.start_unix_nano)
            return await super().shape_counts(selection, interval_nano=interval_nano)

    since_ever = replace(question(), start="1677-09-22")
    await listing(Recording(), clock, LateCatalogue(THREE)).patterns(since_ever)
    assert len(starts) == 2
    assert min(starts) >= -(2**63)


async def test_a_pattern_is_new_that_was_never_seen_before_though_others_were(
    store: LogStore, clock: HeldClock
) -> None:
    await write(store, {"shape": 1}, {"shape": 5, "timestamp": START + MINUTE})
    patterns = listing(store, clock, LateCatalogue(THREE))
    assert {each.pattern.id: each.is_new for each in (await patterns.patterns(question())).patterns} == {
        1: False,
        5: True,
    }
    only_new = await patterns.patterns(question(), only_new=True)
    assert [each.pattern.id for each in only_new.patterns] == [5]
    assert sum_of(only_new) == only_new.total == 2


async def test_nothing_is_new_when_everything_is(store: LogStore, clock: HeldClock) -> None:
    await write(store, {"shape": 5, "timestamp": START + MINUTE})
    alone = catalogue(pattern(5, first_seen=START + MINUTE))
    found = await listing(store, clock, LateCatalogue(alone)).patterns(question())
    assert [each.is_new for each in found.patterns] == [False]


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (0, 30, Trend.RISING),
        (30, 1, Trend.FALLING),
        (20, 24, Trend.STEADY),
        (0, 5, Trend.STEADY),
        (100, 140, Trend.STEADY),
        (100, 180, Trend.RISING),
    ],
)
async def test_a_trend_is_told_from_chance(clock: HeldClock, before: int, now: int, trend: Trend) -> None:
    store = MemoryLogStore()
    await write(
        store,
        *({"shape": 1, "timestamp": START - 1 - number} for number in range(before)),
        *({"shape": 1, "timestamp": START + number} for number in range(now)),
    )
    found = await listing(store, clock, LateCatalogue(THREE)).patterns(question())
    assert [(each.count_before, each.count, each.trend) for each in found.patterns] == [(before, now, trend)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [(PatternOrder.COUNT, [1, 4, 5]), (PatternOrder.NEWEST, [5, 1, 4]), (PatternOrder.RISING, [4, 5, 1])],
)
async def test_patterns_come_in_the_order_asked_for(
    store: LogStore, clock: HeldClock, order: PatternOrder, expected: list[int]
) -> None:
    await write(
        store,
        *({"shape": 1, "timestamp": START + number} for number in range(10)),
        *({"shape": 2, "timestamp": START - 1 - number} for number in range(12)),
        *({"shape": 4, "timestamp": START + number} for number in range(5)),
        {"shape": 6},
    )
    found = await listing(store, clock, LateCatalogue(THREE)).patterns(question(), order=order)
    assert [each.pattern.id for each in found.patterns] == expected


async def test_patterns_beyond_the_limit_are_counted(store: LogStore, clock: HeldClock) -> None:
    await write(store, {"shape": 1}, {"shape": 1}, {"shape": 4}, {"shape": 5})
    found = await listing(store, clock, LateCatalogue(THREE)).patterns(question(), limit=1)
    assert (len(found.patterns), found.pattern_total, found.others, found.total) == (1, 3, 2, 4)


async def test_a_shape_that_is_too_new_makes_the_registry_look(store: LogStore, clock: HeldClock) -> None:
    catalogues = LateCatalogue(THREE)
    await write(store, {"shape": 1})
    await listing(store, clock, catalogues).patterns(question())
    assert catalogues.looks == 1


async def test_a_full_registry_is_not_asked_to_look(store: LogStore, clock: HeldClock) -> None:
    catalogues = LateCatalogue(THREE)
    catalogues._catalogue = replace(THREE, is_full=True)
    await write(store, {"shape": UNKNOWN_SHAPE}, {"shape": 1})
    found = await listing(store, clock, catalogues).patterns(question())
    assert (catalogues.looks, found.unregistered, sum_of(found)) == (0, 1, 2)


async def test_no_logs_are_no_patterns(store: LogStore, clock: HeldClock) -> None:
    found = await listing(store, clock, LateCatalogue(THREE)).patterns(question())
    assert (found.total, found.patterns, found.others, len(found.starts)) == (0, [], 0, 30)


_rows = st.lists(
    st.fixed_dictionaries(
        {
            "shape": st.sampled_from([1, 2, 3, 4, 5, 6, UNKNOWN_SHAPE]),
            "timestamp": st.integers(START - HOUR, START + HOUR),
            "service": st.sampled_from(["api", "web"]),
            "severity_number": st.sampled_from([1, 9, 17]),
        }
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    _rows,
    st.sampled_from(["", "service:api", "level:ERROR", "pattern:0000000000000001", "NOT pattern:0000000000000004"]),
    st.sampled_from(PatternOrder),
    st.booleans(),
    st.integers(1, 4),
)
async def test_counts_sum_to_the_total_in_every_case(
    clock: HeldClock, rows: list[dict[str, object]], text: str, order: PatternOrder, only_new: bool, limit: int
) -> None:
    store = MemoryLogStore()
    await write(store, *rows)
    patterns = listing(store, clock, LateCatalogue(THREE))
    patterns._questions = Questions(FixedCatalogue(THREE), clock=clock)
    found = await patterns.patterns(question(text), order=order, only_new=only_new, limit=limit)
    selection = await patterns._questions.selection(question(text), timeout_seconds=5)
    assert sum_of(found) == found.total == await store.count(selection)
    for each in found.patterns:
        assert sum(each.counts) == sum(each.levels.values()) == sum(s.count for s in each.services) == each.count
