"""``/v1/services`` of the whole application."""

import httpx
import pytest

from tests.api.callers import Callers, make_callers, sender
from tocsin.accounts.contracts import Role
from tocsin.wiring import Components


@pytest.fixture
async def callers(components: Components) -> Callers:
    return await make_callers(components)


async def test_services_are_listed_with_their_health(client: httpx.AsyncClient, callers: Callers) -> None:
    headers = callers.of(Role.DEVELOPER)
    registered = (await client.post("/v1/services", headers=headers, json={"name": "cart", "owner": "shop"})).json()
    logs = [{"service": "cart", "message": f"item {number}", "level": "ERROR"} for number in range(3)]
    (await client.post("/v1/ingest", headers=sender(), json=logs)).raise_for_status()
    opened = await client.post(
        "/v1/incidents", headers=headers, json={"title": "cart fails", "service": "cart", "severity": "HIGH"}
    )
    answer = await client.get("/v1/services", headers=callers.of(Role.VIEWER))
    assert answer.status_code == 200
    services = {each["name"]: each for each in answer.json()["services"]}
    health = services["cart"].pop("health")
    assert services["cart"] == registered
    assert (health["status"], health["error_rate"], health["usual_error_rate"]) == ("degraded", 1.0, None)
    assert health["logs_per_minute"] == 3 / 15
    assert health["uptime"].keys() == {"24h", "7d", "30d"}
    assert health["last_incident"]["id"] == opened.json()["id"]
    assert len(health["sparkline"]["logs"]) == len(health["sparkline"]["errors"]) == 60
    assert sum(health["sparkline"]["logs"]) == sum(health["sparkline"]["errors"]) == 3
    assert (health["callees"], health["callers"]) == ([], [])


async def test_the_health_of_one_service_tells_of_its_day(client: httpx.AsyncClient, callers: Callers) -> None:
    headers = callers.of(Role.DEVELOPER)
    registered = (await client.post("/v1/services", headers=headers, json={"name": "cart"})).json()
    answer = (await client.get(f"/v1/services/{registered['id']}/health", headers=headers)).json()
    assert (answer["service"], answer["status"]) == ("cart", "unknown")
    assert answer["uptime"] == {"24h": None, "7d": None, "30d": None}
    assert answer["reasons"] == ["it has logged nothing for 24 hours"]
    assert answer["day"] == {"interval_seconds": 900, "logs": [], "errors": []}
    missing = await client.get("/v1/services/00000000-0000-4000-8000-000000000000/health", headers=headers)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")
