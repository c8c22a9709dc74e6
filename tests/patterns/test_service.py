"""``PatternsService``: what is stored becomes patterns, whatever the order, and what people decide sticks."""

import random
from uuid import UUID, uuid4

import pytest

from tests.patterns.conftest import NEVER_SECONDS, ORGANIZATION, OTHER_ORGANIZATION, SOMEBODY, new_service, write
from tests.support.logs import NOON_UNIX_NANO
from tests.support.reading import eventually
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import InvalidRequest, NotFound, ServiceUnavailable
from tocsin.logmodel.masking import shape_of
from tocsin.logstore.ports import LogStore
from tocsin.patterns import registry
from tocsin.patterns.contracts import EditKind, PatternCatalogue, RegisteredShape
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService

SECOND = 1_000_000_000
USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
LOGINS = tuple(f"user {name} logged in from 10.0.0.{number}" for number, name in enumerate(USERS))
OTHERS = ("payment 17 declined", "cache is warm", "payment 18 declined")


def _messages(catalogue: PatternCatalogue) -> set[frozenset[int]]:
    return {pattern.shapes for pattern in catalogue.patterns.values()}


def _of(catalogue: PatternCatalogue, message: str) -> int:
    found = catalogue.pattern_of(shape_of(message))
    assert found is not None, message
    return found


async def test_stored_logs_become_patterns(service: PatternsService, store: LogStore) -> None:
    await write(store, *LOGINS, *OTHERS)
    catalogue = await service.look(ORGANIZATION)
    assert len({_of(catalogue, message) for message in LOGINS}) == 1
    assert _of(catalogue, "payment 17 declined") == _of(catalogue, "payment 99 declined")
    assert _of(catalogue, "cache is warm") != _of(catalogue, "payment 17 declined")
    login = catalogue.patterns[_of(catalogue, LOGINS[0])]
    assert login.template.split() == ["user", "<*>", "logged", "in", "from", "<ip>"]
    assert login.first_seen_unix_nano == NOON_UNIX_NANO
    assert login.id == shape_of(LOGINS[0])


async def test_organizations_have_patterns_of_their_own(service: PatternsService, store: LogStore) -> None:
    await write(store, "cache is warm")
    await write(store, "payment 17 declined", organization_id=OTHER_ORGANIZATION)
    assert set((await service.look(ORGANIZATION)).pattern_ids) == {shape_of("cache is warm")}
    assert set((await service.look(OTHER_ORGANIZATION)).pattern_ids) == {shape_of("payment 17 declined")}


async def test_a_pattern_is_found_by_id_shape_template_message_and_name(
    service: PatternsService, store: LogStore
) -> None:
    await write(store, *LOGINS, *OTHERS)
    pattern_id = _of(await service.look(ORGANIZATION), LOGINS[0])
    await service.rename(ORGANIZATION, shape_of(LOGINS[3]), "sign-in", by=SOMEBODY)
    catalogue = await service.catalogue(ORGANIZATION)
    template = catalogue.patterns[pattern_id].template
    for text in (f"{pattern_id:016x}", f"{shape_of(LOGINS[3]):016X}", template, LOGINS[5], "sign-in"):
        found = catalogue.find(text)
        assert found is not None, text
        assert found.id == pattern_id, text
    assert catalogue.find("something else") is None
    assert catalogue.find("0" * 16) is None


async def test_the_same_logs_make_the_same_patterns_in_any_order_and_in_any_pieces(
    organizations: Database, store: LogStore
) -> None:
    timed = [(message, NOON_UNIX_NANO + number * SECOND) for number, message in enumerate((*LOGINS, *OTHERS))]
    expected: PatternCatalogue | None = None
    # Each order in an organization of its own, so that it starts with nothing.
    for seed, organization_id in enumerate((ORGANIZATION, OTHER_ORGANIZATION)):
        service = new_service(organizations, store)
        shuffled = random.Random(seed).sample(timed, len(timed))
        for number, (message, at) in enumerate(shuffled):
            await write(store, message, at=at, organization_id=organization_id)
            if number % (seed + 2) == 0:
                await service.look(organization_id)
        catalogue = await service.look(organization_id)
        expected = expected or catalogue
        assert dict(catalogue.patterns) == dict(expected.patterns)
        await service.close()


async def test_a_restart_makes_the_same_patterns_and_reads_on(organizations: Database, store: LogStore) -> None:
    service = new_service(organizations, store)
    await write(store, *LOGINS[:6], *OTHERS)
    before = await service.look(ORGANIZATION)
    await service.merge(ORGANIZATION, [_of(before, OTHERS[0]), _of(before, OTHERS[1])], by=SOMEBODY)
    before = await service.catalogue(ORGANIZATION)
    await service.close()
    restarted = new_service(organizations, store)
    assert dict((await restarted.catalogue(ORGANIZATION)).patterns) == dict(before.patterns)
    await write(store, *LOGINS[6:], at=NOON_UNIX_NANO + SECOND)
    assert len({_of(await restarted.look(ORGANIZATION), message) for message in LOGINS}) == 1
    await restarted.close()


