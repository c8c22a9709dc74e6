"""One pattern's page, from the service and over HTTP, in front of the memory store."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock, given, problem
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import FixedCatalogue
from tocsin.kit.errors import NotFound, TocsinError
from tocsin.logmodel.levels import Level
from tocsin.logmodel.masking import masked_texts, shape_of
from tocsin.logstore.ports import LogStore, OrganizationId, Receipt
from tocsin.patterns.contracts import Pattern, PatternCatalogue, pattern_id_text
from tocsin.search import pattern_details
from tocsin.search.contracts import Question, ValueCount
from tocsin.search.limits import QueryLimits
from tocsin.search.pattern_detail_contracts import PatternDetails, VariableDistribution
from tocsin.search.pattern_detail_endpoints import PatternDetailsController
from tocsin.search.pattern_details import PatternDetailsService
from tocsin.search.questions import Questions

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
START = NOON_UNIX_NANO - HOUR
USERS = ["ann", "bob"]
FOUNDER, OTHER = (shape_of(f"user {user} took 1 ms") for user in USERS)
PATTERN = Pattern(
    id=FOUNDER,
    template="user <*> took <duration>",
    shapes=frozenset({FOUNDER, OTHER}),
    first_seen_unix_nano=START - HOUR,
    name="logins",
)
CATALOGUE = PatternCatalogue({FOUNDER: PATTERN}, {FOUNDER: FOUNDER, OTHER: FOUNDER})


class FixedPatterns(FixedCatalogue):
    """Knows one pattern."""

    async def pattern(self, _organization_id: OrganizationId, pattern_id: int) -> Pattern:
        if pattern_id not in CATALOGUE.pattern_ids:
            raise NotFound("there is no such pattern")
        return PATTERN

    async def exemplars(self, _organization_id: OrganizationId, shapes: object) -> dict[int, str]:
        assert isinstance(shapes, list)
        return {shape: f"user {USERS[shape != FOUNDER]} took 7 ms" for shape in shapes}


@pytest.fixture
def details(store: LogStore, clock: HeldClock, limits: QueryLimits) -> PatternDetailsService:
    patterns = FixedPatterns(CATALOGUE)
    return PatternDetailsService(store, patterns, Questions(patterns, clock=clock), limits=limits)


async def _store(store: LogStore, rows: list[dict[str, Any]]) -> None:
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))


def _row(minute: float, user: str, took: str, **others: Any) -> dict[str, Any]:
    return {"timestamp": START + int(minute * MINUTE), "message": f"user {user} took {took}", **others}


async def _asked(details: PatternDetailsService, text: str = "", number: int = FOUNDER) -> PatternDetails:
    return await details.details(Question(organization_id=ORGANIZATION, text=text), number)


def _values(variable: VariableDistribution) -> list[tuple[str, int]]:
    return [(each.value, each.count) for each in variable.values]


async def test_a_pattern_is_described_by_all_its_logs_that_match(
    store: LogStore, details: PatternDetailsService
) -> None:
    await _store(
        store,
        [
            _row(1, "ann", "12 ms", service="web"),
            _row(2, "bob", "1000 ms", service="auth", severity_number=17),
            _row(2.5, "ann", "40 ms", service="web"),
            _row(3, "carl", "1 ms"),
            _row(-5, "ann", "9 ms"),
        ],
    )
    found = await _asked(details)
    assert (found.pattern, found.count, found.logs_read) == (PATTERN, 3, 3)
    assert (found.first_unix_nano, found.last_unix_nano) == (START + MINUTE, START + 150 * MINUTE // 60)
    assert found.levels == {Level.INFO: 2, Level.ERROR: 1}
    assert found.services == [ValueCount("web", 2), ValueCount("auth", 1)]
    assert {start: count for start, count in zip(found.starts, found.counts, strict=True) if count} == {
        START: 1,
        START + 2 * MINUTE: 2,
    }
    assert [log.message for log in found.exemplars] == ["user ann took 40 ms", "user bob took 1000 ms"]
    assert [(each.shape, each.count) for each in found.shapes] == [(FOUNDER, 2), (OTHER, 1)]
    assert [each.template for each in found.shapes] == masked_texts(["user ann took 7 ms", "user bob took 7 ms"])
    assert found.shape_total == 2
    users, took = found.variables
    assert (users.variable.name, _values(users), users.numbers) == ("user", [("ann", 2), ("bob", 1)], None)
    assert (took.variable.name, took.distinct) == ("took", 3)
    assert took.numbers is not None
    assert (took.numbers.minimum, took.numbers.maximum) == (0.012, 1)
    assert [number for number in took.numbers.over_time["p95"] if number is not None] == [0.012, 1]


async def test_a_query_narrows_the_logs(store: LogStore, details: PatternDetailsService) -> None:
    await _store(store, [_row(1, "ann", "1 ms"), _row(2, "bob", "2 ms")])
    found = await _asked(details, "bob", OTHER)
    assert (found.count, _values(found.variables[0])) == (1, [("bob", 1)])


async def test_a_pattern_without_logs_has_no_values(details: PatternDetailsService) -> None:
    found = await _asked(details)
    assert (found.count, found.logs_read, found.first_unix_nano, found.shapes) == (0, 0, None, [])
    assert [(each.count, each.values, each.numbers) for each in found.variables] == [(0, [], None)] * 2
    assert set(found.counts) == {0}


async def test_a_sample_stands_for_all_logs_of_its_intervals(
    store: LogStore, details: PatternDetailsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_details, "MAX_LOGS_READ", 400)
    burst = [_row(10 + n / 500, "bob", "100 ms", metadata={"n": n}) for n in range(1_000)]
    await _store(store, [*burst, *[_row(minute + 0.1, "ann", "1 ms") for minute in range(12, 60)]])
    found = await _asked(details)
    assert found.count == 1_048
    assert 100 < found.logs_read < 300
    users, took = found.variables
    # Each bob that was read stands for several, each ann for itself.
    assert _values(users) == [("bob", 1_000), ("ann", 48)]
    assert took.numbers is not None
    assert (took.numbers.quantiles["p50"], took.numbers.count) == (0.1, 1_048)
    assert [each for each in took.numbers.over_time["p50"] if each is not None] == [0.1, *[0.001] * 24]


def test_fewer_logs_are_read_where_they_are_long_or_have_many_variables() -> None:
    assert pattern_details.logs_to_read([], variables=0) == pattern_details.MAX_LOGS_READ
    assert pattern_details.logs_to_read([], variables=100) == pattern_details.MAX_VALUES_READ // 100


@pytest.fixture
async def client(details: PatternDetailsService) -> AsyncIterator[AsyncTestClient[Litestar]]:
    dependencies = {"principal": given(PRINCIPAL), "pattern_details": given(details)}
    app = Litestar([PatternDetailsController], dependencies=dependencies, exception_handlers={TocsinError: problem})
    async with AsyncTestClient(app) as client:
        yield client


async def test_the_page_over_http(store: LogStore, client: AsyncTestClient[Litestar]) -> None:
    await _store(store, [_row(1, "ann", "12 ms"), _row(2, "bob", "1000 ms")])
    # Any shape of the pattern leads to it.
    response = await client.get(f"/v1/patterns/{pattern_id_text(OTHER)}", params={"from": "now-1h"})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["id"], answer["name"], answer["count"]) == (pattern_id_text(FOUNDER), "logins", 2)
    assert len(answer["starts"]) == len(answer["counts"]) == len(answer["variables"][1]["numbers"]["over_time"]["p50"])
    assert answer["variables"][0] == {
        "name": "user",
        "type": "*",
        "count": 2,
        "distinct": 2,
        "values": [{"value": "ann", "count": 1, "share": 0.5}, {"value": "bob", "count": 1, "share": 0.5}],
        "numbers": None,
    }
    numbers = answer["variables"][1]["numbers"]
    assert (numbers["unit"], numbers["min"], numbers["max"], numbers["quantiles"]["p99"]) == ("s", 0.012, 1, 1)
    assert [log["message"] for log in answer["exemplars"]] == sorted(
        ["user ann took 12 ms", "user bob took 1000 ms"], key=shape_of
    )


@pytest.mark.parametrize("pattern_id", ["0" * 16, "short", "xyz" * 6])
async def test_an_unknown_pattern_is_not_found(client: AsyncTestClient[Litestar], pattern_id: str) -> None:
    response = await client.get(f"/v1/patterns/{pattern_id}")
    assert (response.status_code, response.json()["type"]) == (404, "not-found")


async def test_a_query_that_is_none_is_refused(client: AsyncTestClient[Litestar]) -> None:
    response = await client.get(f"/v1/patterns/{pattern_id_text(FOUNDER)}", params={"q": "("})
    assert (response.status_code, response.json()["type"]) == (400, "invalid-query")
