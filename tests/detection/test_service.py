"""``DetectionService``: every log is taken in once, whatever fails, and what is found is told."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete

from tests.detection.conftest import (
    ALARMING,
    ORGANIZATION,
    OTHER_ORGANIZATION,
    SECOND,
    CountingState,
    Processes,
    SteppedClock,
    write,
)
from tests.support.logs import NOON_UNIX_NANO
from tests.support.reading import eventually
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.detection.contracts import Finding
from tocsin.detection.repository import DetectionRepository
from tocsin.detection.service import INTERVAL_NANO, LEASE_SECONDS, MAX_AGE_NANO, POLL_SECONDS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import ServiceUnavailable, StoreUnavailable
from tocsin.logstore.ports import LogStore

LATER = NOON_UNIX_NANO + INTERVAL_NANO


async def test_what_is_stored_after_the_first_look_is_taken_in_once(processes: Processes, store: LogStore) -> None:
    process = processes()
    await write(store, "from before", ALARMING)
    assert await process.service.look(ORGANIZATION)
    assert (process.state.total, process.heard) == (0, [])
    await write(store, "cache is warm", "cache is cold", at=LATER)
    await process.service.look(ORGANIZATION)
    await write(store, "cache is hot", at=LATER + SECOND)
    await process.service.look(ORGANIZATION)
    await process.service.look(ORGANIZATION)
    assert process.state.seen == {str(LATER): 3}
    # Patterns are those of the logs that are taken in, and time goes on without logs.
    assert (process.state.without_a_pattern, process.state.calls, len(process.states)) == (0, 4, 1)


async def test_findings_are_told_with_their_organization(processes: Processes, store: LogStore) -> None:
    process = processes()
    for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
        await process.service.look(organization_id)
    await write(store, ALARMING, "cache is warm")
    await write(store, "cache is warm", organization_id=OTHER_ORGANIZATION)
    for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
        await process.service.look(organization_id)
    [(organization_id, [found])] = process.heard
    assert (organization_id, found.observed, found.onset_unix_nano) == (ORGANIZATION, 1, NOON_UNIX_NANO)
    assert [state.total for state in process.states] == [2, 1]


async def test_imported_history_opens_nothing(processes: Processes, store: LogStore) -> None:
    process = processes()
    await process.service.look(ORGANIZATION)
    await write(store, ALARMING, ALARMING, age=MAX_AGE_NANO + 1)
    await process.service.look(ORGANIZATION)
    assert (process.state.total, process.heard) == (0, [])
    await write(store, ALARMING, at=LATER, age=MAX_AGE_NANO)
    await process.service.look(ORGANIZATION)
    assert (process.state.total, len(process.heard)) == (1, 1)


async def test_the_state_is_told_the_time_before_the_logs_were_read(
    processes: Processes, store: LogStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = processes()
    last_sequence = store.last_sequence

    async def slow(organization_id: UUID) -> int:
        clock.pass_seconds(5)
        return await last_sequence(organization_id)

    monkeypatch.setattr(store, "last_sequence", slow)
    await process.service.look(ORGANIZATION)
    assert process.state.now_unix_nano == NOON_UNIX_NANO


@pytest.mark.parametrize("save_seconds", [0.0, 3_600.0])
async def test_after_a_kill_nothing_is_lost_and_nothing_counted_twice(
    processes: Processes, store: LogStore, clock: SteppedClock, save_seconds: float
) -> None:
    killed = processes(save_seconds=save_seconds)
    await killed.service.look(ORGANIZATION)
    await write(store, "cache is warm", ALARMING)
    await killed.service.look(ORGANIZATION)
    await write(store, "cache is warm", at=LATER)
    await killed.service.look(ORGANIZATION)
    # It is not closed: what it did not keep is gone, and its lease goes on to its end.
    await write(store, "cache is warm", ALARMING, at=LATER + SECOND)
    clock.pass_seconds(LEASE_SECONDS)
    restarted = processes()
    assert await restarted.service.look(ORGANIZATION)
    assert restarted.state.seen == {str(NOON_UNIX_NANO): 2, str(LATER): 3}
    assert len({*killed.found, *restarted.found}) == len(killed.found) + len(restarted.found) == 2


async def test_a_kill_between_telling_and_keeping_tells_the_same_again(
    processes: Processes, store: LogStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = processes()
    await killed.service.look(ORGANIZATION)
    await write(store, ALARMING)
    with monkeypatch.context() as patched:
        patched.setattr(DetectionRepository, "save", _unavailable)
        with pytest.raises(ServiceUnavailable):
            await killed.service.look(ORGANIZATION)
    clock.pass_seconds(LEASE_SECONDS)
    restarted = processes()
    await restarted.service.look(ORGANIZATION)
    assert restarted.found == killed.found != []
    assert restarted.state.total == 1


async def test_a_listener_that_fails_hears_the_same_until_it_does_not(processes: Processes, store: LogStore) -> None:
    process = processes()
    failures = 2

    async def failing(_organization_id: UUID, _findings: Sequence[Finding]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise RuntimeError("the listener is broken")

    process.service.on_findings(failing)
    await process.service.look(ORGANIZATION)
    await write(store, ALARMING)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await process.service.look(ORGANIZATION)
    await process.service.look(ORGANIZATION)
    await process.service.look(ORGANIZATION)
    assert len(process.found) == 3
    assert len(set(process.found)) == 1
    assert process.state.total == 1


@pytest.mark.parametrize("method", ["last_sequence", "counts_after"])
async def test_when_the_store_fails_the_same_logs_are_read_later(
    processes: Processes, store: LogStore, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    process = processes()
    await process.service.look(ORGANIZATION)
    await write(store, ALARMING)
    with monkeypatch.context() as patched:
        patched.setattr(store, method, _store_unavailable)
        with pytest.raises(StoreUnavailable):
            await process.service.look(ORGANIZATION)
    await process.service.look(ORGANIZATION)
    assert (process.state.total, len(process.found)) == (1, 1)


async def test_a_state_that_fails_half_way_is_loaded_again(
    processes: Processes, store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = processes()
    await process.service.look(ORGANIZATION)
    await write(store, "cache is warm")
    take = CountingState.take

    def failing(state: CountingState, *arguments: object) -> list[Finding]:
        take(state, *arguments)  # type: ignore[arg-type]
        raise ValueError("half way")

    with monkeypatch.context() as patched:
        patched.setattr(CountingState, "take", failing)
        with pytest.raises(ValueError, match="half way"):
            await process.service.look(ORGANIZATION)
    await process.service.look(ORGANIZATION)
    assert process.state.total == 1


async def test_one_process_at_a_time_follows_an_organization(
    processes: Processes, store: LogStore, clock: SteppedClock
) -> None:
    first, second = processes(), processes()
    assert await first.service.look(ORGANIZATION)
    assert await second.service.look(OTHER_ORGANIZATION)
    await write(store, ALARMING)
    clock.pass_seconds(LEASE_SECONDS - 1)
    assert not await second.service.look(ORGANIZATION)
    assert second.found == []
    clock.pass_seconds(1)
    assert await second.service.look(ORGANIZATION)
    assert len(second.found) == 1
    # The first one has not noticed: it finds the same, and neither tells nor keeps it.
    assert not await first.service.look(ORGANIZATION)
    assert (first.state.total, first.found) == (1, [])
    assert not await first.service.look(ORGANIZATION)
    await write(store, "cache is warm", at=LATER)
    assert await second.service.look(ORGANIZATION)
    assert second.state.total == 2


async def test_who_was_overtaken_keeps_nothing(processes: Processes, store: LogStore, clock: SteppedClock) -> None:
    first, second = processes(), processes()
    await first.service.look(ORGANIZATION)
    clock.pass_seconds(LEASE_SECONDS)
    await second.service.look(ORGANIZATION)
    await write(store, "cache is warm")
    assert not await first.service.look(ORGANIZATION)
    assert await second.service.look(ORGANIZATION)
    await second.close()
    third = processes()
    assert await third.service.look(ORGANIZATION)
    assert (second.state.total, third.state.total) == (1, 1)


def test_a_dead_process_is_replaced_within_half_a_minute() -> None:
    assert LEASE_SECONDS + 2 * POLL_SECONDS <= 30


async def test_a_process_that_is_closed_leaves_its_organizations_at_once(processes: Processes, store: LogStore) -> None:
    first, second = processes(), processes()
    await first.service.look(ORGANIZATION)
    await first.close()
    await write(store, ALARMING)
    assert await second.service.look(ORGANIZATION)
    assert len(second.found) == 1


async def test_a_write_wakes_it_and_a_failing_look_stops_nothing(processes: Processes, store: LogStore) -> None:
    process = processes(look_seconds=0.01)
    heard: list[UUID] = []

    async def failing_once(organization_id: UUID, _findings: Sequence[Finding]) -> None:
        heard.append(organization_id)
        if len(heard) == 1:
            raise RuntimeError("the listener is broken")

    process.service.on_findings(failing_once)
    for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
        await process.service.look(organization_id)
    await process.service.start()
    await write(store, ALARMING)
    process.service.wake(ORGANIZATION)
    await eventually(lambda: _read(heard), lambda found: len(found) == 1)
    await write(store, ALARMING, organization_id=OTHER_ORGANIZATION)
    process.service.wake(OTHER_ORGANIZATION)
    await eventually(lambda: _read(heard), lambda found: OTHER_ORGANIZATION in found)
    await eventually(lambda: _read(heard), lambda found: found.count(ORGANIZATION) == 2)
    assert sorted(heard) == [ORGANIZATION, ORGANIZATION, OTHER_ORGANIZATION]


async def test_organizations_of_a_dead_process_are_found_and_followed_without_a_write(
    processes: Processes, store: LogStore, clock: SteppedClock
) -> None:
    dead = processes()
    await dead.service.look(ORGANIZATION)
    await write(store, ALARMING)
    other = processes(look_seconds=0.01, poll_seconds=0.01)
    await other.service.start()
    clock.pass_seconds(LEASE_SECONDS)
    await eventually(lambda: _read(other.found), lambda found: len(found) == 1)
    assert other.state.total == 1


async def test_a_lease_lasts_as_long_as_its_process(processes: Processes, clock: SteppedClock) -> None:
    # It does not look again, which would lease anew.
    process, other = processes(lease_seconds=0.4, poll_seconds=3_600.0), processes()
    await process.service.look(ORGANIZATION)
    clock.pass_seconds(0.3)
    await process.service.start()

    async def renewed_until() -> bool:
        # Of the clock that stands still, only a renewal moves the end of the lease beyond 0.4 s.
        return not await DetectionRepository(process.database).free(now=utc_now(clock) + timedelta(seconds=0.1))

    assert await eventually(renewed_until, bool)
    clock.pass_seconds(0.2)
    assert not await other.service.look(ORGANIZATION)


async def test_an_organization_that_is_removed_is_followed_no_more(
    processes: Processes, store: LogStore, organizations: Database
) -> None:
    process = processes()
    await process.service.look(ORGANIZATION)
    async with organizations.session(ALL_ORGANIZATIONS) as session:
        await session.execute(delete(OrganizationRow).where(OrganizationRow.id == ORGANIZATION))
    assert not await process.service.look(ORGANIZATION)
    assert not await process.service.look(ORGANIZATION)
    assert await process.service.look(OTHER_ORGANIZATION)


async def _unavailable(*_arguments: object, **_options: object) -> bool:
    raise ServiceUnavailable("the database is away")


async def _store_unavailable(*_arguments: object, **_options: object) -> int:
    raise StoreUnavailable("the store is away")


async def _read(heard: list[UUID]) -> list[UUID]:
    return heard
