"""People are told of incidents by a real server, at real receivers, whatever is killed meanwhile."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.notifications.doubles import MailServer, Receiver, mail_server, receiver
from tests.notifications.incoming.payloads import FIRING, alertmanager
from tests.support.server import API_KEY, PASSWORD, TocsinServer

SECRET = "a secret of both sides"
DELIVERY_SECONDS = 60.0
"""A change waits 5 s for others of its incident; the jobs of a process that was killed wait 20 s for their leases."""

ALERT_END_SECONDS = 180.0
"""An incident ends a minute after its last alert, and is looked at now and then."""

QUIET_SECONDS = 6.0
"""After this no further message is on its way: longer than a change waits, and than jobs are looked for."""


class Person:
    """An administrator of a running server."""

    def __init__(self, server: TocsinServer, client: httpx.AsyncClient) -> None:
        self.server = server
        self._client = client

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        if "Authorization" not in self._client.headers:
            login = {"email": "admin@localhost", "password": PASSWORD}
            answer = (await self._client.post("/v1/auth/login", json=login)).raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return (await self._client.request(method, f"/v1{path}", json=body)).raise_for_status().json()

    async def has_told(self, kind: str, settings: dict[str, str], secret: str | None = None) -> None:
        """Have a channel told of every incident."""
        channel = await self("POST", "/notifications/channels", _channel(kind, settings, secret))
        await self("POST", "/notifications/rules", {"name": kind, "channel_id": channel["id"]})

    async def opens(self, title: str) -> str:
        """Open an incident; its id."""
        return str((await self("POST", "/incidents", {"title": title, "severity": "HIGH"}))["id"])

    async def is_alerted(self, *alerts: Any) -> None:
        """Have an Alertmanager send alerts."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        sent = await self._client.post("/v1/webhooks/alertmanager", json=alertmanager(*alerts), headers=headers)
        assert sent.raise_for_status().json()["accepted"] == len(alerts)

    async def says(self, incident_id: str, status: str) -> None:
        """Move an incident on."""
        version = (await self("GET", f"/incidents/{incident_id}"))["version"]
        await self("PATCH", f"/incidents/{incident_id}/status", {"status": status, "version": version})


def _channel(kind: str, settings: dict[str, str], secret: str | None) -> dict[str, Any]:
    return {"name": kind, "kind": kind, "settings": settings, "secret": secret}


@pytest.fixture
async def person(new_server: TocsinServer) -> AsyncIterator[Person]:
    await asyncio.to_thread(new_server.start)
    async with httpx.AsyncClient(base_url=new_server.url, timeout=30) as client:
        yield Person(new_server, client)


async def _until(is_so: Callable[[], bool], what: str, *, seconds: float = DELIVERY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.05)


async def _restart_killed(server: TocsinServer) -> None:
    server.kill()
    await asyncio.to_thread(server.start)


def _heard(target: Receiver, incident_id: str) -> list[tuple[str, list[str]]]:
    """The id of each message about an incident, and the changes that it tells."""
    bodies = [json.loads(body) for _, body in target.received]
    return [
        (body["id"], [each["change"] for each in body["changes"]])
        for body in bodies
        if body["incident"]["id"] == incident_id
    ]


