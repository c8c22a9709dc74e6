"""``POST /v1/logs/compare`` over HTTP and a real store."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock, given, problem
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import FixedCatalogue

from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.search.comparing_endpoints import ComparingController
from tocsin.search.comparison.service import ComparisonService
from tocsin.search.endpoints import LogsController
from tocsin.search.limits import QueryLimits
from tocsin.search.questions import Questions
from tocsin.search.service import SearchService

Client = AsyncTestClient[Litestar]

MINUTE_NANO = 60_000_000_000


@pytest.fixture
async def client(
    store: LogStore, limits: QueryLimits, clock: HeldClock, questions: Questions, service: SearchService
) -> AsyncIterator[Client]:
    comparison = ComparisonService(store, FixedCatalogue(), questions, limits=limits, clock=clock)
    app = Litestar(
        [ComparingController, LogsController],
        dependencies={
            "principal": given(PRINCIPAL),
            "comparison_service": given(comparison),
            "search_service": given(service),
        },
        exception_handlers={TocsinError: problem},
    )
    async with AsyncTestClient(app) as client:
        yield client


def made(count: int, first_minute: float, minutes: float, **fields: Any) -> list[Mapping[str, Any]]:
    """Logs that come evenly, in minutes before noon."""
    times = NOON_UNIX_NANO + ((first_minute + (np.arange(count) + 0.5) / count * minutes) * MINUTE_NANO).astype(int)
    return [{"timestamp": int(time), "message": "all is well"} | fields for time in times]


async def store_logs(store: LogStore, *parts: list[Mapping[str, Any]]) -> None:
    rows = [row for part in parts for row in part]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))


async def compared(client: Client, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/logs/compare", json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


HOUR = {"from": "now-30m", "to": "now"}


async def test_nothing_is_told_when_nothing_changed(client: Client, store: LogStore) -> None:
    await store_logs(store, made(600, -60, 60), made(300, -60, 60, message="checked out", service="cart"))
    answer = await compared(client, **HOUR)
    assert answer["changes"] == []
    assert (answer["before"]["logs"], answer["after"]["logs"]) == (450, 450)
    assert answer["tested"]["pattern"] == 2


async def test_a_pattern_that_rose_comes_first_with_its_service_and_the_query_that_shows_it(
    client: Client, store: LogStore
) -> None:
    await store_logs(
        store,
        made(900, -60, 60),
        made(100, -60, 30, message="payment declined", service="payment", severity_number=17),
        made(300, -30, 30, message="payment declined", service="payment", severity_number=17),
    )
    answer = await compared(client, **HOUR)
    (change,) = answer["changes"]
    assert change["kind"] == "rose"
    assert change["subject"]["template"] == "payment declined"
    assert (change["before"]["count"], change["after"]["count"]) == (100, 300)
    assert change["effect"] == pytest.approx(3, rel=0.02)
    assert change["q_value"] < 0.01
    assert change["exact"]
    assert {each["subject"]["kind"] for each in change["also"]} == {"service", "level"}
    evidence = change["evidence"]
    found = await client.get(
        "/v1/logs/count", params={"q": evidence["query"], "from": evidence["from"], "to": evidence["to"]}
    )
    assert found.json()["count"] == 300


async def test_a_value_whose_share_grew_is_told_with_a_query_that_finds_it(client: Client, store: LogStore) -> None:
    await store_logs(
        store,
        made(760, -60, 30, metadata={"http": {"status": 200}}),
        made(40, -60, 30, metadata={"http": {"status": 500}}),
        made(640, -30, 30, metadata={"http": {"status": 200}}),
        made(160, -30, 30, metadata={"http": {"status": 500}}),
    )
    first = (await compared(client, **HOUR))["changes"][0]
    assert first["subject"] == {"kind": "metadata_value", "key": "http.status", "value": "500"}
    assert first["sentence"] == "http.status = 500: 5 % of the logs before, 20 % after"
    assert first["evidence"]["query"] == "http.status:500"


async def test_a_pattern_that_is_gone_is_shown_where_it_was(client: Client, store: LogStore) -> None:
    await store_logs(store, made(400, -60, 60), made(80, -60, 30, message="heartbeat"))
    (change,) = (await compared(client, **HOUR))["changes"]
    assert (change["kind"], change["subject"]["template"]) == ("vanished", "heartbeat")
    assert change["evidence"]["to"] == "2025-12-03T11:30:00.000000000Z"


async def test_a_query_limits_what_is_compared(client: Client, store: LogStore) -> None:
    await store_logs(
        store,
        made(400, -60, 60),
        made(80, -60, 30, message="heartbeat", service="other"),
    )
    answer = await compared(client, query="service:checkout", **HOUR)
    assert answer["changes"] == []
    assert answer["query"] == "service:checkout"


async def test_windows_of_different_lengths_are_compared_by_their_rates(client: Client, store: LogStore) -> None:
    await store_logs(store, made(900, -90, 90))
    answer = await compared(client, **HOUR, baseline={"from": "now-90m", "to": "now-30m"})
    assert (answer["before"]["logs"], answer["after"]["logs"], answer["changes"]) == (600, 300, [])


async def test_empty_windows_have_no_changes(client: Client) -> None:
    answer = await compared(client, **HOUR, baseline="day")
    assert (answer["changes"], answer["before"]["from"]) == ([], "2025-12-02T11:30:00.000000000Z")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"from": "now-30m", "baseline": {"from": "now-40m", "to": "now-20m"}}, "overlaps"),
        ({"from": "now-2d", "baseline": "day"}, "longer than a day"),
        ({"from": "now-1h", "query": "level:nonsense"}, "not a level"),
        ({"from": "2025-12-03T11:59:59.9Z", "to": "now"}, "at least a second"),
    ],
)
async def test_windows_that_cannot_be_compared_are_refused(client: Client, body: dict[str, Any], word: str) -> None:
    answer = await client.post("/v1/logs/compare", json=body)
    assert answer.status_code == 400
    assert word in answer.json()["detail"]
