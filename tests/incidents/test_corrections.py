"""People group signals otherwise, on SQLite and on PostgreSQL; and that holds."""

from uuid import UUID, uuid4

import pytest

from tests.incidents.conftest import ANN, BOB, ORGANIZATION, OTHER_ORGANIZATION, SteppedClock
from tests.incidents.signals import make_signal
from tocsin.incidents.contracts import Change, CorrectionKind, Incident, IncidentDraft, Severity, Status
from tocsin.incidents.service import IncidentsService
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound

PAYMENT = make_signal(1, "payment", 0, pattern=1)
CHECKOUT = make_signal(2, "checkout", 10, pattern=2)
MAIL = make_signal(3, "mail", 20, pattern=3)


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


async def members(service: IncidentsService, incident: Incident) -> set[int]:
    signals, _ = await service.signals(ORGANIZATION, incident.id)
    return {signal.id.int for signal in signals}


async def told(service: IncidentsService, incident: Incident) -> list[tuple[Change, str, UUID | None]]:
    return [(each.change, each.text, each.by) for each in await service.entries(ORGANIZATION, incident.id)]


@pytest.fixture
async def two(service: IncidentsService) -> tuple[Incident, Incident]:
    """One incident of payment and checkout, and one of mail."""
    await service.take_signals(ORGANIZATION, [PAYMENT])
    first, second = await service.take_signals(ORGANIZATION, [CHECKOUT, MAIL])
    return first, second


async def test_what_is_split_stays_apart_and_comes_back(
    service: IncidentsService, two: tuple[Incident, Incident], stepped_clock: SteppedClock
) -> None:
    first, _ = two
    stepped_clock.pass_seconds(30)
    done = await service.split(ORGANIZATION, first.id, ids(2), by=ANN)
    assert [each.number for each in done.incidents] == [1, 3]
    stayed, new = done.incidents
    assert (await members(service, stayed), await members(service, new)) == ({1}, {2})
    assert (stayed.affected_services, new.service, new.status) == (("payment",), "checkout", Status.OPEN)
    assert (new.opened_at, new.started_at) == (first.opened_at, first.started_at.replace(second=10))
    assert await told(service, new) == [(Change.OPENED, "split from incident 1", ANN)]
    change, text, by = (await told(service, stayed))[-1]
    assert (change, by) == (Change.REGROUPED, ANN)
    assert text.startswith("1 signal went to incident 3; title: ")
    # What is told again of both stays where it was put, and what explains them joins one.
    again = [make_signal(1, "payment", 0, pattern=1, lasts=90), make_signal(2, "checkout", 10, pattern=2, lasts=90)]
    assert [each.number for each in await service.take_signals(ORGANIZATION, again)] == [1, 3]
    [kept] = await service.corrections(ORGANIZATION, first.id)
    assert (kept, kept.kind) == (done.correction, CorrectionKind.SPLIT)
    assert await service.corrections(ORGANIZATION, new.id) == [kept]
    undone = await service.undo(ORGANIZATION, kept.id, by=BOB)
    assert [each.number for each in undone.incidents] == [1, 3]
    assert await members(service, first) == {1, 2}
    gone = await service.get(ORGANIZATION, new.id)
    assert (gone.status, gone.merged_into) == (Status.RESOLVED, first.id)
    assert (await told(service, new))[-1] == (Change.MERGED, "merged into incident 1", BOB)
    assert await service.corrections(ORGANIZATION, first.id) == []
    with pytest.raises(NotFound):
        await service.undo(ORGANIZATION, kept.id, by=BOB)


async def test_what_was_split_is_not_made_one_by_what_comes_later(service: IncidentsService) -> None:
    signals = [make_signal(1, "payment", 0, pattern=1), make_signal(2, "payment", 5, pattern=2)]
    [incident] = await service.take_signals(ORGANIZATION, signals)
    done = await service.split(ORGANIZATION, incident.id, ids(1), by=ANN)
    # Explained by the second one best, and explains the first one well.
    [its] = await service.take_signals(ORGANIZATION, [make_signal(3, "payment", 6, pattern=2)])
    stayed, new = done.incidents
    assert its.id == stayed.id
    assert (await members(service, stayed), await members(service, new)) == ({2, 3}, {1})
    await service.undo(ORGANIZATION, done.correction.id, by=ANN)
    assert await members(service, stayed) == {1, 2, 3}


