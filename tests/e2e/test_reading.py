"""Fields, facets, groups and context of a server with the embedded store."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.server import TocsinServer

START = 1_763_632_800
RANGE = {"from": str(START), "to": str(START + 60)}
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def reader(server: TocsinServer) -> Iterator[httpx.Client]:
    """A client of a server with sixty logs, a second apart."""
    logs = [
        {
            "timestamp": START + n,
            "level": "ERROR" if n % 10 == 0 else "INFO",
            "service": "cart" if n % 3 else "basket",
            "message": f"step {n}",
            "trace_id": TRACE if n % 20 == 0 else "",
            "metadata": {"ms": n, "host": {"name": f"host-{n % 2}"}, "level": "shadowed"},
        }
        for n in range(60)
    ]
    with server.sender() as sender:
        sender.post("/v1/ingest", json=logs).raise_for_status()
    server.await_logs("service:cart OR service:basket", len(logs), **RANGE)
    with server.reader() as client:
        yield client


def _answer(reader: httpx.Client, path: str, **parameters: Any) -> Any:
    response = reader.get(path, params={**RANGE, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def test_fields_and_their_values_are_counted(reader: httpx.Client) -> None:
    fields = {field["name"]: field["count"] for field in _answer(reader, "/v1/logs/fields")["fields"]}
    assert fields == {
        "service": 60,
        "level": 60,
        "severity_number": 60,
        "trace_id": 3,
        "shape": 60,
        "host.name": 60,
        "metadata.level": 60,
        "ms": 60,
    }
    values = _answer(reader, "/v1/logs/fields/values", field="service")["values"]
    assert values == [{"value": "cart", "count": 40}, {"value": "basket", "count": 20}]


def test_facets_have_the_largest_values_and_what_is_missing(reader: httpx.Client) -> None:
    facets = _answer(reader, "/v1/logs/facets", field=["level", "trace_id", "host.name"], q="service:cart")
    assert facets["total"] == 40
    assert [(facet["values"], facet["others"], facet["missing"]) for facet in facets["facets"]] == [
        ([{"value": "INFO", "count": 36}, {"value": "ERROR", "count": 4}], 0, 0),
        ([{"value": TRACE, "count": 2}], 0, 38),
        ([{"value": "host-0", "count": 20}, {"value": "host-1", "count": 20}], 0, 0),
    ]


def test_aggregate_groups_by_fields_and_time(reader: httpx.Client) -> None:
    measures = ["count", "rate", "p50:ms", "max:ms", "distinct:host.name"]
    answer = _answer(reader, "/v1/logs/aggregate", measure=measures, by=["level"], interval="30s", q="service:cart")
    assert [(group["start"][14:19], group["values"]["level"], group["results"]) for group in answer["groups"]] == [
        ("00:00", "INFO", {"count": 18, "rate": 0.6, "p50:ms": 14, "max:ms": 29, "distinct:host.name": 2}),
        ("00:00", "ERROR", {"count": 2, "rate": 2 / 30, "p50:ms": 10, "max:ms": 20, "distinct:host.name": 1}),
        ("00:30", "INFO", {"count": 18, "rate": 0.6, "p50:ms": 44, "max:ms": 59, "distinct:host.name": 2}),
        ("00:30", "ERROR", {"count": 2, "rate": 2 / 30, "p50:ms": 40, "max:ms": 50, "distinct:host.name": 1}),
    ]


@pytest.mark.parametrize(
    ("of", "before", "after"),
    [("service", [37, 38], [41, 43]), ("host", [36, 38], [42, 44]), ("trace", [0, 20], [])],
)
def test_context_is_around_a_log(reader: httpx.Client, of: str, before: list[int], after: list[int]) -> None:
    [log] = _answer(reader, "/v1/logs", q="ms:40")["logs"]
    parameters = {"of": of, "before": "2", "after": "2"}
    context = reader.get(f"/v1/logs/{log['id']}/context", params=parameters).raise_for_status().json()
    assert context["log"] == log
    assert [each["message"] for each in context["before"]] == [f"step {n}" for n in before]
    assert [each["message"] for each in context["after"]] == [f"step {n}" for n in after]
