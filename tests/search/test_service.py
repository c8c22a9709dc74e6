import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from tests.search.conftest import ORGANIZATION, HeldClock
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import questions_by
from tocsin.kit.errors import InvalidRequest, NotFound, QueryTimedOut, TooManyRequests
from tocsin.logmodel.ids import log_id
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore, Order, Receipt, ScanPlan, Selection, TimeRange
from tocsin.search import limits as limits_module
from tocsin.search.contracts import Question
from tocsin.search.limits import QueryLimits
from tocsin.search.service import SearchService

SECOND = 1_000_000_000
QUESTION = Question(organization_id=ORGANIZATION)


class SlowStore(MemoryLogStore):
    """A store whose counts wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()
        self.running = 0

    async def count(self, selection: Selection) -> int:
        self.running += 1
        await self.released.wait()
        return 0


def _service(store: LogStore, clock: HeldClock, *, max_concurrent: int, timeout_seconds: float) -> SearchService:
    limits = QueryLimits(max_concurrent=max_concurrent, timeout_seconds=timeout_seconds)
    return SearchService(store, questions_by(clock), limits=limits)


async def _write(store: LogStore, rows: list[dict[str, Any]]) -> None:
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))


async def _write_minutes(store: LogStore, count: int) -> None:
    """One log in each of the last minutes."""
    await _write(
        store, [{"timestamp": NOON_UNIX_NANO - n * 60 * SECOND - 1, "message": f"log {n}"} for n in range(count)]
    )


def _messages(rows: pa.Table) -> list[str]:
    messages: list[str] = rows["message"].to_pylist()
    return messages


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
async def test_pages_join_to_all_logs(service: SearchService, store: LogStore, order: Order, limit: int) -> None:
    await _write_minutes(store, 10)
    found: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        page = await service.logs(QUESTION, limit=limit, order=order, cursor=cursor)
        found += _messages(page.rows)
        pages += 1
        cursor = page.next_cursor
        if cursor is None:
            break
    newest_first = [f"log {n}" for n in range(10)]
    assert found == (newest_first if order is Order.NEWEST_FIRST else newest_first[::-1])
    assert pages == -(-10 // limit)


async def test_later_pages_keep_the_first_range_when_time_goes_on(
    service: SearchService, store: LogStore, clock: HeldClock
) -> None:
    await _write_minutes(store, 10)
    question = Question(organization_id=ORGANIZATION, start="now-15m")
    first = await service.logs(question, limit=6)
    clock.unix_nano += 3_600 * SECOND
    second = await service.logs(question, limit=6, cursor=first.next_cursor)
    assert second.time_range == first.time_range
    assert len(_messages(second.rows)) == 4


async def test_only_the_asking_organization_is_read(service: SearchService, store: LogStore) -> None:
    await _write_minutes(store, 3)
    stranger = Question(organization_id=UUID(int=9))
    assert _messages((await service.logs(stranger)).rows) == []
    assert (await service.count(stranger)).count == 0
    timestamp, content_hash = await _any_log(store)
    with pytest.raises(NotFound):
        await service.get(stranger.organization_id, log_id(timestamp, content_hash))


async def _any_log(store: LogStore) -> tuple[int, int]:
    plan = ScanPlan(selection=Selection(organization_id=ORGANIZATION, time_range=TimeRange(0, 2**62)), limit=1)
    [batch] = [batch async for batch in store.scan(plan)]
    return batch["timestamp"].cast(pa.int64())[0].as_py(), batch["content_hash"][0].as_py()


@pytest.mark.parametrize("identifier", [UUID(int=5), UUID("019ae411-b000-7123-8123-456789abc000")])
async def test_an_id_of_another_kind_is_not_found(service: SearchService, identifier: UUID) -> None:
    with pytest.raises(NotFound):
        await service.get(ORGANIZATION, identifier)


@pytest.mark.parametrize("limit", [0, -1, 10_001])
async def test_a_limit_out_of_bounds_is_refused(service: SearchService, limit: int) -> None:
    with pytest.raises(InvalidRequest):
        await service.logs(QUESTION, limit=limit)


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_limit_of_shapes_out_of_bounds_is_refused(service: SearchService, limit: int) -> None:
    with pytest.raises(InvalidRequest):
        await service.top_shapes(QUESTION, limit=limit)


async def test_queries_wait_for_a_slot_and_run_when_one_is_free(clock: HeldClock) -> None:
    store = SlowStore()
    service = _service(store, clock, max_concurrent=2, timeout_seconds=5)
    queries = [asyncio.create_task(service.count(QUESTION)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert store.running == 2
    store.released.set()
    await asyncio.gather(*queries)
    assert store.running == 3


async def test_a_query_is_refused_when_no_slot_becomes_free(clock: HeldClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MAX_WAIT_SECONDS", 0.01)
    store = SlowStore()
    service = _service(store, clock, max_concurrent=1, timeout_seconds=5)
    running = asyncio.create_task(service.count(QUESTION))
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests) as caught:
        await service.count(QUESTION)
    assert caught.value.retry_after_seconds >= 1
    store.released.set()
    await running
    assert (await service.count(QUESTION)).count == 0


async def test_a_query_times_out_and_frees_its_slot_when_the_store_hangs(
    clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "GRACE_SECONDS", 0.0)
    store = SlowStore()
    service = _service(store, clock, max_concurrent=1, timeout_seconds=0.01)
    for _ in range(2):
        with pytest.raises(QueryTimedOut):
            await service.count(QUESTION)


async def test_the_store_is_told_the_time_out_and_asked_for_no_more_than_needed(clock: HeldClock) -> None:
    plans: list[ScanPlan] = []

    class RecordingStore(MemoryLogStore):
        async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
            plans.append(plan)
            async for batch in super().scan(plan):
                yield batch

    service = _service(RecordingStore(), clock, max_concurrent=1, timeout_seconds=7)
    await service.logs(QUESTION, limit=25)
    assert (plans[0].limit, plans[0].selection.timeout_seconds) == (26, 7)
