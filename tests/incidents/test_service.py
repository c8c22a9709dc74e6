"""Incidents from their opening to their end, on SQLite and on PostgreSQL."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from tests.incidents.conftest import ANN, BOB, ORGANIZATION, OTHER_ORGANIZATION, SteppedClock
from tocsin.incidents import service as service_module
from tocsin.incidents.contracts import (
    Change,
    Incident,
    IncidentChanged,
    IncidentDraft,
    IncidentFilter,
    Severity,
    Status,
)
from tocsin.incidents.editing import IncidentEdit
from tocsin.incidents.service import IncidentsService
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound


async def opened(incidents: IncidentsService, title: str = "checkout answers 500", **values: Any) -> Incident:
    draft = IncidentDraft(**{"title": title, "severity": Severity.HIGH, "service": "checkout"} | values)
    return await incidents.open(ORGANIZATION, draft, by=ANN)


async def moved_to(service: IncidentsService, incident: Incident, status: Status) -> Incident:
    return await service.set_status(ORGANIZATION, incident.id, status, version=incident.version, by=ANN)


async def test_an_incident_is_followed_to_its_end(service: IncidentsService, stepped_clock: SteppedClock) -> None:
    incident = await opened(service)
    assert (incident.number, incident.status, incident.version) == (1, Status.OPEN, 1)
    assert incident.started_at == incident.opened_at == utc_now(stepped_clock)
    stepped_clock.pass_seconds(60)
    incident = await moved_to(service, incident, Status.ACKNOWLEDGED)
    await service.comment(ORGANIZATION, incident.id, "the pool is full", by=BOB)
    stepped_clock.pass_seconds(540)
    incident = await moved_to(service, incident, Status.RESOLVED)
    assert incident == await service.get(ORGANIZATION, incident.id)
    assert incident.resolved_at == incident.opened_at + timedelta(minutes=10)
    entries = await service.entries(ORGANIZATION, incident.id)
    assert [(each.sequence, each.change, each.text, each.by) for each in entries] == [
        (1, Change.OPENED, "", ANN),
        (2, Change.ACKNOWLEDGED, "", ANN),
        (3, Change.COMMENTED, "the pool is full", BOB),
        (4, Change.RESOLVED, "", ANN),
    ]


async def test_whoever_is_late_changes_nothing(service: IncidentsService) -> None:
    incident = await opened(service)
    edit = IncidentEdit(title="carts are lost", severity=Severity.CRITICAL, tags=("payments", "payments"), assignee=BOB)
    after = await service.edit(ORGANIZATION, incident.id, edit, version=1, by=ANN)
    assert (after.title, after.severity, after.tags, after.assignee) == (
        "carts are lost",
        Severity.CRITICAL,
        ("payments",),
        BOB,
    )
    assert after.version == 2
    with pytest.raises(Conflict, match="somebody else has changed incident 1 and has version 2 now"):
        await service.edit(ORGANIZATION, incident.id, IncidentEdit(title="late"), version=1, by=BOB)
    with pytest.raises(Conflict):
        await service.set_status(ORGANIZATION, incident.id, Status.RESOLVED, version=1, by=BOB)
    assert await service.get(ORGANIZATION, incident.id) == after
    last = (await service.entries(ORGANIZATION, incident.id))[-1]
    assert last.text == "title: carts are lost; severity: HIGH → CRITICAL; tags: payments; assignee changed"
    again = await service.edit(ORGANIZATION, incident.id, IncidentEdit(severity=Severity.CRITICAL), version=2, by=ANN)
    assert again.version == 2
    free = await service.edit(ORGANIZATION, incident.id, IncidentEdit(is_unassigned=True), version=2, by=ANN)
    assert free.assignee is None


async def test_of_many_at_once_one_is_first(service: IncidentsService) -> None:
    incident = await opened(service)
    statuses = [Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.RESOLVED] * 3
    tried = await asyncio.gather(*(moved_to(service, incident, each) for each in statuses), return_exceptions=True)
    assert sum(isinstance(each, Incident) for each in tried) == 1
    assert sum(isinstance(each, Conflict) for each in tried) == len(statuses) - 1
    assert len(await service.entries(ORGANIZATION, incident.id)) == 2


async def test_numbers_and_sequences_have_no_gap_when_many_open_at_once(service: IncidentsService) -> None:
    found = await asyncio.gather(*(opened(service, f"trouble {number}") for number in range(8)))
    assert sorted(each.number for each in found) == list(range(1, 9))
    events = await service.events_after(ORGANIZATION, 0)
    assert [each.sequence for each in events] == list(range(1, 9))
    assert [each.sequence for each in await service.events_after(ORGANIZATION, 3, limit=2)] == [4, 5]
    assert await service.last_sequence(ORGANIZATION) == 8
    assert await service.last_sequence(OTHER_ORGANIZATION) == 0


async def test_listeners_hear_what_was_kept(service: IncidentsService) -> None:
    heard: list[IncidentChanged] = []
    forget = service.on_change(heard.append)
    incident = await opened(service)
    with pytest.raises(Conflict):
        await service.set_status(ORGANIZATION, incident.id, Status.OPEN, version=1, by=ANN)
    incident = await moved_to(service, incident, Status.RESOLVED)
    forget()
    await moved_to(service, incident, Status.OPEN)
    assert [(each.sequence, each.change, each.incident.version) for each in heard] == [
        (1, Change.OPENED, 1),
        (2, Change.RESOLVED, 2),
    ]


async def test_incidents_are_found(service: IncidentsService) -> None:
    first = await opened(service, "100% of carts", service="cart", severity=Severity.LOW)
    second = await opened(service, "1000 carts", service="cart")
    third = await opened(service, "search is slow", service="search")
    await moved_to(service, third, Status.RESOLVED)

    async def numbers(below: int | None = None, limit: int = 10, **wanted: Any) -> list[int]:
        asked = IncidentFilter(**wanted)
        return [each.number for each in await service.find(ORGANIZATION, asked, below=below, limit=limit)]

    assert await numbers() == [third.number, second.number, first.number]
    assert await numbers(limit=1, below=3) == [2]
    assert await numbers(statuses=frozenset({Status.RESOLVED})) == [3]
    assert await numbers(severities=frozenset({Severity.LOW, Severity.HIGH}), service="cart") == [2, 1]
    assert await numbers(text="100%") == [1]
    assert await numbers(text="CARTS") == [2, 1]
    assert await numbers(text="_") == []
    assert await service.find(OTHER_ORGANIZATION, IncidentFilter()) == []


async def test_linked_logs_are_kept_once(service: IncidentsService, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = await opened(service)
    logs = {"one": {"message": "card declined"}, "two": {"message": "retry"}}
    assert len(await service.link(ORGANIZATION, incident.id, logs, by=ANN)) == 2
    again = await service.link(ORGANIZATION, incident.id, {"two": {"message": "changed"}}, by=BOB)
    assert [(each.log_id, each.log["message"], each.linked_by) for each in again] == [
        ("one", "card declined", ANN),
        ("two", "retry", ANN),
    ]
    assert [each.text for each in await service.entries(ORGANIZATION, incident.id)] == ["", "2 logs"]
    monkeypatch.setattr(service_module, "MAX_LINKED_LOGS", 2)
    with pytest.raises(Conflict, match="2 linked logs at most"):
        await service.link(ORGANIZATION, incident.id, {"three": {}}, by=ANN)
    await service.unlink(ORGANIZATION, incident.id, "one", by=ANN)
    assert [each.log_id for each in await service.links(ORGANIZATION, incident.id)] == ["two"]
    with pytest.raises(NotFound):
        await service.unlink(ORGANIZATION, incident.id, "one", by=ANN)


async def test_response_times_are_means_over_what_was_opened_since(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    await opened(service, "before")
    stepped_clock.pass_seconds(3_600)
    since = utc_now(stepped_clock)
    for service_name, minutes in (("cart", 10), ("cart", 20), ("search", 60)):
        incident = await opened(service, service=service_name)
        stepped_clock.pass_seconds(60)
        incident = await moved_to(service, incident, Status.ACKNOWLEDGED)
        stepped_clock.pass_seconds(60 * (minutes - 1))
        await moved_to(service, incident, Status.RESOLVED)
    await opened(service, "nobody's", service=None)
    times = [
        (each.service, each.incidents, each.to_acknowledge_seconds, each.to_resolve_seconds)
        for each in await service.response_times(ORGANIZATION, since)
    ]
    assert times == [(None, 4, 60, 1_800), ("cart", 2, 60, 900), ("search", 1, 60, 3_600)]
    assert [
        (each.incidents, each.to_resolve_seconds) for each in await service.response_times(OTHER_ORGANIZATION, since)
    ] == [(0, None)]


async def test_another_organization_sees_and_changes_nothing(service: IncidentsService) -> None:
    incident = await opened(service)
    for asked in (
        service.get(OTHER_ORGANIZATION, incident.id),
        service.entries(OTHER_ORGANIZATION, incident.id),
        service.links(OTHER_ORGANIZATION, incident.id),
        service.comment(OTHER_ORGANIZATION, incident.id, "hello", by=BOB),
        service.edit(OTHER_ORGANIZATION, incident.id, IncidentEdit(title="x"), version=1, by=BOB),
        service.set_status(OTHER_ORGANIZATION, incident.id, Status.RESOLVED, version=1, by=BOB),
        service.get(ORGANIZATION, uuid4()),
    ):
        with pytest.raises(NotFound):
            await asked
    assert await service.events_after(OTHER_ORGANIZATION, 0) == []
    assert await service.get(ORGANIZATION, incident.id) == incident


async def test_nothing_begins_in_the_future(service: IncidentsService, stepped_clock: SteppedClock) -> None:
    now = utc_now(stepped_clock)
    begun = await opened(service, started_at=now - timedelta(hours=1))
    assert (begun.started_at, begun.opened_at) == (now - timedelta(hours=1), now)
    with pytest.raises(InvalidRequest, match="started_at is in the future"):
        await opened(service, started_at=now + timedelta(seconds=1))


async def test_a_reopened_incident_counts_its_times_from_there(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    since = utc_now(stepped_clock)

    def observed() -> float:
        return REGISTRY.get_sample_value("incident_mttr_hours_sum") or 0.0

    before = observed()
    incident = await moved_to(service, await opened(service), Status.RESOLVED)
    stepped_clock.pass_seconds(10 * 3_600)
    incident = await moved_to(service, incident, Status.OPEN)
    assert incident.reopened_at == utc_now(stepped_clock)
    stepped_clock.pass_seconds(1_800)
    incident = await moved_to(service, incident, Status.ACKNOWLEDGED)
    stepped_clock.pass_seconds(1_800)
    await moved_to(service, incident, Status.RESOLVED)
    assert observed() - before == pytest.approx(1)
    [of_all, _] = await service.response_times(ORGANIZATION, since)
    assert (of_all.to_acknowledge_seconds, of_all.to_resolve_seconds) == (1_800, 3_600)


async def test_logs_that_many_link_at_once_are_not_too_many(
    service: IncidentsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MAX_LINKED_LOGS", 3)
    incident = await opened(service)
    linking = (service.link(ORGANIZATION, incident.id, {f"log {number}": {}}, by=ANN) for number in range(6))
    done = await asyncio.gather(*linking, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in done) == 3
    assert len(await service.links(ORGANIZATION, incident.id)) == 3


async def test_taking_a_linked_log_away_is_noted(service: IncidentsService) -> None:
    incident = await opened(service)
    await service.link(ORGANIZATION, incident.id, {"one": {}}, by=ANN)
    await service.unlink(ORGANIZATION, incident.id, "one", by=BOB)
    last = (await service.entries(ORGANIZATION, incident.id))[-1]
    assert (last.change, last.text, last.by) == (Change.UNLINKED, "1 log", BOB)


async def test_whoever_loses_at_the_write_learns_the_version(service: IncidentsService) -> None:
    incident = await opened(service)
    edits = (
        service.edit(ORGANIZATION, incident.id, IncidentEdit(title=f"title {number}"), version=1, by=ANN)
        for number in range(4)
    )
    done = await asyncio.gather(*edits, return_exceptions=True)
    lost = [str(each) for each in done if isinstance(each, Conflict)]
    assert len(lost) == 3
    assert all("has version 2 now" in each for each in lost)
