"""Fields, values, facets, groups and context over HTTP, in front of the memory store."""

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
    """Twelve logs in as many minutes: two services, a trace on three of them, and metadata that shadows a field."""
    rows: list[dict[str, Any]] = [
        {
            "timestamp": NOON_UNIX_NANO - (12 - n) * 60 * SECOND,
            "severity_number": 17 if n % 4 == 0 else 9,
            "service": "payments" if n % 3 else "web",
            "message": f"charge {n}",
            "metadata": {"http": {"status": 200 + n % 2}, "ms": n * 10, "level": "odd"}
            if n % 2
            else {"ms": str(n * 10)},
            "trace_id": TRACE if n in {2, 5, 7} else "",
        }
        for n in range(12)
    ]
    rows.append({"timestamp": NOON_UNIX_NANO - 90 * 60 * SECOND, "message": "old", "metadata": {"host": {"name": "a"}}})
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))


async def _answer(client: Client, path: str, **parameters: Any) -> Any:
    response = await client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


async def test_fields_are_those_of_logs_then_those_of_metadata_with_counts(client: Client) -> None:
    answer = await _answer(client, "/v1/logs/fields")
    assert [(field["name"], field["count"], field["built_in"]) for field in answer["fields"]] == [
        ("service", 12, True),
        ("level", 12, True),
        ("severity_number", 12, True),
        ("trace_id", 3, True),
        ("shape", 12, True),
        ("ms", 12, False),
        ("http.status", 6, False),
        ("metadata.level", 6, False),
    ]
    assert answer["has_more"] is False


async def test_fields_begin_with_the_prefix_in_any_case_and_only_of_logs_that_match(client: Client) -> None:
    found = await _answer(client, "/v1/logs/fields", prefix="M")
    assert [field["name"] for field in found["fields"]] == ["ms", "metadata.level"]
    found = await _answer(client, "/v1/logs/fields", prefix="m", q="NOT http.status:*", limit="1")
    assert [(field["name"], field["count"]) for field in found["fields"]] == [("ms", 6)]


async def test_fields_say_when_there_are_more_than_the_limit(client: Client) -> None:
    assert (await _answer(client, "/v1/logs/fields", limit="2"))["has_more"] is True


async def test_values_have_counts_the_most_frequent_first(client: Client) -> None:
    answer = await _answer(client, "/v1/logs/fields/values", field="service")
    assert answer["values"] == [{"value": "payments", "count": 8}, {"value": "web", "count": 4}]
    assert answer["has_more"] is False
    first = await _answer(client, "/v1/logs/fields/values", field="metadata.level", limit="1")
    assert (first["field"], first["values"]) == ("metadata.level", [{"value": "odd", "count": 6}])
    levels = await _answer(client, "/v1/logs/fields/values", field="level", prefix="E")
    assert levels["values"] == [{"value": "ERROR", "count": 3}]
    assert (await _answer(client, "/v1/logs/fields/values", field="ms", limit="3"))["has_more"] is True


async def test_facets_add_up_to_the_total(client: Client) -> None:
    answer = await _answer(client, "/v1/logs/facets", field=["service", "http.status", "trace_id", "ms"], limit="1")
    assert answer["total"] == 12
    by_field = {facet["field"]: facet for facet in answer["facets"]}
    assert by_field["service"] == {
        "field": "service",
        "values": [{"value": "payments", "count": 8}],
        "others": 4,
        "missing": 0,
    }
    assert by_field["http.status"]["values"] == [{"value": "201", "count": 6}]
    assert (by_field["http.status"]["others"], by_field["http.status"]["missing"]) == (0, 6)
    assert (by_field["trace_id"]["values"][0]["value"], by_field["trace_id"]["missing"]) == (TRACE, 9)
    assert (by_field["ms"]["others"], by_field["ms"]["missing"]) == (11, 0)


async def test_facets_are_of_service_and_level_when_none_is_named(client: Client) -> None:
    answer = await _answer(client, "/v1/logs/facets", q="charge")
    assert [facet["field"] for facet in answer["facets"]] == ["service", "level"]


async def test_aggregate_computes_every_measure_by_field(client: Client) -> None:
    measures = ["count", "rate", "distinct:http.status", "min:ms", "max:ms", "avg:ms", "p50:ms", "p99.9:ms"]
    answer = await _answer(client, "/v1/logs/aggregate", measure=measures, by="service")
    assert answer["interval_seconds"] is None
    payments, web = answer["groups"]
    assert (payments["start"], payments["values"], web["values"]) == (None, {"service": "payments"}, {"service": "web"})
    assert payments["results"] == {
        "count": 8,
        "rate": 8 / 3_600,
        "distinct:http.status": 1,
        "min:ms": 10,
        "max:ms": 110,
        "avg:ms": 60,
        "p50:ms": 50,
        "p99.9:ms": 110,
    }


async def test_aggregate_is_by_time_when_an_interval_is_given(client: Client) -> None:
    parameters = {"by": "level", "interval": "5m", "measure": ["count", "rate"], "limit": "1"}
    answer = await _answer(client, "/v1/logs/aggregate", **parameters, **{"from": "now-10m", "to": "now-1m"})
    assert answer["interval_seconds"] == 300
    assert answer["has_more"] is True
    assert [(group["start"], group["values"]["level"], group["results"]) for group in answer["groups"]] == [
        ("2025-12-03T11:50:00.000000000Z", "INFO", {"count": 4, "rate": 4 / 300}),
        # The range ends in the middle of this interval.
        ("2025-12-03T11:55:00.000000000Z", "INFO", {"count": 3, "rate": 3 / 240}),
    ]


