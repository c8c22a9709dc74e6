"""The hub of live tails, over a store in memory: each log once, in order, to those whom it matches."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from uuid import UUID

import pyarrow as pa
import pytest

from tests.search.conftest import ORGANIZATION
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.kit.errors import QueryTooExpensive, ServiceUnavailable, StoreUnavailable, TooManyRequests
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.matching import matches
from tocsin.logstore.ports import OrganizationId, Receipt
from tocsin.query.parser import parse
from tocsin.query.tree import Node
from tocsin.search import live, live_filters, live_watcher
from tocsin.search.live import LiveTail
from tocsin.search.live_watcher import Delivery, LiveLog, RateLimit, Watcher, WatcherTooSlow

OTHER_ORGANIZATION = UUID(int=7)


class HeldStore(MemoryLogStore):
    """A store whose reads can be held up, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.is_down = False
        self.reads = 0

    async def read_after(self, organization_id: OrganizationId, ingest_sequence: int, *, limit: int) -> pa.RecordBatch:
        self.reads += 1
        await self.open.wait()
        if self.is_down:
            raise StoreUnavailable("the store is down")
        return await super().read_after(organization_id, ingest_sequence, limit=limit)


@pytest.fixture
async def held_store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def tail(held_store: HeldStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveTail]:
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(live, "POSITION_SECONDS", 0.05)
    tail = LiveTail(held_store)
    yield tail
    await tail.close()


async def _store(store: MemoryLogStore, messages: Sequence[str], organization_id: UUID = ORGANIZATION) -> None:
    offset = store._last_sequence
    batch = log_batch(
        [{"message": text, "timestamp": NOON_UNIX_NANO + offset + row} for row, text in enumerate(messages)]
    )
    await store.write(organization_id, batch, Receipt(received=len(messages)))


