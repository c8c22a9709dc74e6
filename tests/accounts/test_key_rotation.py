"""API keys that are replaced, signing keys that are replaced, and many requests with one key at once."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from tests.accounts.conftest import SIGNING_KEY, Installation
from tests.accounts.people import add_organization, refused, token_works, works
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import IssuedKey, Principal, Role
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import ApiKeyRow
from tocsin.database.scopes import ALL_ORGANIZATIONS, Scope
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound, Unauthenticated
from tocsin.limits.backends.memory import MemoryRateLimiter

DAY = timedelta(days=1)
NEW_SIGNING_KEY = bytes(64)


async def a_key(installation: Installation, *, lives: timedelta | None = None) -> IssuedKey:
    end = None if lives is None else utc_now(installation.clock) + lives
    return await installation.accounts.keys.create(
        installation.first_start.organization_id, name="ci", default_service="checkout", expires_at=end
    )


async def rotate(installation: Installation, key_id: UUID, *, overlap: timedelta = DAY) -> IssuedKey:
    return await installation.accounts.keys.rotate(installation.first_start.organization_id, key_id, overlap=overlap)


async def test_both_keys_work_during_the_overlap_and_the_new_one_after_it(installation: Installation) -> None:
    keys, old = installation.accounts.keys, await a_key(installation)
    new = await rotate(installation, old.key.id)
    assert (new.key.name, new.key.default_service, new.key.expires_at) == ("ci", "checkout", None)
    installation.clock.move(seconds=24 * 3600 - 1)
    assert [await works(keys.authenticate(each.secret)) for each in (old, new)] == [True, True]
    installation.clock.move(seconds=1)
    assert [await works(keys.authenticate(each.secret)) for each in (old, new)] == [False, True]
    listed = {key.id: key for key in await keys.list(installation.first_start.organization_id)}
    assert listed[old.key.id].replaced_by == new.key.id


async def test_the_old_key_ends_within_five_seconds_when_there_is_no_overlap(installation: Installation) -> None:
    elsewhere, old = installation.another_process(), await a_key(installation)
    assert await works(elsewhere.keys.authenticate(old.secret))
    await rotate(installation, old.key.id, overlap=timedelta(0))
    assert not await works(installation.accounts.keys.authenticate(old.secret))
    installation.clock.move(seconds=FRESH_SECONDS)
    assert not await works(elsewhere.keys.authenticate(old.secret))


async def test_the_new_key_lives_as_long_as_the_old_one_was_given_to(installation: Installation) -> None:
    old = await a_key(installation, lives=10 * DAY)
    installation.clock.move(seconds=9.5 * 24 * 3600)
    new = await rotate(installation, old.key.id)
    assert new.key.expires_at == utc_now(installation.clock) + 10 * DAY
    [listed] = [k for k in await installation.accounts.keys.list(organization_of(installation)) if k.id == old.key.id]
    assert listed.expires_at == old.key.expires_at


def organization_of(installation: Installation) -> UUID:
    return installation.first_start.organization_id


async def test_a_key_is_rotated_once(installation: Installation) -> None:
    old = await a_key(installation)
    new = await rotate(installation, old.key.id)
    assert str(new.key.id) in await refused(rotate(installation, old.key.id), Conflict)
    await rotate(installation, new.key.id)


async def test_a_key_is_rotated_once_when_asked_twice_at_once(installation: Installation) -> None:
    old, processes = await a_key(installation), [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(
        *(each.keys.rotate(organization_of(installation), old.key.id, overlap=DAY) for each in processes),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "IssuedKey"]


async def test_a_key_that_has_ended_is_not_rotated(installation: Installation) -> None:
    revoked, expired = await a_key(installation), await a_key(installation, lives=DAY)
    await installation.accounts.keys.revoke(organization_of(installation), revoked.key.id)
    installation.clock.move(seconds=24 * 3600)
    for ended in (revoked, expired):
        await refused(rotate(installation, ended.key.id), Conflict)


async def test_a_key_of_another_organization_is_not_there(installation: Installation) -> None:
    key, theirs = await a_key(installation), await add_organization(installation)
    keys = installation.accounts.keys
    await refused(keys.rotate(theirs, key.key.id, overlap=DAY), NotFound)
    await refused(keys.revoke(theirs, key.key.id), NotFound)
    await refused(rotate(installation, uuid4()), NotFound)
    assert await works(keys.authenticate(key.secret))


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), 90 * DAY + timedelta(seconds=1)])
async def test_an_overlap_is_refused_that_is_none_or_endless(installation: Installation, overlap: timedelta) -> None:
    await refused(rotate(installation, (await a_key(installation)).key.id, overlap=overlap), InvalidRequest)


def with_signing_keys(installation: Installation, *secrets: bytes) -> AccountsService:
    keys = SigningKeys.of(*secrets)
    return AccountsService(
        installation.database,
        signing_keys=keys,
        clock=installation.clock,
        limiter=MemoryRateLimiter(installation.clock),
    )


async def signing_key_id(installation: Installation, key_id: UUID) -> str | None:
    async with installation.database.read_session(ALL_ORGANIZATIONS) as session:
        return (await session.scalars(select(ApiKeyRow.signing_key_id).where(ApiKeyRow.id == key_id))).one()


async def test_tokens_work_while_their_signing_key_is_one_of_the_ring(installation: Installation) -> None:
    somebody = Principal(uuid4(), organization_of(installation), Role.VIEWER, "v@example.com")
    old = installation.token_of(somebody)
    new = AccessTokens(SigningKeys.of(NEW_SIGNING_KEY, SIGNING_KEY), installation.clock).mint(somebody).token
    both = with_signing_keys(installation, NEW_SIGNING_KEY, SIGNING_KEY)
    assert [await token_works(both, token) for token in (old, new)] == [True, True]
    alone = with_signing_keys(installation, NEW_SIGNING_KEY)
    assert [await token_works(alone, token) for token in (old, new)] == [False, True]


async def test_a_key_in_use_outlives_the_signing_key_that_it_was_hashed_with(installation: Installation) -> None:
    used, idle = await a_key(installation), await a_key(installation)
    for key in (used, idle):
        await installation.accounts.keys.authenticate(key.secret)
    both = with_signing_keys(installation, NEW_SIGNING_KEY, SIGNING_KEY)
    await both.keys.authenticate(used.secret)
    assert await signing_key_id(installation, used.key.id) == SigningKeys.of(SIGNING_KEY).current.id
    installation.clock.move(seconds=60)
    await both.keys.authenticate(used.secret)
    assert await signing_key_id(installation, used.key.id) == SigningKeys.of(NEW_SIGNING_KEY).current.id
    assert await works(both.keys.authenticate(used.secret))
    alone = with_signing_keys(installation, NEW_SIGNING_KEY)
    assert await works(alone.keys.authenticate(used.secret))
    assert not await works(alone.keys.authenticate(idle.secret))


async def test_a_hash_from_before_signing_keys_were_changed_works(installation: Installation) -> None:
    key = await a_key(installation)
    async with installation.database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key.key.id).values(signing_key_id=None))
    both = with_signing_keys(installation, NEW_SIGNING_KEY, SIGNING_KEY)
    assert await works(both.keys.authenticate(key.secret))
    assert not await works(both.keys.authenticate(key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B")))
    assert await works(with_signing_keys(installation, NEW_SIGNING_KEY).keys.authenticate(key.secret))


def counted(calls: list[str], name: str, method: Callable[[Scope], object]) -> Callable[[Scope], object]:
    def call(scope: Scope) -> object:
        calls.append(name)
        return method(scope)

    return call


async def test_many_requests_at_once_cost_one_read_and_one_write(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[str] = []
    for kind in ("read_session", "session"):
        monkeypatch.setattr(installation.database, kind, counted(sessions, kind, getattr(installation.database, kind)))
    key = installation.first_start.api_key
    for used in (["read_session", "session"], ["read_session"]):
        assert all(await asyncio.gather(*(works(installation.accounts.keys.authenticate(key)) for _ in range(100))))
        assert sessions == used
        sessions.clear()
        installation.clock.move(seconds=FRESH_SECONDS)


async def test_a_caller_who_leaves_does_not_take_the_read_from_the_others(installation: Installation) -> None:
    keys, key = installation.accounts.keys, installation.first_start.api_key
    first = asyncio.create_task(keys.authenticate(key))
    others = [asyncio.create_task(keys.authenticate(key)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert len({identity.key_id for identity in await asyncio.gather(*others)}) == 1


async def test_secrets_are_compared_in_a_time_that_does_not_depend_on_them(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    await refused(installation.accounts.keys.authenticate(installation.first_start.api_key), Unauthenticated)