async def test_what_was_stored_and_not_looked_at_is_read_after_a_restart(
    organizations: Database, store: LogStore
) -> None:
    await write(store, *LOGINS)
    service = new_service(organizations, store)
    assert len((await service.catalogue(ORGANIZATION)).pattern_ids) == len(LOGINS)
    await service.close()


async def test_a_late_log_moves_a_pattern_to_its_time_and_old_ids_go_on_to_work(
    service: PatternsService, store: LogStore
) -> None:
    await write(store, *LOGINS[1:])
    old_id = _of(await service.look(ORGANIZATION), LOGINS[1])
    await write(store, LOGINS[0], at=NOON_UNIX_NANO - SECOND)
    catalogue = await service.look(ORGANIZATION)
    found = catalogue.find(f"{old_id:016x}")
    assert found is not None
    assert (found.id, found.first_seen_unix_nano) == (shape_of(LOGINS[0]), NOON_UNIX_NANO - SECOND)


async def test_a_write_wakes_the_registry(organizations: Database, store: LogStore) -> None:
    service = PatternsService(store, PatternsRepository(organizations), clock=SystemClock(), look_seconds=0.01)
    heard: list[tuple[UUID, int]] = []
    service.on_change(lambda organization_id, catalogue: heard.append((organization_id, len(catalogue.patterns))))
    await write(store, "cache is warm")
    service.wake(ORGANIZATION)

    async def patterns() -> int:
        return len((await service.catalogue(ORGANIZATION)).patterns)

    await eventually(patterns, lambda number: number == 1)
    await write(store, "payment 17 declined")
    service.wake(ORGANIZATION)
    await eventually(patterns, lambda number: number == 2)
    assert heard == [(ORGANIZATION, 1), (ORGANIZATION, 2)]
    await service.close()


async def test_two_processes_come_to_the_same_patterns(organizations: Database, store: LogStore) -> None:
    first, second = new_service(organizations, store), new_service(organizations, store)
    await write(store, *LOGINS, *OTHERS)
    one = await first.look(ORGANIZATION)
    await second.look(ORGANIZATION)
    await first.merge(ORGANIZATION, [_of(one, OTHERS[0]), _of(one, OTHERS[1])], by=SOMEBODY)
    other = await second.look(ORGANIZATION)
    assert dict(other.patterns) == dict((await first.catalogue(ORGANIZATION)).patterns)
    await first.close()
    await second.close()


async def test_what_another_process_registers_during_a_start_is_not_left_out(
    organizations: Database, store: LogStore
) -> None:
    other = new_service(organizations, store)
    await write(store, "cache is warm")
    await other.look(ORGANIZATION)

    class Overtaken(PatternsRepository):
        async def shapes(self, organization_id: UUID) -> list[RegisteredShape]:
            found = await super().shapes(organization_id)
            await write(store, "payment 17 declined")
            await other.look(ORGANIZATION)
            return found

    starting = PatternsService(store, Overtaken(organizations), clock=SystemClock(), look_seconds=NEVER_SECONDS)
    assert set((await starting.look(ORGANIZATION)).pattern_ids) == {
        shape_of("cache is warm"),
        shape_of("payment 17 declined"),
    }
    await starting.close()
    await other.close()


async def test_a_merge_sticks_for_shapes_to_come_and_can_be_undone(service: PatternsService, store: LogStore) -> None:
    await write(store, *LOGINS[:9], *OTHERS)
    before = await service.look(ORGANIZATION)
    merged = await service.merge(
        ORGANIZATION, [_of(before, LOGINS[0]), _of(before, "payment 17 declined")], by=SOMEBODY
    )
    await write(store, LOGINS[9], at=NOON_UNIX_NANO + SECOND)
    catalogue = await service.look(ORGANIZATION)
    assert _of(catalogue, LOGINS[9]) == _of(catalogue, "payment 17 declined") == merged.id
    [edit] = await service.edits(ORGANIZATION)
    assert (edit.kind, edit.created_by) == (EditKind.MERGE, SOMEBODY)
    await service.undo(ORGANIZATION, edit.id)
    catalogue = await service.catalogue(ORGANIZATION)
    assert _of(catalogue, LOGINS[9]) == _of(catalogue, LOGINS[0]) != _of(catalogue, "payment 17 declined")
    assert await service.edits(ORGANIZATION) == []


