"""Questions in English over HTTP: services and fields are those of the caller's logs."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock, given, problem
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.search.exploration import ExplorationService
from tocsin.search.plain_words_endpoints import PlainWordsController
from tocsin.search.plain_words_service import VOCABULARY_SECONDS, PlainWordsService

Client = AsyncTestClient[Litestar]
SECOND = 1_000_000_000
OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")


@pytest.fixture
async def client(exploration: ExplorationService, clock: HeldClock) -> AsyncIterator[Client]:
    app = Litestar(
        [PlainWordsController],
        dependencies={
            "principal": given(PRINCIPAL),
            "plain_words": given(PlainWordsService(exploration, clock=clock)),
        },
        exception_handlers={TocsinError: problem},
    )
    async with AsyncTestClient(app) as client:
        yield client


async def _store(store: LogStore, service: str, organization_id: UUID = ORGANIZATION, **metadata: Any) -> None:
    row = {"timestamp": NOON_UNIX_NANO - 60 * SECOND, "service": service, "message": "hello", "metadata": metadata}
    await store.write(organization_id, log_batch([row]), Receipt(received=1))


async def _translated(client: Client, text: str, **more: str) -> Any:
    response = await client.post("/v1/logs/translate", json={"text": text, **more})
    assert response.status_code == 200, response.text
    return response.json()


async def test_query_names_services_fields_and_values_that_the_logs_have(client: Client, store: LogStore) -> None:
    await _store(store, "payment-service", region="eu-west", latency_ms=3)
    answer = await _translated(client, "errors from payment in eu-west slower than 2s today")
    assert answer["kind"] == "query"
    assert answer["query"] == "service:payment-service level:>=ERROR region:eu-west latency_ms:>2000"
    assert (answer["from"], answer["to"]) == ("2025-12-03T00:00:00Z", None)
    assert answer["not_understood"] == []
    first = answer["understood"][0]
    assert (first["start"], first["end"], first["text"], first["part"]) == (0, 6, "errors", "level")


async def test_services_of_other_organizations_are_not_known(client: Client, store: LogStore) -> None:
    await _store(store, "ledger", OTHER_ORGANIZATION)
    await _store(store, "web")
    assert (await _translated(client, "logs in ledger"))["query"] == "ledger"


async def test_aggregate_has_what_the_aggregate_endpoint_takes(client: Client, store: LogStore) -> None:
    await _store(store, "web", user_id="u1")
    answer = await _translated(client, "top 5 services by unique users and frobnication per hour")
    assert (answer["kind"], answer["by"], answer["interval"], answer["limit"]) == ("aggregate", ["service"], "1h", 5)
    assert answer["measures"] == ["distinct:user_id"]


async def test_comparison_has_a_baseline(client: Client, store: LogStore) -> None:
    await _store(store, "web")
    answer = await _translated(client, "what changed in web since 10am compared to yesterday")
    assert (answer["kind"], answer["baseline"], answer["from"]) == ("comparison", "day", "2025-12-03T10:00:00Z")
    explicit = await _translated(client, "compare 10:00-11:00 with 08:00-09:00")
    assert explicit["baseline"] == {"from": "2025-12-03T08:00:00Z", "to": "2025-12-03T09:00:00Z"}


async def test_times_are_those_of_the_time_zone(client: Client) -> None:
    answer = await _translated(client, "since 9am", time_zone="Europe/Berlin")
    assert answer["from"] == "2025-12-03T08:00:00Z"


async def test_vocabulary_is_kept_for_some_seconds_and_then_read_anew(
    client: Client, store: LogStore, clock: HeldClock
) -> None:
    assert (await _translated(client, "in ledger"))["query"] == "ledger"
    await _store(store, "ledger")
    assert (await _translated(client, "in ledger"))["query"] == "ledger"
    clock.unix_nano += VOCABULARY_SECONDS * SECOND
    assert (await _translated(client, "in ledger"))["query"] == "service:ledger"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe"])
async def test_unknown_time_zone_is_refused(client: Client, zone: str) -> None:
    response = await client.post("/v1/logs/translate", json={"text": "today", "time_zone": zone})
    assert response.status_code == 400
    assert "no time zone" in response.json()["detail"]


async def test_text_that_is_too_long_is_refused(client: Client) -> None:
    response = await client.post("/v1/logs/translate", json={"text": "a" * 1_001})
    assert response.status_code == 400
