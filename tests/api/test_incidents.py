"""``/v1/incidents`` of the whole application."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.api.callers import Callers, make_callers, sender
from tests.incidents.signals import SECOND, make_signal
from tocsin.accounts.contracts import Role
from tocsin.incidents.contracts import Deploy
from tocsin.kit.clock import SystemClock
from tocsin.wiring import Components


class Team:
    """A developer who calls the application."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def __call__(self, method: str, path: str, json: object = None, **parameters: Any) -> tuple[int, Any]:
        answer = await self.client.request(
            method, f"/v1/incidents{path}", json=json, params=parameters, headers=self.headers
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
async def callers(components: Components) -> Callers:
    return await make_callers(components)


@pytest.fixture
async def team(client: httpx.AsyncClient, callers: Callers) -> Team:
    return Team(client, callers.of(Role.DEVELOPER))


async def test_an_incident_from_its_opening_to_its_end(team: Team, callers: Callers) -> None:
    status, incident = await team("POST", "", {"title": "checkout answers 500", "service": "checkout"})
    assert status == 201
    assert (incident["number"], incident["status"], incident["severity"]) == (1, "OPEN", "MEDIUM")
    path = f"/{incident['id']}"
    status, changed = await team("PATCH", path, {"version": 1, "severity": "HIGH", "tags": ["payments"]})
    assert (status, changed["severity"], changed["tags"], changed["version"]) == (200, "HIGH", ["payments"], 2)
    assert (await team("PATCH", f"{path}/status", {"version": 2, "status": "ACKNOWLEDGED"}))[0] == 200
    status, problem = await team("PATCH", f"{path}/status", {"version": 2, "status": "RESOLVED"})
    assert (status, problem["type"]) == (409, "/problems/conflict")
    status, comment = await team("POST", f"{path}/comments", {"text": "the pool is full\nrolling back"})
    assert (status, comment["text"]) == (201, "the pool is full\nrolling back")
    assert comment["by"] == str(callers.people[Role.DEVELOPER].user_id)
    status, ended = await team("PATCH", f"{path}/status", {"version": 3, "status": "RESOLVED"})
    assert (status, ended["status"]) == (200, "RESOLVED")
    _, timeline = await team("GET", f"{path}/timeline")
    changes = [entry["change"] for entry in timeline["entries"]]
    assert changes == ["opened", "updated", "acknowledged", "commented", "resolved"]
    _, statistics = await team("GET", "/statistics", days=1)
    assert statistics["all"]["incidents"] == statistics["services"][0]["incidents"] == 1
    assert statistics["all"]["mttr_seconds"] >= statistics["all"]["mtta_seconds"] >= 0
    assert (await team.client.get("/metrics")).text.count("incident_mttr_hours_count 1.0") <= 1


async def test_incidents_come_in_pages(team: Team) -> None:
    for number in range(3):
        await team("POST", "", {"title": f"trouble {number}", "severity": "LOW" if number else "CRITICAL"})
    _, first = await team("GET", "", limit=2)
    assert [each["number"] for each in first["incidents"]] == [3, 2]
    _, second = await team("GET", "", limit=2, cursor=first["next_cursor"])
    assert ([each["number"] for each in second["incidents"]], second["next_cursor"]) == ([1], None)
    _, some = await team("GET", "", severity=["CRITICAL", "HIGH"], status="OPEN")
    assert [each["number"] for each in some["incidents"]] == [1]
    assert (await team("GET", "", cursor="x"))[0] == 400


async def test_linked_logs_are_copies(team: Team, components: Components) -> None:
    sent = await team.client.post(
        "/v1/ingest", json={"message": "card declined", "service": "payment"}, headers=sender()
    )
    sent.raise_for_status()
    [log] = (await team.client.get("/v1/logs", headers=team.headers)).json()["logs"]
    _, incident = await team("POST", "", {"title": "cards are declined"})
    status, linked = await team("POST", f"/{incident['id']}/logs", {"log_ids": [log["id"], log["id"]]})
    assert status == 200
    assert [each["log"] for each in linked["logs"]] == [log]
    assert await team("GET", f"/{incident['id']}/logs") == (200, linked)
    missing = "00000000-0000-8000-8000-000000000000"
    assert (await team("POST", f"/{incident['id']}/logs", {"log_ids": [missing]}))[0] == 404
    assert (await team("DELETE", f"/{incident['id']}/logs/{log['id']}"))[0] == 204
    assert (await team("GET", f"/{incident['id']}/logs"))[1] == {"logs": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": "  "},
        {"title": "x" * 201},
        {"title": "x\x00"},
        {"title": "x", "severity": "WORST"},
        {"title": "x", "started_at": "2026-11-25T03:00:00"},
        {"title": "x", "started_at": "2999-01-01T00:00:00Z"},
        {"title": "x", "status": "RESOLVED"},
        {"title": "x", "tags": ["a"] * 51},
    ],
)
async def test_what_is_no_incident_is_refused(team: Team, body: dict[str, Any]) -> None:
    status, problem = await team("POST", "", body)
    assert (status, problem["status"]) == (400, 400)
    assert (await team("GET", ""))[1]["incidents"] == []


