from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.search.conftest import ORGANIZATION
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logstore.ports import LogStore, Receipt

Client = AsyncTestClient[Litestar]
SECOND = 1_000_000_000
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
async def stored_logs(store: LogStore) -> None:
    rows: list[dict[str, Any]] = [
        {
            "timestamp": NOON_UNIX_NANO - 60 * SECOND + 123,
            "observed_timestamp": NOON_UNIX_NANO,
            "severity_number": 17,
            "service": "payments",
            "message": "charge 17 failed",
            "metadata": {"http": {"status": 500}, "user": 'é"x'},
            "trace_id": TRACE,
            "span_id": "b7ad6b7169203331",
        },
        {"timestamp": NOON_UNIX_NANO - 50 * SECOND, "message": "charge 18 failed"},
        {"timestamp": NOON_UNIX_NANO - 7_200 * SECOND, "message": "two hours old"},
    ]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=3))


async def test_logs_have_all_fields_when_found(client: Client) -> None:
    response = await client.get("/v1/logs", params={"q": "service:payments"})
    assert response.status_code == 200
    [log] = response.json()["logs"]
    identifier, shape = log.pop("id"), log.pop("shape")
    assert len(identifier) == 36
    assert len(shape) == 16
    assert log == {
        "timestamp": "2025-12-03T11:59:00.000000123Z",
        "observed_timestamp": "2025-12-03T12:00:00.000000000Z",
        "level": "ERROR",
        "severity_number": 17,
        "service": "payments",
        "message": "charge 17 failed",
        "metadata": {"http.status": 500, "user": 'é"x'},
        "trace_id": TRACE,
        "span_id": "b7ad6b7169203331",
        "ingest_sequence": "1",
    }


async def test_logs_cover_the_last_hour_when_no_range_is_given(client: Client) -> None:
    answer = (await client.get("/v1/logs")).json()
    assert [log["message"] for log in answer["logs"]] == ["charge 18 failed", "charge 17 failed"]
    assert answer["from"] == "2025-12-03T11:00:00.000000000Z"
    assert answer["to"] == "2025-12-03T12:00:00.000000000Z"
    assert answer["next_cursor"] is None
    assert answer["took_ms"] >= 0


async def test_logs_continue_when_given_the_cursor(client: Client) -> None:
    parameters = {"from": "now-1d", "order": "oldest", "limit": "2"}
    first = (await client.get("/v1/logs", params=parameters)).json()
    second = (await client.get("/v1/logs", params=parameters | {"cursor": first["next_cursor"]})).json()
    messages = [log["message"] for page in (first, second) for log in page["logs"]]
    assert messages == ["two hours old", "charge 17 failed", "charge 18 failed"]
    assert second["next_cursor"] is None


async def test_a_log_is_the_same_when_read_by_its_id(client: Client) -> None:
    [found] = (await client.get("/v1/logs", params={"q": "service:payments"})).json()["logs"]
    assert (await client.get(f"/v1/logs/{found['id']}")).json() == found


async def test_a_log_is_not_found_when_its_id_is_unknown(client: Client) -> None:
    response = await client.get("/v1/logs/019ae411-b000-8123-8123-456789abc000")
    assert response.status_code == 404


async def test_histogram_counts_by_level_when_asked_by_interval(client: Client) -> None:
    parameters = {"q": "charge", "from": "now-2m", "interval": "30s"}
    answer = (await client.get("/v1/logs/histogram", params=parameters)).json()
    assert answer["interval_seconds"] == 30
    assert answer["total"] == 2
    assert answer["buckets"] == [
        {"start": "2025-12-03T11:58:00.000000000Z", "count": 0, "levels": {}},
        {"start": "2025-12-03T11:58:30.000000000Z", "count": 0, "levels": {}},
        {"start": "2025-12-03T11:59:00.000000000Z", "count": 2, "levels": {"ERROR": 1, "INFO": 1}},
        {"start": "2025-12-03T11:59:30.000000000Z", "count": 0, "levels": {}},
    ]


async def test_count_counts_what_matches(client: Client) -> None:
    assert (await client.get("/v1/logs/count", params={"q": "charge level:ERROR"})).json()["count"] == 1


async def test_shapes_are_templates_with_counts(client: Client) -> None:
    [shape] = (await client.get("/v1/logs/shapes", params={"limit": "5"})).json()["shapes"]
    assert (shape["template"], shape["count"]) == ("charge <*> failed", 2)
    assert shape["exemplar"]["message"] == "charge 18 failed"


async def test_a_bad_query_says_where_it_is_bad(client: Client) -> None:
    response = await client.get("/v1/logs", params={"q": "level:ERORR"})
    assert response.status_code == 400
    problem = response.json()
    assert (problem["type"], problem["start"], problem["end"]) == ("invalid-query", 6, 11)
    assert problem["suggestion"] == "level:ERROR"


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "0"},
        {"limit": "10001"},
        {"limit": "many"},
        {"from": "yesterday"},
        {"from": "now", "to": "now-1h"},
        {"cursor": "!"},
        {"order": "random"},
    ],
)
async def test_a_bad_parameter_is_a_400(client: Client, parameters: dict[str, str]) -> None:
    assert (await client.get("/v1/logs", params=parameters)).status_code == 400


async def test_openapi_declares_answers_and_errors(client: Client) -> None:
    document = msgspec.to_builtins(client.app.openapi_schema.to_schema())
    search = document["paths"]["/v1/logs"]["get"]
    assert set(search["responses"]) >= {"200", "400", "401", "422", "429", "503", "504"}
    assert {parameter["name"] for parameter in search["parameters"]} == {"q", "from", "to", "limit", "cursor", "order"}
    assert "404" in document["paths"]["/v1/logs/{log_id}"]["get"]["responses"]