@pytest.mark.slow
async def test_receivers_hear_of_an_incident_once_from_its_beginning_to_its_end(person: Person) -> None:
    async with receiver() as hook, receiver() as pager, mail_server() as mail:
        await person.has_told("webhook", {"url": hook.url}, SECRET)
        await person.has_told("pagerduty", {"url": pager.url}, "a routing key")
        await person.has_told("email", _mailbox(mail))
        incident_id = await person.opens("checkout answers 500")
        for count, status in enumerate(("ACKNOWLEDGED", "RESOLVED"), 1):
            await _until(lambda n=count: _counts(hook, pager, mail) == [n] * 3, "each has heard")  # type: ignore[misc]
            await person.says(incident_id, status)
        await _until(lambda: _counts(hook, pager, mail) == [3] * 3, "each has heard of the end")
        await asyncio.sleep(QUIET_SECONDS)
    assert _counts(hook, pager, mail) == [3] * 3
    assert [changes for _, changes in _heard(hook, incident_id)] == [["opened"], ["acknowledged"], ["resolved"]]
    events = [json.loads(body) for _, body in pager.received]
    assert [each["event_action"] for each in events] == ["trigger", "acknowledge", "resolve"]
    assert {each["dedup_key"] for each in events} == {f"tocsin-{incident_id}"}
    for message, change in zip(mail.messages, ("opened", "acknowledged", "resolved"), strict=True):
        assert f"Subject: [HIGH] Incident 1 {change}: checkout answers 500" in message
        assert f"References: <incident-{incident_id}@tocsin.invalid>" in message
    deliveries = (await person("GET", "/notifications/deliveries"))["deliveries"]
    assert [(each["status"], each["attempts"]) for each in deliveries] == [("sent", 1)] * 9
    assert "Traceback" not in person.server.log


@pytest.mark.slow
async def test_people_hear_of_an_alert_until_it_is_over(person: Person) -> None:
    async with receiver() as hook:
        await person.has_told("webhook", {"url": hook.url}, SECRET)
        now = datetime.now(UTC)
        firing = {**FIRING, "startsAt": now.isoformat()}
        for _ in range(3):
            await person.is_alerted(firing)
        await _until(lambda: len(hook.received) == 1, "the alert is told")
        await person.is_alerted({**firing, "status": "resolved", "endsAt": datetime.now(UTC).isoformat()})
        await _until(lambda: len(hook.received) == 2, "its end is told", seconds=ALERT_END_SECONDS)
        await asyncio.sleep(QUIET_SECONDS)
    [incident] = (await person("GET", "/incidents"))["incidents"]
    assert incident["status"] == "RESOLVED"
    assert [changes for _, changes in _heard(hook, incident["id"])] == [["opened"], ["resolved"]]
    assert f"checkout: {FIRING['annotations']['summary']}" in json.loads(hook.received[0][1])["subject"]


@pytest.mark.slow
async def test_an_incident_is_told_when_the_server_is_killed_before_and_while_it_tells(person: Person) -> None:
    async with receiver() as hook:
        await person.has_told("webhook", {"url": hook.url}, SECRET)
        before = await person.opens("killed before anybody was told")
        await _restart_killed(person.server)
        await _until(lambda: bool(_heard(hook, before)), "the incident from before the kill is told")

        hook.hangs = True
        meanwhile = await person.opens("killed while somebody was told")
        await _until(lambda: bool(_heard(hook, meanwhile)), "the receiver has the message, and says nothing")
        person.server.kill()
        hook.hangs = False
        await asyncio.to_thread(person.server.start)
        await _until(lambda: len(_heard(hook, meanwhile)) > 1, "the message is sent again")
        await person.says(meanwhile, "RESOLVED")
        await _until(lambda: len(_heard(hook, meanwhile)) > 2, "the end is told")
        await asyncio.sleep(QUIET_SECONDS)
    assert [changes for _, changes in _heard(hook, before)] == [["opened"]]
    first, again, end = _heard(hook, meanwhile)
    # Whoever keeps the ids of what they have heard hears it once.
    assert first == again == (first[0], ["opened"])
    assert [headers["tocsin-delivery"] for headers, body in hook.received if first[0] in body.decode()] == [
        first[0]
    ] * 2
    assert end[1] == ["resolved"]
    assert len((await person("GET", "/incidents"))["incidents"]) == 2
    deliveries = (await person("GET", "/notifications/deliveries"))["deliveries"]
    assert [each["status"] for each in deliveries] == ["sent"] * 3


def _mailbox(mail: MailServer) -> dict[str, str]:
    addresses = {"from": "tocsin@call.example", "to": "on@call.example"}
    return {"host": "127.0.0.1", "port": str(mail.port), "security": "none", **addresses}


def _counts(hook: Receiver, pager: Receiver, mail: MailServer) -> list[int]:
    return [len(hook.received), len(pager.received), len(mail.messages)]
