import asyncio
from collections import Counter

import pytest

from tests.accounts.clock import HeldClock
from tocsin.accounts import fresh_reads as subject
from tocsin.accounts.fresh_reads import FRESH_SECONDS, STALE_SECONDS, FreshReads
from tocsin.kit.errors import ServiceUnavailable


class Source:
    """What is read from: counts its reads, answers when it is let, and can be away."""

    def __init__(self) -> None:
        self.values: dict[str, str | None] = {}
        self.reads: Counter[str] = Counter()
        self.is_away = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def read(self, key: str) -> str | None:
        self.reads[key] += 1
        # What a database answers is of the moment at which it was asked.
        value = self.values.get(key)
        await self.answers.wait()
        if self.is_away:
            raise ServiceUnavailable("the database is not available right now")
        return value


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def reads(source: Source, clock: HeldClock) -> FreshReads[str, str | None]:
    return FreshReads(source.read, clock)


async def settled() -> None:
    """Let what was begun in the background come to its end."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("value", ["a", None])
async def test_a_value_is_read_once_when_it_is_wanted_often(
    reads: FreshReads[str, str | None], source: Source, value: str | None
) -> None:
    source.values["key"] = value
    assert [await reads.get("key") for _ in range(3)] == [value] * 3
    assert source.reads["key"] == 1


async def test_those_who_want_a_value_at_one_time_wait_for_one_read(
    reads: FreshReads[str, str | None], source: Source
) -> None:
    source.values["key"] = "a"
    source.answers.clear()
    waiting = [asyncio.create_task(reads.get("key")) for _ in range(20)]
    await settled()
    waiting.pop().cancel()
    source.answers.set()
    assert await asyncio.gather(*waiting) == ["a"] * 19
    assert source.reads["key"] == 1


async def test_a_change_is_known_after_five_seconds(
    reads: FreshReads[str, str | None], source: Source, clock: HeldClock
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    source.values["key"] = "b"
    clock.move(seconds=1)
    assert await reads.get("key") == "a"
    clock.move(seconds=FRESH_SECONDS - 1)
    assert await reads.get("key") == "b"


async def test_an_ageing_value_is_read_anew_while_the_older_one_serves(
    reads: FreshReads[str, str | None], source: Source, clock: HeldClock
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    source.values["key"] = "b"
    source.answers.clear()
    clock.move(seconds=FRESH_SECONDS * 0.6)
    assert await reads.get("key") == "a"
    source.answers.set()
    await settled()
    assert (await reads.get("key"), source.reads["key"]) == ("b", 2)


async def test_a_value_is_read_anew_when_the_clock_was_set_back(
    reads: FreshReads[str, str | None], source: Source, clock: HeldClock
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    source.values["key"] = "b"
    clock.move(seconds=-1)
    assert await reads.get("key") == "b"


async def test_a_read_that_began_before_something_was_forgotten_is_not_remembered(
    reads: FreshReads[str, str | None], source: Source
) -> None:
    source.values["key"] = "a"
    source.answers.clear()
    early = asyncio.create_task(reads.get("key"))
    await settled()
    source.values["key"] = "b"
    reads.forget("key")
    late = asyncio.create_task(reads.get("key"))
    await settled()
    source.answers.set()
    assert await late == "b"
    await early
    assert await reads.get("key") == "b"


async def test_the_last_value_serves_while_the_database_is_away_and_not_for_ever(
    reads: FreshReads[str, str | None], source: Source, clock: HeldClock
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    source.is_away = True
    clock.move(seconds=FRESH_SECONDS + 1)
    assert [await reads.get("key") for _ in range(3)] == ["a"] * 3
    # It is asked once a second whether it is back, and not by everybody.
    assert source.reads["key"] == 2
    clock.move(seconds=1)
    await reads.get("key")
    assert source.reads["key"] == 3
    clock.move(seconds=STALE_SECONDS)
    with pytest.raises(ServiceUnavailable):
        await reads.get("key")
    source.is_away = False
    assert await reads.get("key") == "a"


async def test_what_was_forgotten_does_not_serve_while_the_database_is_away(
    reads: FreshReads[str, str | None], source: Source
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    source.is_away = True
    reads.forget("key")
    with pytest.raises(ServiceUnavailable):
        await reads.get("key")
    reads.forget_all()
    with pytest.raises(ServiceUnavailable):
        await reads.get("other")


async def test_an_amended_value_is_as_old_as_it_was(
    reads: FreshReads[str, str | None], source: Source, clock: HeldClock
) -> None:
    source.values["key"] = "a"
    await reads.get("key")
    clock.move(seconds=1)
    reads.amend("key", "amended")
    reads.amend("unknown", "amended")
    assert (await reads.get("key"), reads.last("key"), reads.last("unknown")) == ("amended", "amended", None)
    clock.move(seconds=FRESH_SECONDS - 1)
    assert await reads.get("key") == "a"


async def test_guesses_do_not_push_out_what_there_is(
    reads: FreshReads[str, str | None], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_ENTRIES", 2)
    source.values |= {"real": "a"}
    await reads.get("real")
    for guess in range(10):
        await reads.get(f"guess{guess}")
    await reads.get("real")
    await reads.get("guess0")
    assert (source.reads["real"], source.reads["guess0"]) == (1, 2)


async def test_what_was_not_used_for_longest_goes_first(
    reads: FreshReads[str, str | None], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MAX_ENTRIES", 2)
    source.values |= dict.fromkeys("abc", "value")
    for key in "abac":
        await reads.get(key)
    assert [reads.last(key) for key in "abc"] == ["value", None, "value"]
