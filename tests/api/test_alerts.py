"""Alerts and deploys of the whole application, from a sender's request to an incident."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.api.callers import Callers, bearer, make_callers
from tests.api.conftest import API_KEY
from tests.notifications.incoming.payloads import FIRING, alertmanager, grafana
from tocsin.accounts.contracts import KeyScope, Role
from tocsin.wiring import Components

Reading = Callable[[str], Awaitable[Any]]


@pytest.fixture
async def callers(components: Components) -> Callers:
    return await make_callers(components)


@pytest.fixture
async def reading(client: httpx.AsyncClient, callers: Callers) -> Reading:
    async def read(path: str) -> Any:
        answer = await client.get(f"/v1/incidents{path}", headers=callers.of(Role.VIEWER))
        return answer.raise_for_status().json()

    return read


async def _key(callers: Callers, *scopes: KeyScope) -> dict[str, str]:
    issued = await callers.components.accounts.keys.create(
        callers.people[Role.ADMIN].organization_id,
        name="n",
        default_service="s",
        allows_other_services=True,
        scopes=scopes,
    )
    return bearer(issued.secret)


async def test_alerts_open_an_incident_once_however_often_they_are_repeated(
    client: httpx.AsyncClient, callers: Callers, reading: Reading
) -> None:
    headers = await _key(callers, KeyScope.ALERTS_WRITE)
    for _ in range(3):
        sent = await client.post("/v1/webhooks/alertmanager", headers=headers, json=alertmanager(FIRING))
        assert sent.json() == {"received": 1, "accepted": 1, "refused": 0, "reasons": []}
    [incident] = (await reading(""))["incidents"]
    assert (incident["title"], incident["service"]) == (f"checkout: {FIRING['annotations']['summary']}", "checkout")
    assert (incident["status"], incident["severity"]) == ("OPEN", "HIGH")


async def test_what_always_fires_and_what_is_over_opens_nothing(
    client: httpx.AsyncClient, callers: Callers, reading: Reading
) -> None:
    headers = await _key(callers, KeyScope.ALERTS_WRITE)
    watchdog, over = deepcopy(FIRING), deepcopy(FIRING)
    watchdog["labels"] = {"alertname": "Watchdog", "severity": "none"}
    watchdog["fingerprint"] = "0000000000000001"
    over |= {"status": "resolved", "endsAt": "2026-11-24T11:00:00Z"}
    sent = await client.post("/v1/webhooks/alertmanager", headers=headers, json=alertmanager(watchdog, over))
    assert sent.json()["accepted"] == 2
    assert (await reading(""))["incidents"] == []


async def test_grafana_and_anything_else_open_incidents_too(
    client: httpx.AsyncClient, callers: Callers, reading: Reading
) -> None:
    headers = await _key(callers, KeyScope.ALERTS_WRITE)
    await client.post("/v1/webhooks/grafana", headers=headers, json=grafana())
    await client.post("/v1/webhooks/generic", headers=headers, json={"title": "disk is full", "service": "orders"})
    titles = sorted(each["title"] for each in (await reading(""))["incidents"])
    assert titles == ["cart: p95 of cart is 2.4 s", "orders: disk is full"]


async def test_a_key_opens_only_what_its_scopes_name(client: httpx.AsyncClient, callers: Callers) -> None:
    paths = {
        "/v1/ingest": (KeyScope.LOGS_WRITE, {"message": "m"}),
        "/v1/webhooks/generic": (KeyScope.ALERTS_WRITE, {"title": "t"}),
        "/v1/events/deploys": (KeyScope.DEPLOYS_WRITE, {"service": "s", "version": "1"}),
    }
    for path, (scope, body) in paths.items():
        for each in KeyScope:
            answer = await client.post(path, headers=await _key(callers, each), json=body)
            assert answer.status_code == (200 if each is scope else 403), (path, each)
        assert (await client.post(path, headers={"X-API-Key": API_KEY}, json=body)).status_code == 200
        assert (await client.post(path, headers=callers.of(Role.ADMIN), json=body)).status_code == 401


async def test_an_alert_of_another_organization_is_another_alert(
    client: httpx.AsyncClient, callers: Callers, reading: Reading
) -> None:
    issued = await callers.components.accounts.keys.create(
        callers.foreign_admin.organization_id,
        name="n",
        default_service="s",
        allows_other_services=True,
        scopes=[KeyScope.ALERTS_WRITE],
    )
    sent = await client.post("/v1/webhooks/alertmanager", headers=bearer(issued.secret), json=alertmanager(FIRING))
    assert sent.json()["accepted"] == 1
    assert (await reading(""))["incidents"] == []
    theirs = await client.get("/v1/incidents", headers=callers.foreign())
    assert len(theirs.json()["incidents"]) == 1
