"""Groups by pattern are the groups of its shapes, added up."""

import pytest

from tests.search.conftest import ORGANIZATION, HeldClock
from tests.search.test_pattern_listing import HOUR, START, THREE, UNKNOWN_SHAPE, write
from tests.support.questions import FixedCatalogue
from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import LogStore
from tocsin.search import exploration as exploration_module
from tocsin.search.contracts import Grouping, Question
from tocsin.search.exploration import ExplorationService
from tocsin.search.limits import QueryLimits
from tocsin.search.questions import Questions

EVERYTHING = Question(organization_id=ORGANIZATION)
ONE, FOUR, UNKNOWN = f"{1:016x}", f"{4:016x}", f"{UNKNOWN_SHAPE:016x}"


@pytest.fixture
async def by_pattern(store: LogStore, clock: HeldClock, limits: QueryLimits) -> ExplorationService:
    await write(
        store,
        *({"shape": 1, "service": "api", "timestamp": START + number} for number in range(3)),
        *({"shape": 2, "service": "web", "timestamp": START + HOUR // 2 + number} for number in range(4)),
        *({"shape": 4, "service": "api", "timestamp": START + 10 + number} for number in range(5)),
        {"shape": UNKNOWN_SHAPE, "service": "api", "timestamp": START + 20},
    )
    return ExplorationService(store, Questions(FixedCatalogue(THREE), clock=clock), limits=limits)


async def test_shapes_are_added_up(by_pattern: ExplorationService) -> None:
    found = await by_pattern.aggregate(EVERYTHING, Grouping(measures=("count", "rate"), by=("pattern",)))
    assert [(group.values, group.results["count"]) for group in found.groups] == [
        ({"pattern": ONE}, 7.0),
        ({"pattern": FOUR}, 5.0),
        ({"pattern": UNKNOWN}, 1.0),
    ]
    assert found.groups[0].results["rate"] == 7 / 3600
    assert found.templates == {ONE: "pattern 1", FOUR: "pattern 4"}


async def test_patterns_are_grouped_with_other_fields_and_over_time(by_pattern: ExplorationService) -> None:
    found = await by_pattern.aggregate(EVERYTHING, Grouping(by=("service", "pattern"), interval="30m", limit=2))
    assert [(group.start_unix_nano, group.values, group.results) for group in found.groups] == [
        (START, {"service": "api", "pattern": FOUR}, {"count": 5.0}),
        (START + HOUR // 2, {"service": "web", "pattern": ONE}, {"count": 4.0}),
    ]
    assert found.has_more


@pytest.mark.parametrize(
    ("grouping", "reason"),
    [
        (Grouping(by=("pattern",), measures=("count", "p95:duration_ms")), "only count and rate"),
        (Grouping(by=("pattern", "shape")), "not by both"),
    ],
)
async def test_what_can_not_be_added_up_is_refused(
    by_pattern: ExplorationService, grouping: Grouping, reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        await by_pattern.aggregate(EVERYTHING, grouping)


async def test_more_shapes_than_an_answer_may_have_are_refused(
    by_pattern: ExplorationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploration_module, "MAX_ROWS", 4)
    with pytest.raises(InvalidRequest, match="narrow the query"):
        await by_pattern.aggregate(EVERYTHING, Grouping(by=("pattern",), limit=4))
