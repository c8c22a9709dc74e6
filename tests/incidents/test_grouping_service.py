"""Incidents out of signals, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tests.incidents.conftest import ANN, ORGANIZATION, OTHER_ORGANIZATION, SteppedClock
from tests.incidents.signals import NOW, SECOND, make_signal
from tocsin.database.service import Database
from tocsin.incidents.contracts import (
    Change,
    Deploy,
    Incident,
    IncidentChanged,
    IncidentDraft,
    IncidentFilter,
    Severity,
    Signal,
    SignalSource,
    Status,
    TimelineKind,
)
from tocsin.incidents.editing import IncidentEdit
from tocsin.incidents.quiet import QuietWatch
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService
from tocsin.kit.clock import utc_now
from tocsin.logmodel.levels import Level


async def take(service: IncidentsService, *signals: Signal) -> list[Incident]:
    return await service.take_signals(ORGANIZATION, signals)


async def changes(service: IncidentsService) -> list[tuple[int, Change]]:
    return [(each.incident.number, each.change) for each in await service.events_after(ORGANIZATION, 0)]


async def members(service: IncidentsService, incident: Incident) -> set[int]:
    signals, _ = await service.signals(ORGANIZATION, incident.id)
    return {signal.id.int for signal in signals}


async def test_a_cascade_is_one_incident_that_says_what_and_why(service: IncidentsService) -> None:
    payment = make_signal(1, "payment", 0, title="payment: card declined by acquirer", traces="t1 t2", pattern=7)
    [opened] = await take(service, payment)
    assert (opened.number, opened.status, opened.service, opened.from_signals) == (1, Status.OPEN, "payment", True)
    assert opened.title == "payment: card declined by acquirer"
    [incident] = await take(service, make_signal(2, "checkout", 20, traces="t1 t2"))
    assert (incident.id, incident.version) == (opened.id, 2)
    assert incident.affected_services == ("checkout", "payment")
    assert (incident.causes[0].service, incident.causes[0].pattern) == ("payment", 7)
    assert (incident.started_at, incident.last_signal_at) == (
        opened.started_at,
        opened.started_at + timedelta(seconds=80),
    )
    assert incident == await service.get(ORGANIZATION, incident.id)
    signals, [edge] = await service.signals(ORGANIZATION, incident.id)
    assert signals[0] == payment
    assert (edge.first, edge.second) == (UUID(int=1), UUID(int=2))
    assert "2 requests met both" in edge.reason
    assert await changes(service) == [(1, Change.OPENED), (1, Change.UPDATED)]
    [first, last] = await service.entries(ORGANIZATION, incident.id)
    assert (first.by, last.by) == (None, None)
    assert last.text.startswith("new: errors of kind 2; title: ")
    assert "also affected: checkout" in last.text


async def test_faults_that_have_nothing_to_do_with_each_other_are_two_incidents(service: IncidentsService) -> None:
    found = await take(service, make_signal(1, "payment", 0), make_signal(2, "mail", 5))
    assert [(each.number, each.service) for each in found] == [(1, "payment"), (2, "mail")]


async def test_the_same_again_changes_nothing(service: IncidentsService) -> None:
    heard: list[IncidentChanged] = []
    service.on_change(heard.append)
    signals = [make_signal(1, "payment", 0), make_signal(2, "checkout", 20), make_signal(3, "mail", 20)]
    before = await take(service, *signals)
    sequence, count = await service.last_sequence(ORGANIZATION), len(heard)
    assert await take(service, *signals) == before
    assert await take(service, *reversed(signals[:2])) == before[:1]
    # A crash tells older tellings once more.
    assert await take(service, make_signal(1, "payment", 0, lasts=10)) == before[:1]
    assert (await service.last_sequence(ORGANIZATION), len(heard)) == (sequence, count)


async def test_what_nobody_sees_is_kept_and_is_no_event(service: IncidentsService) -> None:
    [before] = await take(service, make_signal(1, "payment", 0, title="payment: 40 logs a minute", score=10))
    again = make_signal(1, "payment", 0, lasts=90, title="payment: 41 logs a minute", score=9)
    [after] = await take(service, again)
    assert (after.version, after.title) == (before.version, before.title)
    assert after.last_signal_at == before.started_at + timedelta(seconds=90)
    assert after == await service.get(ORGANIZATION, before.id)
    assert (await service.signals(ORGANIZATION, before.id))[0] == [again]
    assert await service.last_sequence(ORGANIZATION) == 1


async def test_what_a_person_decided_stays(service: IncidentsService) -> None:
    [incident] = await take(service, make_signal(1, "payment", 0))
    edit = IncidentEdit(title="cards are declined", severity=Severity.LOW)
    await service.edit(ORGANIZATION, incident.id, edit, version=1, by=ANN)
    [after] = await take(service, make_signal(2, "checkout", 20), make_signal(3, "payment", 21, score=300))
    assert (after.title, after.severity) == ("cards are declined", Severity.LOW)
    assert after.affected_services == ("checkout", "payment")


async def test_severity_rises_by_itself_and_does_not_fall(service: IncidentsService) -> None:
    def told(level: Level, lasts: float) -> Signal:
        return make_signal(1, "payment", 0, level=level, lasts=lasts)

    [low] = await take(service, told(Level.WARN, 10))
    [high] = await take(service, told(Level.FATAL, 20))
    [still] = await take(service, told(Level.WARN, 30))
    assert (low.severity, high.severity, still.severity) == (Severity.LOW, Severity.HIGH, Severity.HIGH)
    assert await changes(service) == [(1, Change.OPENED), (1, Change.UPDATED)]
    assert (await service.entries(ORGANIZATION, low.id))[-1].text == "severity: LOW → HIGH"


async def test_what_is_not_enough_for_an_incident_joins_one_that_opens_later(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    small = make_signal(1, "payment", 0, opens=False)
    assert await take(service, small) == []
    assert await take(service, small) == []
    stepped_clock.pass_seconds(120)
    [incident] = await take(service, make_signal(2, "checkout", 100))
    assert await members(service, incident) == {1, 2}
    assert incident.started_at < incident.opened_at
    # It joins one that is there, too.
    await take(service, make_signal(3, "payment", 110, opens=False))
    assert await members(service, incident) == {1, 2, 3}


async def test_what_waits_is_forgotten(service: IncidentsService, stepped_clock: SteppedClock) -> None:
    assert await take(service, make_signal(1, "payment", 0, opens=False)) == []
    stepped_clock.pass_seconds(601)
    [incident] = await take(service, make_signal(2, "checkout", 10))
    assert await members(service, incident) == {2}


async def test_a_signal_that_explains_two_incidents_makes_them_one(service: IncidentsService) -> None:
    [one] = await take(service, make_signal(1, "checkout", 10, traces="t1 t2"))
    [two] = await take(service, make_signal(2, "gateway", 200, traces="t3 t4"))
    assert one.number != two.number
    [merged] = await take(service, make_signal(3, "cart", 0, lasts=600, traces="t1 t2 t3 t4"))
    assert merged.id == one.id
    assert await members(service, merged) == {1, 2, 3}
    gone = await service.get(ORGANIZATION, two.id)
    assert (gone.status, gone.merged_into) == (Status.RESOLVED, one.id)
    assert (await service.entries(ORGANIZATION, two.id))[-1].text == "merged into incident 1"
    assert await changes(service) == [
        (1, Change.OPENED),
        (2, Change.OPENED),
        (1, Change.UPDATED),
        (2, Change.MERGED),
    ]
    open_ones = IncidentFilter(statuses=frozenset({Status.OPEN}))
    assert [each.number for each in await service.find(ORGANIZATION, open_ones)] == [1]


async def test_a_signal_that_joins_a_resolved_incident_opens_it_again(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    [incident] = await take(service, make_signal(1, "payment", 0, traces="t1 t2 t3"))
    stepped_clock.pass_seconds(90)
    await service.set_status(ORGANIZATION, incident.id, Status.RESOLVED, version=1, by=ANN)
    stepped_clock.pass_seconds(60)
    [again] = await take(service, make_signal(2, "checkout", 30, lasts=120, traces="t1 t2 t3"))
    assert (again.id, again.status, again.reopened_at) == (incident.id, Status.OPEN, utc_now(stepped_clock))
    assert [change for _, change in await changes(service)] == [Change.OPENED, Change.RESOLVED, Change.REOPENED]


async def test_a_signal_that_goes_on_after_the_end_opens_its_incident_again(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    [incident] = await take(service, make_signal(1, "payment", 0))
    stepped_clock.pass_seconds(60)
    await service.set_status(ORGANIZATION, incident.id, Status.RESOLVED, version=1, by=ANN)
    [soon] = await take(service, make_signal(1, "payment", 0, lasts=300))
    assert soon.status is Status.RESOLVED
    [again] = await take(service, make_signal(1, "payment", 0, lasts=361))
    assert (again.status, again.number) == (Status.OPEN, 1)


async def test_a_signal_that_was_over_and_is_not_opens_its_incident_again_at_once(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    await take(service, make_signal(1, "payment", 0, lasts=10, is_over=True))
    stepped_clock.pass_seconds(71)
    assert len(await service.resolve_quiet(ORGANIZATION)) == 1
    stepped_clock.pass_seconds(9)
    [again] = await take(service, make_signal(1, "payment", 0, lasts=80))
    assert (again.status, again.number) == (Status.OPEN, 1)


async def test_an_alert_that_begins_again_much_later_is_a_new_incident(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    [first] = await take(service, make_signal(1, "payment", 0))
    await service.set_status(ORGANIZATION, first.id, Status.RESOLVED, version=1, by=ANN)
    stepped_clock.pass_seconds(2 * 86_400)
    [second] = await take(service, make_signal(1, "payment", 2 * 86_400))
    assert (second.number, second.status) == (2, Status.OPEN)
    assert (await service.get(ORGANIZATION, first.id)).status is Status.RESOLVED


async def test_incidents_end_when_their_signals_are_quiet(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    [over, lasting, quiet] = await take(
        service,
        make_signal(1, "payment", 0, lasts=10, is_over=True),
        make_signal(2, "mail", 0, lasts=1_000),
        make_signal(3, "search", 0, lasts=10),
    )
    assert await service.with_quiet() == []
    stepped_clock.pass_seconds(71)
    assert await service.with_quiet() == [ORGANIZATION]
    assert [each.id for each in await service.resolve_quiet(ORGANIZATION)] == [over.id]
    stepped_clock.pass_seconds(900)
    assert [each.id for each in await service.resolve_quiet(ORGANIZATION)] == [quiet.id]
    assert await service.resolve_quiet(ORGANIZATION) == []
    assert (await service.get(ORGANIZATION, lasting.id)).status is Status.OPEN
    last = (await service.entries(ORGANIZATION, quiet.id))[-1]
    assert (last.change, last.by) == (Change.RESOLVED, None)


async def test_what_a_person_opened_does_not_end_by_itself(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    draft = IncidentDraft(title="carts are lost", severity=Severity.HIGH)
    incident = await service.open(ORGANIZATION, draft, by=ANN)
    stepped_clock.pass_seconds(86_400)
    assert await service.resolve_quiet(ORGANIZATION) == []
    assert (await service.get(ORGANIZATION, incident.id)).status is Status.OPEN


async def test_a_deploy_is_a_likely_cause_and_part_of_the_story(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    [incident] = await take(service, make_signal(1, "payment", 100), make_signal(2, "checkout", 105))
    assert incident.causes[0].deploy is None
    deploy = Deploy(service="payment", version="7.1.0", at_unix_nano=NOW + 70 * SECOND)
    other = Deploy(service="search", version="2", at_unix_nano=NOW + 70 * SECOND)
    for each in (deploy, other, deploy):
        await service.deployed(ORGANIZATION, each)
    after = await service.get(ORGANIZATION, incident.id)
    assert after.causes[0].deploy == "7.1.0"
    assert [change for _, change in await changes(service)] == [Change.OPENED, Change.UPDATED]
    stepped_clock.pass_seconds(300)
    items = await service.timeline(ORGANIZATION, incident.id)
    told = [(item.kind, item.signal and item.signal.id.int, item.deploy) for item in items]
    assert told[:1] == [(TimelineKind.CHANGE, None, None)]
    assert told[2:] == [
        (TimelineKind.DEPLOY, None, deploy),
        (TimelineKind.SIGNAL, 1, None),
        (TimelineKind.SIGNAL, 2, None),
    ]


async def test_incidents_are_found_by_each_affected_service(service: IncidentsService) -> None:
    [incident] = await take(service, make_signal(1, "payment", 0), make_signal(2, "checkout", 10))
    for name, expected in (("payment", [incident.id]), ("checkout", [incident.id]), ("pay", []), ("mail", [])):
        found = await service.find(ORGANIZATION, IncidentFilter(service=name))
        assert [each.id for each in found] == expected


async def test_an_event_says_what_was_then(service: IncidentsService) -> None:
    heard: list[IncidentChanged] = []
    service.on_change(heard.append)
    [incident] = await take(service, make_signal(1, "payment", 0))
    await service.edit(ORGANIZATION, incident.id, IncidentEdit(title="cards are declined"), version=1, by=ANN)
    await service.set_status(ORGANIZATION, incident.id, Status.ACKNOWLEDGED, version=2, by=ANN)
    events = await service.events_after(ORGANIZATION, 0)
    assert events == heard
    assert [(each.incident.status, each.incident.version) for each in events] == [
        (Status.OPEN, 1),
        (Status.OPEN, 2),
        (Status.ACKNOWLEDGED, 3),
    ]
    assert events[0].incident == incident


async def test_signals_of_another_organization_stay_there(service: IncidentsService) -> None:
    signal = make_signal(1, "payment", 0)
    [ours] = await take(service, signal)
    [theirs] = await service.take_signals(OTHER_ORGANIZATION, [replace(signal, title="theirs")])
    assert (ours.number, theirs.number) == (1, 1)
    assert (await service.signals(ORGANIZATION, ours.id))[0] == [signal]
    assert await service.get(ORGANIZATION, ours.id) == ours


async def test_a_signal_with_what_no_database_takes_is_kept(service: IncidentsService) -> None:
    [incident] = await take(service, make_signal(1, "pay\0ment", 0, title="a\0b"))
    assert incident.service == "pay\N{REPLACEMENT CHARACTER}ment"
    found = await service.find(ORGANIZATION, IncidentFilter(service=incident.service))
    assert [each.id for each in found] == [incident.id]


async def test_the_watch_ends_incidents_of_every_organization(
    organizations: Database, stepped_clock: SteppedClock
) -> None:
    service = IncidentsService(IncidentsRepository(organizations), clock=stepped_clock, quiet_minutes=2)
    resolved = asyncio.Event()
    both = set()

    def note(event: IncidentChanged) -> None:
        if event.change is Change.RESOLVED:
            both.add(event.incident.organization_id)
        if len(both) == 2:
            resolved.set()

    service.on_change(note)
    for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
        await service.take_signals(organization_id, [make_signal(1, "payment", 0)])
    stepped_clock.pass_seconds(181)
    watch = QuietWatch(service, look_seconds=0.01)
    await watch.start()
    async with asyncio.timeout(30):
        await resolved.wait()
    await watch.close()


async def test_nothing_ends_by_itself_where_that_is_turned_off(
    organizations: Database, stepped_clock: SteppedClock
) -> None:
    service = IncidentsService(IncidentsRepository(organizations), clock=stepped_clock, quiet_minutes=0)
    await take(service, make_signal(1, "payment", 0, is_over=True))
    stepped_clock.pass_seconds(86_400)
    await QuietWatch(service).look()
    assert await service.resolve_quiet(ORGANIZATION) == []
    assert [change for _, change in await changes(service)] == [Change.OPENED]


async def test_an_alert_outside_is_quiet_only_after_hours(
    service: IncidentsService, stepped_clock: SteppedClock
) -> None:
    await take(service, replace(make_signal(1, "payment", 0), source=SignalSource.ALERT, kind="alertmanager"))
    stepped_clock.pass_seconds(3 * 3_600)
    assert await service.resolve_quiet(ORGANIZATION) == []
    stepped_clock.pass_seconds(3 * 3_600)
    assert len(await service.resolve_quiet(ORGANIZATION)) == 1


async def test_of_many_at_once_each_signal_is_taken_once(service: IncidentsService) -> None:
    signals = [make_signal(1, "payment", 0), make_signal(2, "checkout", 10)]
    found = await asyncio.gather(*(take(service, *signals) for _ in range(6)))
    assert {tuple(incident.id for incident in each) for each in found} == {(found[0][0].id,)}
    assert await changes(service) == [(1, Change.OPENED)]