async def test_aggregate_has_one_group_when_nothing_groups_it(client: Client) -> None:
    answer = await _answer(client, "/v1/logs/aggregate", q="absent", measure=["count", "max:ms"])
    assert answer["groups"] == [{"start": None, "values": {}, "results": {"count": 0, "max:ms": None}}]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/logs/fields", {"limit": "0"}),
        ("/v1/logs/fields/values", {}),
        ("/v1/logs/fields/values", {"field": "message"}),
        ("/v1/logs/fields/values", {"field": ""}),
        ("/v1/logs/fields/values", {"field": "trace_id", "prefix": "0a"}),
        ("/v1/logs/facets", {"field": ["ms"], "limit": "1001"}),
        ("/v1/logs/facets", {"field": [f"f{n}" for n in range(21)]}),
        ("/v1/logs/aggregate", {"measure": "median:ms"}),
        ("/v1/logs/aggregate", {"measure": "max"}),
        ("/v1/logs/aggregate", {"measure": "p0:ms"}),
        ("/v1/logs/aggregate", {"measure": "p100.1:ms"}),
        ("/v1/logs/aggregate", {"by": [f"f{n}" for n in range(6)]}),
        ("/v1/logs/aggregate", {"by": "service", "interval": "2s", "limit": "1000"}),
        ("/v1/logs/aggregate", {"interval": "often"}),
        ("/v1/logs/aggregate", {"limit": "1001"}),
    ],
)
async def test_a_bad_parameter_is_a_400(client: Client, path: str, parameters: dict[str, Any]) -> None:
    assert (await client.get(path, params=parameters)).status_code == 400


async def _log_named(client: Client, message: str) -> dict[str, Any]:
    [log] = (await _answer(client, "/v1/logs", q=f'"{message}"', **{"from": "now-1d"}))["logs"]
    return dict(log)


@pytest.mark.parametrize(
    ("parameters", "before", "after"),
    [
        ({"before": "2", "after": "1"}, ["charge 2", "charge 4"], ["charge 7"]),
        ({"of": "trace"}, ["charge 2"], ["charge 7"]),
        ({"before": "0", "after": "0"}, [], []),
    ],
)
async def test_context_is_what_stands_around_a_log(
    client: Client, parameters: dict[str, str], before: list[str], after: list[str]
) -> None:
    log = await _log_named(client, "charge 5")
    answer = await _answer(client, f"/v1/logs/{log['id']}/context", **parameters)
    assert answer["log"] == log
    assert [each["message"] for each in answer["before"]] == before
    assert [each["message"] for each in answer["after"]] == after


async def test_context_is_a_400_when_a_log_has_no_host_or_no_trace(client: Client) -> None:
    log = await _log_named(client, "charge 1")
    for of in ("host", "trace"):
        response = await client.get(f"/v1/logs/{log['id']}/context", params={"of": of})
        assert response.status_code == 400


async def test_context_of_a_host_is_its_logs(client: Client) -> None:
    log = await _log_named(client, "old")
    answer = await _answer(client, f"/v1/logs/{log['id']}/context", of="host")
    assert (answer["before"], answer["log"]["message"], answer["after"]) == ([], "old", [])


async def test_context_is_not_found_when_the_log_is_not(client: Client) -> None:
    response = await client.get("/v1/logs/019ae411-b000-8123-8123-456789abc000/context")
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("field", "prefix", "values"),
    [
        ("service", "pay", [("payments", 8)]),
        ("service", "Pay", []),
        ("http.status", "20", [("201", 6)]),
        ("metadata.level", "od", [("odd", 6)]),
        ("ms", "11", [("110", 1)]),
        ("severity_number", "1", [("17", 3)]),
    ],
)
async def test_values_begin_with_the_prefix(
    client: Client, field: str, prefix: str, values: list[tuple[str, int]]
) -> None:
    answer = await _answer(client, "/v1/logs/fields/values", field=field, prefix=prefix)
    assert [(each["value"], each["count"]) for each in answer["values"]] == values


async def test_a_rare_level_is_completed_however_few_values_are_asked_for(client: Client, store: LogStore) -> None:
    severities = [1, 1, 13, 13, 21]
    rows = [{"timestamp": NOON_UNIX_NANO - n, "severity_number": each} for n, each in enumerate(severities, start=1)]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
    answer = await _answer(client, "/v1/logs/fields/values", field="level", prefix="FA", limit="1")
    assert [(each["value"], each["count"]) for each in answer["values"]] == [("FATAL", 1)]
    assert answer["has_more"] is False


async def test_openapi_declares_parameters_with_examples_and_errors(client: Client) -> None:
    document = msgspec.to_builtins(client.app.openapi_schema.to_schema())
    expected = {
        "/v1/logs/fields": {"prefix", "limit"},
        "/v1/logs/fields/values": {"field", "prefix", "limit"},
        "/v1/logs/facets": {"field", "limit"},
        "/v1/logs/aggregate": {"measure", "by", "interval", "limit"},
        "/v1/logs/export": {"format", "order", "limit"},
    }
    for path, names in expected.items():
        operation = document["paths"][path]["get"]
        parameters = {each["name"]: each for each in operation["parameters"]}
        assert set(parameters) == names | {"q", "from", "to"}, path
        assert all(each.get("description") for each in parameters.values()), path
        assert parameters["q"]["examples"], path
        assert set(operation["responses"]) >= {"200", "400", "401", "422", "429", "503", "504"}, path
    assert "404" in document["paths"]["/v1/logs/{log_id}/context"]["get"]["responses"]