async def test_what_is_merged_stays_together_and_comes_apart(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    second = await service.set_status(ORGANIZATION, second.id, Status.ACKNOWLEDGED, version=1, by=BOB)
    done = await service.merge(ORGANIZATION, first.id, [second.id], by=ANN)
    assert [(each.number, each.status) for each in done.incidents] == [(1, Status.OPEN), (2, Status.RESOLVED)]
    assert await members(service, first) == {1, 2, 3}
    assert (await told(service, second))[-1] == (Change.MERGED, "merged into incident 1", ANN)
    assert (await told(service, first))[-1][1].startswith("incident 2 is part of this one now; ")
    with pytest.raises(Conflict, match="incident 2 is part of another one"):
        await service.move(ORGANIZATION, first.id, ids(1), second.id, by=ANN)
    undone = await service.undo(ORGANIZATION, done.correction.id, by=ANN)
    assert [each.number for each in undone.incidents] == [1, 2]
    assert (await members(service, first), await members(service, second)) == ({1, 2}, {3})
    back = await service.get(ORGANIZATION, second.id)
    assert (back.status, back.merged_into, back.acknowledged_at) == (
        Status.ACKNOWLEDGED,
        None,
        second.acknowledged_at,
    )


async def test_what_is_moved_stays_there_and_comes_back(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    done = await service.move(ORGANIZATION, first.id, ids(2), second.id, by=ANN)
    assert (await members(service, first), await members(service, second)) == ({1}, {2, 3})
    assert (await told(service, first))[-1][1].startswith("1 signal went to incident 2")
    assert (await told(service, second))[-1][1].startswith("1 signal came from incident 1")
    await service.take_signals(ORGANIZATION, [make_signal(2, "checkout", 10, pattern=2, lasts=200)])
    assert (await members(service, first), await members(service, second)) == ({1}, {2, 3})
    await service.undo(ORGANIZATION, done.correction.id, by=ANN)
    assert (await members(service, first), await members(service, second)) == ({1, 2}, {3})


async def test_an_incident_whose_last_signal_is_moved_ends_and_lives_again(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    done = await service.move(ORGANIZATION, second.id, ids(3), first.id, by=ANN)
    assert (await service.get(ORGANIZATION, second.id)).merged_into == first.id
    await service.undo(ORGANIZATION, done.correction.id, by=ANN)
    assert (await service.get(ORGANIZATION, second.id)).status is Status.OPEN
    assert (await members(service, first), await members(service, second)) == ({1, 2}, {3})


async def test_incidents_of_people_take_signals_and_are_merged(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    draft = IncidentDraft(title="carts are lost", severity=Severity.LOW)
    hers = await service.open(ORGANIZATION, draft, by=ANN)
    moved = await service.move(ORGANIZATION, second.id, ids(3), hers.id, by=ANN)
    now = await service.get(ORGANIZATION, hers.id)
    assert (now.title, now.severity, now.affected_services) == ("carts are lost", Severity.LOW, ("mail",))
    await service.undo(ORGANIZATION, moved.correction.id, by=ANN)
    assert (await members(service, second), await members(service, hers)) == ({3}, set())
    assert (await service.get(ORGANIZATION, hers.id)).status is Status.OPEN
    merged = await service.merge(ORGANIZATION, first.id, [hers.id], by=ANN)
    assert (await service.get(ORGANIZATION, hers.id)).merged_into == first.id
    await service.undo(ORGANIZATION, merged.correction.id, by=ANN)
    back = await service.get(ORGANIZATION, hers.id)
    assert (back.status, back.merged_into) == (Status.OPEN, None)


async def test_what_is_open_opens_what_it_is_merged_into(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    await service.set_status(ORGANIZATION, first.id, Status.RESOLVED, version=first.version, by=ANN)
    done = await service.merge(ORGANIZATION, first.id, [second.id], by=ANN)
    assert [(each.number, each.status) for each in done.incidents] == [(1, Status.OPEN), (2, Status.RESOLVED)]


async def test_what_is_split_from_a_resolved_incident_is_resolved(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, _ = two
    await service.set_status(ORGANIZATION, first.id, Status.RESOLVED, version=first.version, by=ANN)
    done = await service.split(ORGANIZATION, first.id, ids(2), by=ANN)
    assert {each.status for each in done.incidents} == {Status.RESOLVED}
    assert [each[0] for each in await told(service, done.incidents[-1])] == [Change.REGROUPED]


async def test_a_later_correction_holds_when_an_earlier_one_is_undone(
    service: IncidentsService, two: tuple[Incident, Incident]
) -> None:
    first, second = two
    merged = await service.merge(ORGANIZATION, first.id, [second.id], by=ANN)
    split = await service.split(ORGANIZATION, first.id, ids(1), by=ANN)
    await service.undo(ORGANIZATION, merged.correction.id, by=ANN)
    homes = {number: incident.number for incident in split.incidents for number in await members(service, incident)}
    assert homes[1] != homes[2]


async def test_what_makes_no_sense_is_refused(service: IncidentsService, two: tuple[Incident, Incident]) -> None:
    first, second = two
    before = await service.last_sequence(ORGANIZATION)
    for asked, error in (
        (service.split(ORGANIZATION, first.id, ids(1, 2), by=ANN), InvalidRequest),
        (service.split(ORGANIZATION, first.id, [], by=ANN), InvalidRequest),
        (service.split(ORGANIZATION, first.id, ids(3), by=ANN), Conflict),
        (service.split(ORGANIZATION, uuid4(), ids(1), by=ANN), NotFound),
        (service.split(OTHER_ORGANIZATION, first.id, ids(1), by=ANN), NotFound),
        (service.merge(ORGANIZATION, first.id, [first.id], by=ANN), InvalidRequest),
        (service.merge(ORGANIZATION, first.id, [uuid4()], by=ANN), NotFound),
        (service.merge(OTHER_ORGANIZATION, first.id, [second.id], by=ANN), NotFound),
        (service.move(ORGANIZATION, first.id, ids(1), first.id, by=ANN), InvalidRequest),
        (service.move(ORGANIZATION, first.id, ids(1), uuid4(), by=ANN), NotFound),
        (service.move(ORGANIZATION, first.id, ids(3), second.id, by=ANN), Conflict),
        (service.undo(ORGANIZATION, uuid4(), by=ANN), NotFound),
        (service.signals(OTHER_ORGANIZATION, first.id), NotFound),
        (service.corrections(OTHER_ORGANIZATION, first.id), NotFound),
    ):
        with pytest.raises(error):
            await asked
    assert await service.last_sequence(ORGANIZATION) == before
