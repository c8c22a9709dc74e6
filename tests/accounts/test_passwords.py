import asyncio
import threading
import time

import pytest

from tests.accounts.clock import HeldClock
from tocsin.accounts import passwords as subject
from tocsin.accounts.passwords import Passwords
from tocsin.kit.errors import InvalidRequest, TooManyRequests

EMAIL = "someone@example.com"
ADDRESS = "192.0.2.7"
PASSWORD = "correct horse battery"


@pytest.fixture
def passwords(clock: HeldClock) -> Passwords:
    return Passwords(clock)


async def test_check_tells_the_right_password_from_a_wrong_one(passwords: Passwords) -> None:
    stored = await passwords.hash(PASSWORD)
    assert await passwords.check(PASSWORD, email=EMAIL, address=ADDRESS, stored_hash=stored)
    assert not await passwords.check(PASSWORD + " ", email=EMAIL, address=ADDRESS, stored_hash=stored)


async def test_check_says_no_when_the_stored_hash_is_damaged(passwords: Passwords) -> None:
    assert not await passwords.check(PASSWORD, email=EMAIL, address=ADDRESS, stored_hash="damaged")


async def test_check_hashes_as_well_when_there_is_no_user(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[tuple[str, str]] = []

    def matches(stored_hash: str, password: str) -> bool:
        hashes.append((stored_hash, password))
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    assert not await passwords.check(PASSWORD, email=EMAIL, address=ADDRESS, stored_hash=None)
    [(stored_hash, password)] = hashes
    assert stored_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert password == PASSWORD


async def test_check_leaves_the_event_loop_free_while_it_hashes(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def matches(stored_hash: str, password: str) -> bool:
        threads.append(threading.get_ident())
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    await passwords.check(PASSWORD, email=EMAIL, address=ADDRESS, stored_hash="stored")
    assert threads != [threading.get_ident()]


async def test_check_counts_every_failure_when_attempts_come_all_at_once(passwords: Passwords) -> None:
    stored = await passwords.hash(PASSWORD)
    outcomes = await asyncio.gather(
        *(passwords.check("wrong", email=EMAIL, address=ADDRESS, stored_hash=stored) for _ in range(30)),
        return_exceptions=True,
    )
    tried = outcomes.count(False)
    # One attempt may be in each of the two slots when the tenth fails.
    assert 10 <= tried <= 11
    assert len([outcome for outcome in outcomes if isinstance(outcome, TooManyRequests)]) == 30 - tried


async def test_check_refuses_when_too_many_attempts_wait(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_WAITING_ATTEMPTS", 2)

    def matches(stored_hash: str, password: str) -> bool:
        time.sleep(0.05)
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    outcomes = await asyncio.gather(
        *(passwords.check("x", email=EMAIL, address=ADDRESS, stored_hash="stored") for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [bool, bool, TooManyRequests]
    assert await passwords.check("x", email=EMAIL, address=ADDRESS, stored_hash="stored")


@pytest.mark.parametrize("characters", [0, 11, 1_025])
async def test_hash_refuses_when_the_length_is_out_of_bounds(passwords: Passwords, characters: int) -> None:
    with pytest.raises(InvalidRequest):
        await passwords.hash("x" * characters)


async def test_hash_differs_when_two_people_have_one_password(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)