class Reader:
    """Reads one live tail, in the background, until it is closed."""

    def __init__(
        self,
        tail: LiveTail,
        query: str = "",
        *,
        after: int | None = None,
        rate_limit: int | None = None,
        organization_id: UUID = ORGANIZATION,
    ) -> None:
        self.deliveries: list[Delivery] = []
        self._begun = asyncio.Event()
        self._watched = tail.watch(organization_id, parse(query), after=after, rate_limit=rate_limit)
        self.task = asyncio.create_task(self._read(self._watched))

    async def _read(self, watched: AsyncGenerator[Delivery]) -> None:
        async with aclosing(watched):
            async for delivery in watched:
                self.deliveries.append(delivery)
                self._begun.set()

    async def begun(self) -> "Reader":
        await asyncio.wait({self.task, asyncio.create_task(self._begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
        return self

    async def messages(self, count: int) -> list[str]:
        """All messages so far, once there are so many, or patience ends."""
        for _ in range(500):
            if len(self._messages) >= count:
                break
            await asyncio.sleep(0.01)
        return self._messages

    @property
    def _messages(self) -> list[str]:
        return [json.loads(log.json)["message"] for delivery in self.deliveries for log in delivery.logs]

    @property
    def left_out(self) -> int:
        return sum(delivery.left_out for delivery in self.deliveries)

    @property
    def position(self) -> int:
        return self.deliveries[-1].position

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def test_a_watcher_sees_what_is_stored_from_now_on(tail: LiveTail, held_store: HeldStore) -> None:
    await _store(held_store, ["before"])
    reader = await Reader(tail).begun()
    await _store(held_store, ["one", "two"])
    await _store(held_store, ["three"])
    assert await reader.messages(3) == ["one", "two", "three"]
    await reader.close()


async def test_each_watcher_sees_what_its_query_matches(tail: LiveTail, held_store: HeldStore) -> None:
    queries = ["failed", "failed", "ok", "NOT failed", "log AND 3"]
    readers = [await Reader(tail, query).begun() for query in queries]
    await _store(held_store, [f"log {number} {'failed' if number % 2 else 'ok'}" for number in range(4)])
    expected = [["log 1 failed", "log 3 failed"]] * 2 + [["log 0 ok", "log 2 ok"]] * 2 + [["log 3 failed"]]
    for reader, messages in zip(readers, expected, strict=True):
        assert await reader.messages(len(messages)) == messages
        await reader.close()


async def test_the_store_is_read_once_for_all_watchers(tail: LiveTail, held_store: HeldStore) -> None:
    readers = [await Reader(tail, f"user{number}").begun() for number in range(50)]
    held_store.reads = 0
    await asyncio.sleep(0.2)
    assert held_store.reads <= 30
    for reader in readers:
        await reader.close()


async def test_a_watcher_goes_on_behind_a_position(tail: LiveTail, held_store: HeldStore) -> None:
    await _store(held_store, ["one", "two", "three"])
    first = await Reader(tail, after=0).begun()
    assert await first.messages(3) == ["one", "two", "three"]
    position = first.position
    await first.close()
    await _store(held_store, ["four"])
    second = await Reader(tail, after=position).begun()
    await _store(held_store, ["five"])
    assert await second.messages(2) == ["four", "five"]
    await second.close()


async def test_nothing_is_missed_or_repeated_when_watchers_join_while_logs_come(
    tail: LiveTail, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "READ_ROWS", 7)
    expected = [f"log {number}" for number in range(300)]
    readers: list[Reader] = []
    for number in range(0, 300, 5):
        await _store(held_store, expected[number : number + 5])
        if number % 25 == 0:
            readers.append(Reader(tail, after=0))
        await asyncio.sleep(0.001)
    for reader in readers:
        assert await reader.messages(300) == expected
        await reader.close()


async def test_a_watcher_ahead_of_its_follower_sees_nothing_twice(tail: LiveTail, held_store: HeldStore) -> None:
    reader = await Reader(tail, after=2).begun()
    await _store(held_store, ["one", "two", "three"])
    assert await reader.messages(1) == ["three"]
    await reader.close()


async def test_positions_are_told_when_nothing_matches(tail: LiveTail, held_store: HeldStore) -> None:
    reader = await Reader(tail, "never").begun()
    await _store(held_store, ["one", "two"])
    for _ in range(200):
        if reader.position == 2:
            break
        await asyncio.sleep(0.01)
    assert reader.position == 2
    assert await reader.messages(0) == []
    await reader.close()


async def test_organizations_see_only_their_own(tail: LiveTail, held_store: HeldStore) -> None:
    ours, theirs = await Reader(tail).begun(), await Reader(tail, organization_id=OTHER_ORGANIZATION).begun()
    await _store(held_store, ["theirs"], OTHER_ORGANIZATION)
    await _store(held_store, ["ours"])
    assert await ours.messages(1) == ["ours"]
    assert await theirs.messages(1) == ["theirs"]
    await ours.close()
    await theirs.close()


async def test_what_exceeds_the_rate_limit_is_counted(tail: LiveTail, held_store: HeldStore) -> None:
    reader, free = await Reader(tail, rate_limit=3).begun(), await Reader(tail).begun()
    await _store(held_store, [f"log {number}" for number in range(10)])
    assert len(await free.messages(10)) == 10
    assert await reader.messages(3) == ["log 0", "log 1", "log 2"]
    assert reader.left_out == 7
    assert reader.position == 10
    await reader.close()
    await free.close()


async def test_what_was_missed_is_paced_and_not_left_out(tail: LiveTail, held_store: HeldStore) -> None:
    expected = [f"log {number}" for number in range(40)]
    await _store(held_store, expected)
    reader = await Reader(tail, after=0, rate_limit=20).begun()
    assert await reader.messages(40) == expected
    assert reader.left_out == 0
    await reader.close()


async def test_a_slow_reader_is_cut_off_alone(
    tail: LiveTail, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_watcher, "MAX_WAITING_BYTES", 2_000)
    monkeypatch.setattr(live, "POSITION_SECONDS", 60)
    slow = tail.watch(ORGANIZATION, parse(""), after=None, rate_limit=None)
    await anext(slow)
    stuck = asyncio.create_task(anext(slow))
    await asyncio.sleep(0.05)
    quick = await Reader(tail).begun()
    await _store(held_store, ["first"])
    assert json.loads((await stuck).logs[0].json)["message"] == "first"
    for number in range(20):
        await _store(held_store, [f"log {number}"])
        await quick.messages(number + 2)
    with pytest.raises(WatcherTooSlow):
        await anext(slow)
    await _store(held_store, ["last"])
    assert (await quick.messages(22))[-1] == "last"
    await quick.close()


async def test_the_dearest_query_is_cut_off_when_all_are_too_dear(
    tail: LiveTail, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap, dear = await Reader(tail, "needle").begun(), await Reader(tail, "/e+/").begun()
    monkeypatch.setattr(live_filters, "matches", _slow_match)
    monkeypatch.setattr(live_filters, "_LEAST_SECONDS", 0.01)
    await _store(held_store, [f"haystack {number}" for number in range(40)] + ["needle"])
    assert await cheap.messages(1) == ["needle"]
    await asyncio.wait({dear.task}, timeout=5)
    assert isinstance(dear.task.exception(), QueryTooExpensive)
    again = Reader(tail, "/e+/", after=0)
    await asyncio.wait({again.task}, timeout=5)
    assert isinstance(again.task.exception(), QueryTooExpensive)
    await cheap.close()


def _slow_match(query: Node, log: Log) -> bool:
    started = time.thread_time()
    while time.thread_time() < started + 0.001:
        pass
    return matches(query, log)


async def test_watchers_are_told_when_the_store_is_down_and_may_come_back(
    tail: LiveTail, held_store: HeldStore
) -> None:
    reader = await Reader(tail).begun()
    position = reader.position
    held_store.is_down = True
    await asyncio.wait({reader.task}, timeout=5)
    assert isinstance(reader.task.exception(), ServiceUnavailable)
    held_store.is_down = False
    await _store(held_store, ["meanwhile"])
    again = await Reader(tail, after=position).begun()
    assert await again.messages(1) == ["meanwhile"]
    await again.close()


async def test_watchers_are_woken_when_logs_were_stored(
    tail: LiveTail, held_store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await Reader(tail).begun()
    await asyncio.sleep(0.05)
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 600)
    await asyncio.sleep(0.05)  # now it waits for ten minutes, unless it is woken
    await _store(held_store, ["one"])
    tail.wake(ORGANIZATION)
    tail.wake(OTHER_ORGANIZATION)
    assert await reader.messages(1) == ["one"]
    await reader.close()


async def test_there_are_no_more_watchers_than_there_is_room_for(
    tail: LiveTail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WATCHERS", 1)
    reader = await Reader(tail).begun()
    with pytest.raises(TooManyRequests):
        await anext(tail.watch(ORGANIZATION, parse(""), after=None, rate_limit=None))
    await reader.close()
    await (await Reader(tail).begun()).close()


async def test_nothing_is_read_when_nobody_watches(tail: LiveTail, held_store: HeldStore) -> None:
    reader = await Reader(tail).begun()
    await reader.close()
    held_store.reads = 0
    await asyncio.sleep(0.05)
    assert held_store.reads == 0


async def test_watchers_end_when_the_tail_is_closed(held_store: HeldStore) -> None:
    tail = LiveTail(held_store)
    reader = await Reader(tail).begun()
    await asyncio.sleep(0.02)
    await tail.close()
    await asyncio.wait({reader.task}, timeout=5)
    assert isinstance(reader.task.exception(), ServiceUnavailable)


async def test_a_watcher_that_is_still_behind_ends_when_the_tail_is_closed(held_store: HeldStore) -> None:
    tail = LiveTail(held_store)
    await _store(held_store, ["one", "two"])
    held_store.open.clear()
    reader = await Reader(tail, after=0).begun()
    await asyncio.sleep(0.02)
    await tail.close()
    held_store.open.set()
    await asyncio.wait({reader.task}, timeout=5)
    assert isinstance(reader.task.exception(), ServiceUnavailable)


def test_a_rate_limit_lets_a_seconds_worth_pass_at_once_and_fills_up_again() -> None:
    now = 100.0
    limit = RateLimit(10, now_seconds=lambda: now)
    assert [limit.take(6), limit.take(6), limit.take(1)] == [6, 4, 0]
    now += 0.25
    assert limit.take(10) == 2
    now += 60
    assert limit.take(100) == 10
    assert RateLimit(None).take(10**9) == 10**9


async def test_a_watchers_deliveries_wait_in_order_until_they_are_read() -> None:
    watcher = Watcher(parse(""), RateLimit(None))
    deliveries = [Delivery([LiveLog(number, b"{}")], 0, number) for number in range(3)]
    assert all(map(watcher.offer, deliveries))
    assert [await watcher.next(patience_seconds=1) for _ in range(3)] == deliveries
    assert await watcher.next(patience_seconds=0.01) is None


async def test_one_large_delivery_is_read_and_the_next_one_behind_it_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_watcher, "MAX_WAITING_BYTES", 10)
    watcher = Watcher(parse(""), RateLimit(None))
    large = Delivery([LiveLog(1, b"x" * 20)], 0, 1)
    assert watcher.offer(large)
    assert await watcher.next(patience_seconds=1) == large
    assert watcher.offer(large)
    assert not watcher.offer(Delivery([LiveLog(2, b"{}")], 0, 2))
    with pytest.raises(WatcherTooSlow):
        await watcher.next(patience_seconds=1)
