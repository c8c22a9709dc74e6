import asyncio
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from tests.accounts.clock import HeldClock
from tests.accounts.conftest import Installation
from tests.accounts.people import add_person, sign_in, token_works
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.revocations import Revocations
from tocsin.accounts.tables import RevocationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS, Scope
from tocsin.database.service import Database
from tocsin.kit.errors import ServiceUnavailable, Unauthenticated

MICROSECOND = 1_000


@pytest.fixture
def revocations(database: Database, clock: HeldClock) -> Revocations:
    return Revocations(database, clock)


async def revoke(revocations: Revocations, database: Database, *subject_ids: UUID) -> int:
    async with database.session(ALL_ORGANIZATIONS) as session:
        return await revocations.revoke(session, *subject_ids)


async def counts(revocations: Revocations, user_id: UUID, *, made_unix_nano: int) -> bool:
    somebody = Principal(user_id, uuid4(), Role.VIEWER, "v@example.com", issued_unix_nano=made_unix_nano)
    try:
        await revocations.check(somebody)
    except Unauthenticated:
        return False
    return True


async def test_tokens_count_that_were_made_after_the_microsecond_of_the_revocation(
    revocations: Revocations, database: Database, clock: HeldClock
) -> None:
    user_id, now = uuid4(), clock.now_unix_nano()
    end = await revoke(revocations, database, user_id)
    assert now <= end < now + MICROSECOND
    other = Revocations(database, clock)
    for known in (revocations, other):
        assert not await counts(known, user_id, made_unix_nano=now)
        assert not await counts(known, user_id, made_unix_nano=end)
        assert await counts(known, user_id, made_unix_nano=end + 1)
        assert await counts(known, uuid4(), made_unix_nano=now)


async def test_a_revocation_is_known_elsewhere_within_five_seconds(
    revocations: Revocations, database: Database, clock: HeldClock
) -> None:
    user_id, made, other = uuid4(), clock.now_unix_nano(), Revocations(database, clock)
    assert await counts(other, user_id, made_unix_nano=made)
    await revoke(revocations, database, user_id)
    assert await counts(other, user_id, made_unix_nano=made)
    clock.move(seconds=FRESH_SECONDS)
    assert not await counts(other, user_id, made_unix_nano=made)


async def test_the_last_known_revocations_stay_when_the_database_is_away(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(installation, "ada", Role.VIEWER)
    await add_person(installation, "bob", Role.VIEWER)
    ada, bob = await sign_in(installation, "ada"), await sign_in(installation, "bob")
    accounts = installation.accounts
    await accounts.sessions.end_own(await accounts.principal_of(ada.access.token))
    elsewhere = installation.another_process()
    assert not await token_works(elsewhere, ada.access.token)

    def away(*_: object) -> None:
        raise ServiceUnavailable("the database is away")

    monkeypatch.setattr(installation.database, "read_session", away)
    installation.clock.move(seconds=FRESH_SECONDS)
    with capture_logs() as logs:
        assert not await token_works(elsewhere, ada.access.token)
        assert await token_works(elsewhere, bob.access.token)
    assert [(each["event"], each["log_level"]) for each in logs] == [("accounts.older_read_serves", "warning")]


async def test_revocations_are_read_once_when_many_ask_at_once(
    database: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Scope] = []
    read_session = database.read_session

    def counted(scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
        reads.append(scope)
        return read_session(scope)

    monkeypatch.setattr(database, "read_session", counted)
    revocations = Revocations(database, clock)
    for expected in (1, 2):
        await asyncio.gather(*(counts(revocations, uuid4(), made_unix_nano=1) for _ in range(50)))
        assert len(reads) == expected
        clock.move(seconds=FRESH_SECONDS)


async def test_revocations_are_forgotten_when_every_token_of_before_has_ended(
    revocations: Revocations, database: Database, clock: HeldClock
) -> None:
    old, new = uuid4(), uuid4()
    await revoke(revocations, database, old)
    clock.move(seconds=16 * 60 + 1)
    await revoke(revocations, database, new)
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        assert list(await session.scalars(select(RevocationRow.subject_id))) == [new]


async def test_the_latest_of_several_revocations_counts(
    revocations: Revocations, database: Database, clock: HeldClock
) -> None:
    user_id = uuid4()
    await revoke(revocations, database, user_id)
    clock.move(seconds=1)
    latest = await revoke(revocations, database, user_id, user_id)
    clock.move(seconds=-0.5)
    await revoke(revocations, database, user_id)
    other = Revocations(database, clock)
    assert not await counts(other, user_id, made_unix_nano=latest)
    assert await counts(other, user_id, made_unix_nano=latest + 1)


async def test_one_person_is_revoked_by_several_processes_at_once(database: Database, clock: HeldClock) -> None:
    user_ids = [uuid4() for _ in range(5)]
    processes = [Revocations(database, clock) for _ in range(4)]
    await asyncio.gather(
        *(revoke(each, database, *user_ids[:: (-1) ** n]) for n, each in enumerate(processes)),
    )
    other = Revocations(database, clock)
    assert [await counts(other, user_id, made_unix_nano=1) for user_id in user_ids] == [False] * 5