async def test_a_split_can_be_undone(service: PatternsService, store: LogStore) -> None:
    await write(store, *LOGINS)
    before = await service.look(ORGANIZATION)
    part = await service.split(ORGANIZATION, shape_of(LOGINS[4]), [shape_of(LOGINS[4])], by=SOMEBODY)
    assert part.shapes == {shape_of(LOGINS[4])}
    assert part.template.split() == ["user", "erin", "logged", "in", "from", "<ip>"]
    [edit] = await service.edits(ORGANIZATION)
    await service.undo(ORGANIZATION, edit.id)
    assert _messages(await service.catalogue(ORGANIZATION)) == _messages(before)


async def test_a_pattern_is_muted_until_it_is_not(service: PatternsService, store: LogStore) -> None:
    await write(store, *OTHERS)
    await service.look(ORGANIZATION)
    shape = shape_of("cache is warm")
    assert (await service.mute(ORGANIZATION, shape, muted=True, by=SOMEBODY)).is_muted
    assert not (await service.mute(ORGANIZATION, shape, muted=False, by=SOMEBODY)).is_muted


async def test_what_makes_no_sense_is_refused(service: PatternsService, store: LogStore) -> None:
    await write(store, *LOGINS, *OTHERS)
    catalogue = await service.look(ORGANIZATION)
    login, other = _of(catalogue, LOGINS[0]), _of(catalogue, OTHERS[0])
    with pytest.raises(InvalidRequest, match="at least two patterns"):
        await service.merge(ORGANIZATION, [login, shape_of(LOGINS[1])], by=SOMEBODY)
    with pytest.raises(NotFound, match="no pattern with the id 0000000000000001"):
        await service.merge(ORGANIZATION, [login, 1], by=SOMEBODY)
    with pytest.raises(InvalidRequest, match="is not one of the pattern"):
        await service.split(ORGANIZATION, login, [other], by=SOMEBODY)
    with pytest.raises(InvalidRequest, match="not all of them"):
        await service.split(ORGANIZATION, other, [other], by=SOMEBODY)
    with pytest.raises(NotFound):
        await service.undo(ORGANIZATION, uuid4())
    assert await service.edits(ORGANIZATION) == []


async def test_an_edit_of_one_organization_is_no_business_of_another(service: PatternsService, store: LogStore) -> None:
    await write(store, *OTHERS)
    await service.look(ORGANIZATION)
    await service.mute(ORGANIZATION, shape_of("cache is warm"), muted=True, by=SOMEBODY)
    [edit] = await service.edits(ORGANIZATION)
    assert await service.edits(OTHER_ORGANIZATION) == []
    with pytest.raises(NotFound):
        await service.undo(OTHER_ORGANIZATION, edit.id)


async def test_a_registry_that_is_full_says_so_and_keeps_what_it_has(
    service: PatternsService, store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MAX_SHAPES", 2)
    await write(store, "cache is warm", "cache is cold")
    assert not (await service.look(ORGANIZATION)).is_full
    await write(store, "payment 17 declined", at=NOON_UNIX_NANO + SECOND)
    catalogue = await service.look(ORGANIZATION)
    assert catalogue.is_full
    assert set(catalogue.pattern_ids) == {shape_of("cache is warm"), shape_of("cache is cold")}


async def test_messages_that_no_database_can_hold_are_registered(service: PatternsService, store: LogStore) -> None:
    await write(store, "x" * 10_000)
    await service.look(ORGANIZATION)
    assert len((await service.exemplars(ORGANIZATION, [shape_of("x" * 10_000)]))[shape_of("x" * 10_000)]) == 4_000


async def test_types_follow_the_earliest_log_and_outlast_a_restart(organizations: Database, store: LogStore) -> None:
    service = new_service(organizations, store)
    await write(store, "from 0x1f took long")
    [before] = (await service.look(ORGANIZATION)).patterns.values()
    assert before.template == "from <hex> took long"
    await write(store, "from 10.0.0.1 took long", at=NOON_UNIX_NANO - SECOND)
    [after] = (await service.look(ORGANIZATION)).patterns.values()
    assert after.template == "from <ip> took long"
    await service.close()
    restarted = new_service(organizations, store)
    assert dict((await restarted.catalogue(ORGANIZATION)).patterns) == {after.id: after}
    await restarted.close()


async def test_shapes_that_could_not_be_written_are_written_later(
    organizations: Database, store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = new_service(organizations, store)
    await write(store, "cache is warm")
    with monkeypatch.context() as patched:

        async def refused(*_arguments: object, **_options: object) -> None:
            raise ServiceUnavailable("the database is away")

        patched.setattr(PatternsRepository, "register", refused)
        with pytest.raises(ServiceUnavailable):
            await service.look(ORGANIZATION)
    await write(store, "payment 17 declined", at=NOON_UNIX_NANO + SECOND)
    await service.look(ORGANIZATION)
    kept = await PatternsRepository(organizations).shapes(ORGANIZATION)
    assert {each.shape for each in kept} == {shape_of("cache is warm"), shape_of("payment 17 declined")}
    await service.close()