async def test_what_an_incident_is_made_of_is_shown_and_corrected(
    team: Team, callers: Callers, components: Components
) -> None:
    organization_id = callers.people[Role.DEVELOPER].organization_id
    now = SystemClock().now_unix_nano()
    # Both in one service, some seconds ago.
    signals = [
        replace(make_signal(number, "payment", 0), onset_unix_nano=now - 60 * SECOND, last_unix_nano=now - SECOND)
        for number in (1, 2)
    ]
    await components.incidents.deployed(
        organization_id, Deploy(service="payment", version="7.1.0", at_unix_nano=now - 90 * SECOND)
    )
    await components.incidents.take_signals(organization_id, signals)
    [incident] = (await team("GET", ""))[1]["incidents"]
    assert (incident["service"], incident["from_signals"], incident["merged_into"]) == ("payment", True, None)
    assert (incident["causes"][0]["service"], incident["causes"][0]["deploy"]) == ("payment", "7.1.0")
    assert incident["last_signal_at"] > incident["started_at"]
    path = f"/{incident['id']}"
    _, grouped = await team("GET", f"{path}/signals")
    assert [each["id"] for each in grouped["signals"]] == [str(each.id) for each in signals]
    [edge] = grouped["edges"]
    assert edge["reason"].startswith("both in payment")
    _, timeline = await team("GET", f"{path}/timeline")
    assert [each["kind"] for each in timeline["entries"]] == ["deploy", "signal", "signal", "change"]
    assert timeline["entries"][0]["text"] == "payment 7.1.0 was deployed"
    status, split = await team("POST", f"{path}/split", {"signal_ids": [str(signals[1].id)]})
    assert (status, [each["number"] for each in split["incidents"]]) == (200, [1, 2])
    status, problem = await team("POST", f"{path}/split", {"signal_ids": [str(signals[1].id)]})
    assert (status, problem["type"]) == (409, "/problems/conflict")
    other = split["incidents"][1]["id"]
    _, kept = await team("GET", f"/{other}/corrections")
    assert kept["corrections"] == [split["correction"]]
    status, undone = await team("DELETE", f"/corrections/{split['correction']['id']}")
    assert (status, undone["incidents"][1]["merged_into"]) == (200, incident["id"])
    _, hers = await team("POST", "", {"title": "cards are declined"})
    status, moved = await team("POST", f"{path}/move", {"signal_ids": [str(signals[0].id)], "to": hers["id"]})
    assert (status, len(moved["incidents"])) == (200, 2)
    status, merged = await team("POST", f"/{hers['id']}/merge", {"incident_ids": [incident["id"]]})
    assert (status, merged["incidents"][0]["merged_into"]) == (200, hers["id"])
    assert (await team("POST", f"{path}/split", {"signal_ids": []}))[0] == 400
